//! What can go wrong with the store, and who pays.

use super::{Once, ReceiptState};
use std::path::PathBuf;

/// Why a data folder cannot be opened. The process pays.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} is in use by another process; stop it or choose another folder with --data")]
    Locked { path: PathBuf },
    #[error("{path} is damaged at byte {offset}: {what}; run `caudal doctor` on the data folder")]
    Corrupt { path: PathBuf, offset: u64, what: String },
    #[error("{path} is missing although the manifest names it; restore it or run `caudal doctor`")]
    Missing { path: PathBuf },
    #[error("{path} has format version {found}; this build reads up to {supported}")]
    Version { path: PathBuf, found: u16, supported: u16 },
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
}

/// Why a batch was not committed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// The disk has no room: nothing was stored, try again later.
    #[error("the disk has no room left; writes are held back until space returns")]
    DiskFull,
    /// The flush failed: whether the batch is on disk is unknown. The process is about to exit.
    #[error("the flush failed, so it is unknown whether the batch is on disk: {0}")]
    Unknown(String),
    /// A receipt in the batch no longer holds its message: nothing was stored.
    #[error("a receipt in the batch no longer holds its message")]
    StaleReceipt,
    /// The idempotency key was used before: nothing was stored, here is the first answer.
    #[error("the idempotency key was used before")]
    Repeated(Once),
    /// The shard was closed for good: nothing was stored, its records belong elsewhere now.
    #[error("shard {0} is closed")]
    ShardClosed(u32),
    #[error("unknown shard or queue {0}")]
    UnknownTarget(u32),
    #[error(
        "queue {name} is there already and is a {} queue, which it stays for its life; choose another name, or \
         delete the queue that is there", kind(*.fifo)
    )]
    OtherKind {
        name: String,
        /// What the queue is.
        fifo: bool,
    },
    #[error("the queue was purged within the last 60 seconds")]
    PurgeInProgress,
    #[error("a batch of {size} bytes is over the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("the store is closed")]
    Closed,
}

/// Why records cannot be read. The task pays.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("sequence {wanted} of shard {shard} is gone; the first kept is {first}")]
    Trimmed { shard: u32, wanted: u64, first: u64 },
    #[error("{path} is damaged at byte {offset}: {what}; run `caudal doctor` on the data folder")]
    Corrupt { path: PathBuf, offset: u64, what: String },
    /// The doctor set damaged log aside: these records are lost; `LOSSES.json` lists them.
    #[error(
        "sequences {first} to {next} (not included) of shard {shard} were lost to damage; read on at {next}"
    )]
    Lost { shard: u32, first: u64, next: u64 },
    #[error("unknown shard or queue {0}")]
    UnknownTarget(u32),
    #[error("reading {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    /// As many messages are in flight as the request allows.
    #[error("too many messages of queue {0} are in flight")]
    TooManyInFlight(u32),
    #[error("the store is closed")]
    Closed,
}

/// Why what a receipt asks for was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReceiptError {
    /// The receipt does not give this right, or not any more.
    #[error("the receipt does not hold its message ({0:?})")]
    Refused(ReceiptState),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

fn kind(fifo: bool) -> &'static str {
    if fifo { "FIFO" } else { "standard" }
}
