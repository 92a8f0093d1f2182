//! Consumers with throughput of their own.

use super::tags::TAGS;
use super::*;

pub(super) static REGISTER: Structure = Structure::new(
    "RegisterStreamConsumerInput",
    &[
        Member::required("StreamARN", ARN),
        Member::required("ConsumerName", NAMED),
        STREAM_ID,
        Member::optional("Tags", TAGS),
    ],
);

/// A consumer is named by its ARN, or by its name and its stream.
const ONE: &[Member] = &[
    STREAM_ARN,
    Member::optional("ConsumerName", NAMED),
    Member::optional("ConsumerARN", CONSUMER),
    STREAM_ID,
];

pub(super) static DEREGISTER: Structure = Structure::new("DeregisterStreamConsumerInput", ONE);
pub(super) static DESCRIBE: Structure = Structure::new("DescribeStreamConsumerInput", ONE);

pub(super) static LIST: Structure = Structure::new(
    "ListStreamConsumersInput",
    &[
        Member::required("StreamARN", ARN),
        Member::optional("NextToken", NEXT_TOKEN),
        Member::optional("MaxResults", PAGE),
        Member::optional("StreamCreationTimestamp", Shape::Timestamp),
        STREAM_ID,
    ],
);
