//! What the store speaks of: settings, numbers, ranges, queues, receipts.

use super::StoredRecord;
use std::time::Duration;

/// A place that records are appended to, numbered by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u32);

/// A queue, numbered by the store. Its messages' bodies lie in the log like a shard's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub u32);

/// How the store runs. Sizes in bytes.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    /// Size of one log file. Default 64 MiB.
    pub log_file_bytes: u64,
    /// Most bytes gathered into one flush. Default 4 MiB.
    pub commit_bytes: usize,
    /// Most batches waiting for the committer. Default 4,096.
    pub commit_queue: usize,
    /// Memory for the tail of the log, so that readers near the end need no disk. Default 32 MiB.
    pub tail_bytes: usize,
    /// Writes are refused while the file system has less than this free. Default 256 MiB.
    pub free_space_floor: u64,
    /// Log bytes between two snapshots of the state. Default 64 MiB.
    pub snapshot_bytes: u64,
    /// `false` only in tests and benches: answers without flushing.
    pub flush: bool,
}

impl Default for StorageSettings {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            log_file_bytes: 64 * MIB,
            commit_bytes: 4 * 1024 * 1024,
            commit_queue: 4096,
            tail_bytes: 32 * 1024 * 1024,
            free_space_floor: 256 * MIB,
            snapshot_bytes: 64 * MIB,
            flush: true,
        }
    }
}

#[cfg(test)]
impl StorageSettings {
    /// Small files and short tails, so that little data crosses every boundary.
    pub fn small() -> Self {
        Self {
            log_file_bytes: 64 * 1024,
            commit_bytes: 16 * 1024,
            commit_queue: 64,
            tail_bytes: 16 * 1024,
            free_space_floor: 0,
            snapshot_bytes: 96 * 1024,
            flush: false,
        }
    }
}

/// How long a shard keeps records that all of its readers have passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    pub age: Option<Duration>,
    /// Per shard, bytes.
    pub bytes: Option<u64>,
}

/// What a shard holds now. `next` is the sequence the next record will get; empty when `first == next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardRange {
    pub first: u64,
    pub next: u64,
    /// Bytes ever appended (encoded), for rates.
    pub appended_bytes: u64,
}

/// Consecutive records of a shard.
#[derive(Debug, Clone)]
pub struct Slice {
    pub records: Vec<StoredRecord>,
    /// Where to read on.
    pub next: u64,
    /// The shard's next sequence when the read was made: `tail - next` are still to come.
    pub tail: u64,
}

/// How a queue treats its messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueuePolicy {
    /// After this many receives a message is offered by [`Store::exhausted`] instead of `receive`.
    pub max_receives: Option<u32>,
    /// Messages older than this are dropped (counted in `QueueDepth::expired`).
    pub retention: Option<Duration>,
    /// Strict order within a message group, one group in flight at a time, deduplication. Cannot be
    /// changed once the queue is there.
    pub fifo: bool,
    /// Where a deduplication id is looked for. FIFO queues only.
    pub deduplication_scope: DeduplicationScope,
    /// How long a message is hidden after it was sent. On a FIFO queue for every message, also for
    /// those already sent when it is changed; on a standard queue for those that name no delay of
    /// their own, from the change on.
    pub delay: Duration,
    /// Most messages in flight at a time; a receive that would go over it gives fewer, or none.
    pub in_flight_limit: Option<u32>,
}

/// Where a deduplication id is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeduplicationScope {
    /// In the whole queue.
    #[default]
    Queue,
    /// Among the messages of the same group.
    Group,
}

/// Proof of a lease on a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt {
    pub queue: QueueId,
    pub sequence: u64,
    pub receive_count: u32,
}

/// A message handed out until its visibility timeout.
#[derive(Debug, Clone)]
pub struct LeasedMessage {
    pub receipt: Receipt,
    pub first_received_at_ms: i64,
    pub visible_again_at_ms: i64,
    /// `arrived_at_ms` is when it was sent.
    pub record: StoredRecord,
}

/// What a queue holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Visible. On a FIFO queue also those whose group has a message in flight.
    pub ready: u64,
    pub in_flight: u64,
    pub delayed: u64,
    /// Waiting for a move to the dead-letter queue.
    pub exhausted: u64,
    /// Message groups that are in flight or could be received now: more workers than this find
    /// nothing to do on a FIFO queue.
    pub active_groups: u64,
    pub oldest_sent_at_ms: Option<i64>,
    /// Ever sent, deleted, expired and purged: durable counts.
    pub sent: u64,
    pub deleted: u64,
    pub expired: u64,
    pub purged: u64,
}
