//! Making, describing, listing and deleting streams.

use super::*;
use super::{
    settings::{DISTRIBUTION, MAX_RECORD_SIZE, MODE_DETAILS, WARM_THROUGHPUT},
    tags::TAGS,
};

pub(super) static CREATE: Structure = Structure::new(
    "CreateStreamInput",
    &[
        Member::optional("ShardCount", Shape::Integer(Range::at_least(1))),
        Member::required("StreamName", NAMED),
        Member::optional("StreamModeDetails", MODE_DETAILS),
        Member::optional("Tags", TAGS),
        Member::optional("WarmThroughputMiBps", WARM_THROUGHPUT),
        Member::optional("MaxRecordSizeInKiB", MAX_RECORD_SIZE),
        Member::optional("RecordDistributionStrategy", DISTRIBUTION),
    ],
);

pub(super) static DELETE: Structure = Structure::new(
    "DeleteStreamInput",
    &[Member::optional("EnforceConsumerDeletion", Shape::Boolean), STREAM_NAME, STREAM_ARN, STREAM_ID],
);

pub(super) static DESCRIBE: Structure = Structure::new(
    "DescribeStreamInput",
    &[
        Member::optional("Limit", PAGE),
        Member::optional("ExclusiveStartShardId", NAMED),
        STREAM_NAME,
        STREAM_ARN,
        STREAM_ID,
    ],
);

pub(super) static DESCRIBE_SUMMARY: Structure =
    Structure::new("DescribeStreamSummaryInput", &[STREAM_NAME, STREAM_ARN, STREAM_ID]);

pub(super) static LIST: Structure = Structure::new(
    "ListStreamsInput",
    &[
        Member::optional("Limit", PAGE),
        Member::optional("ExclusiveStartStreamName", NAMED),
        Member::optional("NextToken", NEXT_TOKEN),
    ],
);
