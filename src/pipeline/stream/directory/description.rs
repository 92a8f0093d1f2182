//! What is told of a stream, its shards and its consumers.

use super::StreamIdentity;
use crate::pipeline::stream::DefinedShard;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

/// Where a stream or a consumer is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStatus {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl StreamStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

/// Who decides how many shards a stream has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamMode {
    #[default]
    #[serde(rename = "PROVISIONED")]
    Provisioned,
    #[serde(rename = "ON_DEMAND")]
    OnDemand,
}

impl StreamMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "PROVISIONED",
            Self::OnDemand => "ON_DEMAND",
        }
    }
}

/// How records are spread over the shards of an on-demand stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Distribution {
    /// Evenly, whatever partition key and hash key a record has.
    #[serde(rename = "AUTO")]
    Auto,
    #[default]
    #[serde(rename = "USER_PARTITION_KEY")]
    PartitionKey,
}

impl Distribution {
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::PartitionKey => "USER_PARTITION_KEY",
        }
    }
}

/// A stream as it is at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamDescription {
    pub identity: StreamIdentity,
    /// Twenty letters and digits, a dash, three more: another one for each stream that ever had the name.
    pub id: String,
    pub status: StreamStatus,
    pub created_at_ms: i64,
    pub mode: StreamMode,
    pub retention_hours: u32,
    /// Names of the shard-level metrics that are switched on.
    pub monitoring: BTreeSet<String>,
    /// The key that records are said to be encrypted with; none when they are not.
    pub encryption_key: Option<String>,
    pub open_shards: u32,
    pub consumers: u32,
    pub max_record_kib: u32,
    /// Writes that the stream is to be ready for, in MiB a second; on-demand streams only.
    pub warm_throughput_mibps: Option<u32>,
    pub distribution: Distribution,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<String>,
}

/// A shard as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardDescription {
    pub defined: DefinedShard,
    /// The first sequence that it still holds; sequences of a shard begin at 0.
    pub first: u64,
    /// The sequence that the next record gets, or would have got.
    pub next: u64,
}

/// Whoever is told of a shard asks for its number, its hashes, its parents and its times.
impl Deref for ShardDescription {
    type Target = DefinedShard;

    fn deref(&self) -> &DefinedShard {
        &self.defined
    }
}

/// A registered consumer of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerDescription {
    pub stream: StreamIdentity,
    pub name: String,
    pub arn: String,
    /// Creating, active or deleting.
    pub status: StreamStatus,
    pub created_at_ms: i64,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<String>,
}
