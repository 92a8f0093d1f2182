//! Why a verb on a stream was refused. Whoever asked pays; nothing has changed then.

use super::{StreamIdentity, StreamStatus};
use crate::{pipeline::stream::StreamError, storage::CommitError};

/// A refusal, with all that its text needs; `kind` says what class of error it is.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("stream {0} is not there")]
    StreamNotFound(StreamIdentity),
    #[error("stream {0} is there already")]
    StreamExists(StreamIdentity),
    #[error("stream {stream} is {}, not ACTIVE", status.name())]
    NotActive { stream: StreamIdentity, status: StreamStatus },
    #[error("stream {0} belongs to the topology that runs; take it out of the topology's file first")]
    OfTheTopology(StreamIdentity),
    #[error("stream {0} has registered consumers; deregister them, or enforce their deletion")]
    HasConsumers(StreamIdentity),
    #[error("stream {stream} has no shard {shard}")]
    ShardNotFound { stream: StreamIdentity, shard: u32 },
    #[error("shard {shard} of stream {stream} was split or merged before")]
    ShardClosed { stream: StreamIdentity, shard: u32 },
    #[error("shards {first} and {second} of stream {stream} are not adjacent")]
    NotAdjacent { stream: StreamIdentity, first: u32, second: u32 },
    #[error("hash {hash} is not between {first} and {last}, within which shard {shard} can be split")]
    HashOutOfBounds { stream: StreamIdentity, shard: u32, hash: u128, first: u128, last: u128 },
    #[error(
        "{wanted} shards are wanted, {open} are open, and the limit of account {account} in {region} is {limit}"
    )]
    ShardLimit { account: String, region: String, open: u64, wanted: u64, limit: u64 },
    #[error("account {account} has {limit} on-demand streams in {region}, which is the limit")]
    OnDemandLimit { account: String, region: String, limit: u32 },
    #[error("account {account} has {limit} streams in the state CREATING in {region}, which is the limit")]
    CreatingLimit { account: String, region: String, limit: u32 },
    /// `least` and `most` that one call may go to.
    #[error("stream {stream} has {current} open shards; {target} is not between {least} and {most}")]
    ScalingOutOfBounds { stream: StreamIdentity, current: u32, target: u32, least: u32, most: u32 },
    #[error("stream {stream} has {current} open shards already")]
    NothingToScale { stream: StreamIdentity, current: u32 },
    #[error("stream {stream} was scaled {limit} times within a day, which is the limit")]
    ScaledTooOften { stream: StreamIdentity, limit: u32 },
    #[error("stream {0} is in on-demand mode, where shards are not counted by hand")]
    OnDemand(StreamIdentity),
    #[error("stream {0} is in provisioned mode")]
    Provisioned(StreamIdentity),
    #[error("stream {stream} was switched between modes {limit} times within a day, which is the limit")]
    SwitchedTooOften { stream: StreamIdentity, limit: u32 },
    /// Retention was to grow and would shrink, or the other way round.
    #[error("a retention of {wanted} hours is {} than the {current} hours of stream {stream}", if *increase { "less" } else { "more" })]
    RetentionDirection { stream: StreamIdentity, current: u32, wanted: u32, increase: bool },
    #[error("a retention of {wanted} hours is not between {least} and {most}")]
    RetentionOutOfBounds { stream: StreamIdentity, wanted: u32, least: u32, most: u32 },
    #[error("stream {stream} has no consumer {consumer}")]
    ConsumerNotFound { stream: StreamIdentity, consumer: String },
    #[error("stream {stream} has a consumer {consumer} already")]
    ConsumerExists { stream: StreamIdentity, consumer: String },
    #[error("stream {stream} has {limit} consumers, which is the limit")]
    ConsumerLimit { stream: StreamIdentity, limit: u32 },
    #[error("{resource} would have {count} tags; the limit is {limit}")]
    TagLimit { resource: String, count: usize, limit: usize },
    #[error("{0} has no policy")]
    PolicyNotFound(String),
    #[error("account {0} has not committed to a minimum throughput, which warm throughput needs")]
    NotCommitted(String),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("the change could not be stored: {0}")]
    Commit(#[from] CommitError),
}

/// Classes of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    NotFound,
    InUse,
    LimitExceeded,
    InvalidArgument,
    /// The disk is full, or the store fails: not the caller's fault.
    Unavailable,
}

impl DirectoryError {
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::StreamNotFound(_)
            | Self::ShardNotFound { .. }
            | Self::ConsumerNotFound { .. }
            | Self::PolicyNotFound(_) => RefusalKind::NotFound,
            Self::StreamExists(_)
            | Self::NotActive { .. }
            | Self::OfTheTopology(_)
            | Self::HasConsumers(_)
            | Self::ConsumerExists { .. } => RefusalKind::InUse,
            Self::ShardLimit { .. }
            | Self::OnDemandLimit { .. }
            | Self::CreatingLimit { .. }
            | Self::ScalingOutOfBounds { .. }
            | Self::ScaledTooOften { .. }
            | Self::SwitchedTooOften { .. }
            | Self::ConsumerLimit { .. }
            | Self::TagLimit { .. } => RefusalKind::LimitExceeded,
            Self::ShardClosed { .. }
            | Self::NotAdjacent { .. }
            | Self::HashOutOfBounds { .. }
            | Self::NothingToScale { .. }
            | Self::OnDemand(_)
            | Self::Provisioned(_)
            | Self::RetentionDirection { .. }
            | Self::RetentionOutOfBounds { .. }
            | Self::NotCommitted(_) => RefusalKind::InvalidArgument,
            // A stream with all its shards is one value of the registry, of at most 1 MiB.
            Self::Commit(CommitError::TooLarge { .. })
            | Self::Stream(StreamError::Commit { cause: CommitError::TooLarge { .. }, .. }) => {
                RefusalKind::LimitExceeded
            }
            Self::Stream(_) | Self::Commit(_) => RefusalKind::Unavailable,
        }
    }
}
