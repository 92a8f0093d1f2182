//! Writing and reading records.

use super::*;
use crate::wire::protocol::List;

/// Most bytes of a record's data, 10 MiB.
const DATA: Shape = Shape::Blob(Length::between(0, 10_485_760));
const PARTITION_KEY: Shape = Shape::Text(Text::ANY.length(1, 256));

pub(super) static PUT_RECORD: Structure = Structure::new(
    "PutRecordInput",
    &[
        Member::optional("SequenceNumberForOrdering", SEQUENCE_NUMBER),
        Member::optional("PartitionKey", PARTITION_KEY),
        Member::optional("ExplicitHashKey", HASH_KEY),
        Member::required("Data", DATA),
        STREAM_NAME,
        STREAM_ARN,
        STREAM_ID,
        DRY_RUN,
    ],
);

static ENTRY: Structure = Structure::new(
    "PutRecordsRequestEntry",
    &[
        Member::optional("PartitionKey", PARTITION_KEY),
        Member::optional("ExplicitHashKey", HASH_KEY),
        Member::required("Data", DATA),
    ],
);

static ENTRIES: List = List { length: Length::between(1, 500), member: Shape::Structure(&ENTRY) };

pub(super) static PUT_RECORDS: Structure = Structure::new(
    "PutRecordsInput",
    &[Member::required("Records", Shape::List(&ENTRIES)), STREAM_NAME, STREAM_ARN, STREAM_ID, DRY_RUN],
);

pub(super) static GET_SHARD_ITERATOR: Structure = Structure::new(
    "GetShardIteratorInput",
    &[
        Member::required("ShardId", NAMED),
        Member::required("ShardIteratorType", ITERATOR_TYPE),
        Member::optional("StartingSequenceNumber", SEQUENCE_NUMBER),
        Member::optional("Timestamp", Shape::Timestamp),
        STREAM_NAME,
        STREAM_ARN,
        STREAM_ID,
        DRY_RUN,
    ],
);

pub(super) static GET_RECORDS: Structure = Structure::new(
    "GetRecordsInput",
    &[
        Member::optional("Limit", PAGE),
        Member::required("ShardIterator", Shape::Text(Text::ANY.length(1, 512))),
        STREAM_ARN,
        STREAM_ID,
        DRY_RUN,
    ],
);

static STARTING_POSITION: Structure = Structure::new(
    "StartingPosition",
    &[
        Member::required("Type", ITERATOR_TYPE),
        Member::optional("SequenceNumber", SEQUENCE_NUMBER),
        Member::optional("Timestamp", Shape::Timestamp),
    ],
);

pub(super) static SUBSCRIBE_TO_SHARD: Structure = Structure::new(
    "SubscribeToShardInput",
    &[
        Member::required("ConsumerARN", CONSUMER),
        Member::required("ShardId", NAMED),
        Member::required("StartingPosition", Shape::Structure(&STARTING_POSITION)),
        STREAM_ID,
        DRY_RUN,
    ],
);
