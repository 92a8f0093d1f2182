//! Listing, splitting and merging shards.

use super::*;

static FILTER: Structure = Structure::new(
    "ShardFilter",
    &[
        Member::required(
            "Type",
            Shape::one_of(&[
                "AFTER_SHARD_ID",
                "AT_TRIM_HORIZON",
                "FROM_TRIM_HORIZON",
                "AT_LATEST",
                "AT_TIMESTAMP",
                "FROM_TIMESTAMP",
            ]),
        ),
        Member::optional("ShardId", NAMED),
        Member::optional("Timestamp", Shape::Timestamp),
    ],
);

pub(super) static LIST: Structure = Structure::new(
    "ListShardsInput",
    &[
        Member::optional("MaxResults", PAGE),
        Member::optional("ExclusiveStartShardId", NAMED),
        Member::optional("NextToken", NEXT_TOKEN),
        Member::optional("StreamCreationTimestamp", Shape::Timestamp),
        Member::optional("ShardFilter", Shape::Structure(&FILTER)),
        Member::optional("StreamName", NAMED),
        STREAM_ARN,
        STREAM_ID,
    ],
);

pub(super) static SPLIT: Structure = Structure::new(
    "SplitShardInput",
    &[
        Member::required("NewStartingHashKey", HASH_KEY),
        STREAM_NAME,
        Member::required("ShardToSplit", NAMED),
        STREAM_ARN,
        STREAM_ID,
    ],
);

pub(super) static MERGE: Structure = Structure::new(
    "MergeShardsInput",
    &[
        Member::required("ShardToMerge", NAMED),
        Member::required("AdjacentShardToMerge", NAMED),
        STREAM_NAME,
        STREAM_ARN,
        STREAM_ID,
    ],
);

pub(super) static UPDATE_COUNT: Structure = Structure::new(
    "UpdateShardCountInput",
    &[
        Member::required("ScalingType", Shape::one_of(&["UNIFORM_SCALING"])),
        STREAM_NAME,
        Member::required("TargetShardCount", Shape::Integer(Range::at_least(1))),
        STREAM_ARN,
        STREAM_ID,
    ],
);
