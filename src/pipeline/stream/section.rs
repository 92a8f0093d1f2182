//! What a topology says of a stream.

use crate::units::{ByteSize, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[stream.NAME]`: durable shards that any number of nodes read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamSection {
    /// Number of shards, 1 to 1,024. Default 1. It cannot be changed once the stream has records; what was split or
    /// merged at run time stays so while this number does not change.
    #[serde(default = "one")]
    pub shards: u32,
    /// How long records are kept that every reader has passed. Default "24h".
    #[serde(default = "one_day")]
    pub retention: Span,
    /// Most bytes kept in each shard, whatever their age.
    #[serde(default)]
    pub retention_bytes: Option<ByteSize>,
    /// Rate limits for each shard. Unlimited when absent.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// JSON pointer to the partition key in a record, used when the request names none.
    #[serde(default)]
    pub partition_key: Option<String>,
    /// Largest record. Default "1MiB".
    #[serde(default = "one_mebibyte")]
    pub max_record: ByteSize,
}

/// Rates that each shard admits; more is answered with 429.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most records a second.
    #[serde(default)]
    pub records_per_second: Option<u32>,
    /// Most payload bytes a second.
    #[serde(default)]
    pub bytes_per_second: Option<ByteSize>,
    /// Records admitted at once after a pause. Default: one second's worth.
    #[serde(default)]
    pub burst_records: Option<u32>,
    /// Bytes admitted at once after a pause. Default: one second's worth.
    #[serde(default)]
    pub burst_bytes: Option<ByteSize>,
}

impl Limits {
    /// What a shard admits in AWS: 1,000 records and 1 MiB a second.
    pub fn of_aws() -> Self {
        Self {
            records_per_second: Some(1_000),
            bytes_per_second: Some(one_mebibyte()),
            burst_records: None,
            burst_bytes: None,
        }
    }
}

impl Default for StreamSection {
    fn default() -> Self {
        Self {
            shards: one(),
            retention: one_day(),
            retention_bytes: None,
            limits: None,
            partition_key: None,
            max_record: one_mebibyte(),
        }
    }
}

fn one() -> u32 {
    1
}
fn one_day() -> Span {
    Span(std::time::Duration::from_secs(86_400))
}
fn one_mebibyte() -> ByteSize {
    ByteSize(1 << 20)
}
