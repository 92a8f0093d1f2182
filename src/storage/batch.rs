//! What one commit changes: all of it or nothing.

use super::block::SealedBlock;
use super::entry::{KEYS, Kind, MAX_KEY, MAX_VALUE, Operation, RUN_HEAD};
use super::queue::MessageKeys;
use super::sending::{NewMessage, Sending, Visible};
use super::{CommitError, QueueId, QueuePolicy, Receipt, RecordBlock, ShardId};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::oneshot;

/// Largest batch, in bytes.
pub(super) const MAX_BATCH: usize = 48 * 1024 * 1024;

/// Changes that become durable together, in one frame of the log.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) appends: Vec<(u32, SealedBlock)>,
    pub(super) sends: Vec<Sending>,
    pub(super) operations: Vec<Operation>,
    pub(super) once: Option<OnceKey>,
    size: usize,
    oversize: Option<(usize, usize)>,
}

/// An idempotency key on its way.
#[derive(Debug)]
pub(super) struct OnceKey {
    pub key: String,
    pub note: Bytes,
    pub expires_at_ms: i64,
}

/// The registry's key of a reader's checkpoint.
pub(super) fn checkpoint_key(reader: &str, shard: u32) -> String {
    format!("checkpoint/{reader}/{shard}")
}

/// Begins the registry's keys of shards that take no records any more.
const CLOSED: &str = "closed/";
/// Begins the registry's keys of shards that were deleted.
const DELETED: &str = "deleted/";

/// What a registry value says of a track by being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Takes no records any more.
    Closed(u32),
    /// Is gone with all its records.
    Deleted(u32),
}

impl Ending {
    /// Reads the key of such a value.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let closed = || key.strip_prefix(CLOSED)?.parse().ok().map(Self::Closed);
        let deleted = || key.strip_prefix(DELETED)?.parse().ok().map(Self::Deleted);
        closed().or_else(deleted)
    }
}

/// The registry's key of a remembered answer.
pub(super) fn once_key(key: &str) -> String {
    format!("once/{key}")
}

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }
    /// Appends the block's records to a shard; sequences are given at commit, in order, without holes.
    pub fn append(&mut self, shard: ShardId, block: RecordBlock) {
        let block = self.seal(block);
        self.appends.push((shard.0, block));
    }
    /// Sends the block's records to a queue as messages, visible at `visible_at_ms` (0: as the queue's
    /// delay has it). On a FIFO queue each record's key is its message group, and `visible_at_ms` is
    /// ignored.
    pub fn send(&mut self, queue: QueueId, block: RecordBlock, visible_at_ms: i64) {
        let visible = if visible_at_ms == 0 { Visible::ByPolicy } else { Visible::At(visible_at_ms) };
        self.add_sending(queue, block, visible, Vec::new());
    }
    /// Sends one message. On a FIFO queue it is not stored when one with the same deduplication id was
    /// sent within five minutes; its [`Placement`] then has the first one's sequence and a count of 0.
    pub fn send_message(&mut self, queue: QueueId, message: &NewMessage<'_>) {
        let NewMessage { sent_at_ms, key, attributes, body, .. } = *message;
        let mut block = RecordBlock::new();
        block.push_from(sent_at_ms, key, attributes, body, message.provenance.as_ref());
        let keys = MessageKeys { group: message.group, deduplication: message.deduplication };
        let keys = if keys == MessageKeys::default() { Vec::new() } else { vec![keys] };
        let visible = message.delay.map_or(Visible::ByPolicy, Visible::After);
        self.add_sending(queue, block, visible, keys);
    }
    fn add_sending(&mut self, queue: QueueId, block: RecordBlock, visible: Visible, keys: Vec<MessageKeys>) {
        self.size += KEYS * usize::try_from(block.count()).unwrap_or(0);
        let block = self.seal(block);
        self.sends.push(Sending { queue: queue.0, block, visible, keys });
    }
    fn seal(&mut self, block: RecordBlock) -> SealedBlock {
        self.size += RUN_HEAD + block.size();
        if let Some(size) = block.oversize() {
            self.oversize = Some((size, MAX_BATCH));
        }
        block.seal()
    }
    /// Deletes a leased message. The whole batch is refused with [`CommitError::StaleReceipt`] when
    /// the lease has passed to somebody else or the message is gone, so that an output and its
    /// message's deletion happen once together.
    pub fn settle(&mut self, receipt: &Receipt) {
        let Receipt { queue, sequence, receive_count } = *receipt;
        self.add(Operation::Settle { queue: queue.0, sequence, receive_count });
    }
    /// Makes a leased message visible again at `visible_at_ms` (stale receipts are ignored).
    pub fn release(&mut self, receipt: &Receipt, visible_at_ms: i64) {
        self.add(Operation::Release { receipt: receipt.clone(), visible_at_ms });
    }
    /// Hides a message for `visibility` from now, still held by the same receipt; with none it is
    /// visible at once. The whole batch is refused with [`CommitError::StaleReceipt`] unless the message
    /// is in flight by this receipt.
    pub fn change_visibility(&mut self, receipt: &Receipt, visibility: Duration) {
        let visible_at_ms = i64::try_from(visibility.as_millis()).unwrap_or(i64::MAX);
        self.add(Operation::ChangeVisibility { receipt: receipt.clone(), visible_at_ms });
    }
    /// Finds or makes a queue by name; answered with a [`Placement`] after those of appends and sends.
    /// See [`Store::declare_queue`](super::Store::declare_queue).
    pub fn declare_queue(&mut self, name: &str, policy: QueuePolicy) {
        self.limit(name.len(), MAX_KEY);
        self.add(Operation::Declare { id: 0, kind: Kind::Queue, policy, name: name.to_owned() });
    }
    /// Deletes a queue with all its messages. Its number is never given again.
    pub fn delete_queue(&mut self, queue: QueueId) {
        self.add(Operation::DeleteQueue { queue: queue.0 });
    }
    /// Deletes all messages of a queue that were sent before. The whole batch is refused with
    /// [`CommitError::PurgeInProgress`] within 60 seconds of the last purge.
    pub fn purge(&mut self, queue: QueueId) {
        self.add(Operation::Purge { queue: queue.0, before: 0 });
    }
    /// Moves a reader's checkpoint: the next sequence it will read from this shard.
    /// A shard with checkpoints keeps its records until every one of them has passed.
    pub fn checkpoint(&mut self, reader: &str, shard: ShardId, next: u64) {
        self.put(checkpoint_key(reader, shard.0), Bytes::copy_from_slice(&next.to_le_bytes()), None);
    }
    /// Finds or makes a shard by name; its number is a placement of the answer, behind those of appends
    /// and sends, in call order.
    pub fn declare_shard(&mut self, name: &str) {
        self.limit(name.len(), MAX_KEY);
        let (kind, policy) = (Kind::Shard, QueuePolicy::default());
        self.add(Operation::Declare { id: 0, kind, policy, name: name.to_owned() });
    }
    /// Closes a shard for good: no later batch can append to it, what it holds can still be read.
    pub fn close_shard(&mut self, shard: ShardId) {
        self.put(format!("{CLOSED}{}", shard.0), Bytes::new(), None);
    }
    /// Deletes a shard with all its records. Its number is never given again, its name may be.
    pub fn delete_shard(&mut self, shard: ShardId) {
        self.remove(format!("{CLOSED}{}", shard.0));
        self.put(format!("{DELETED}{}", shard.0), Bytes::new(), None);
    }
    /// Forgets a reader's checkpoint in a shard.
    pub fn forget_checkpoint(&mut self, reader: &str, shard: ShardId) {
        self.remove(checkpoint_key(reader, shard.0));
    }
    /// Sets a small durable value in the registry (at most 1 MiB), dropped after `expires_at_ms`.
    pub fn put(&mut self, key: impl Into<String>, value: impl Into<Bytes>, expires_at_ms: Option<i64>) {
        let (key, value) = (key.into(), value.into());
        self.limit(key.len(), MAX_KEY);
        self.limit(value.len(), MAX_VALUE);
        self.add(Operation::Put { key, value, expires_at_ms });
    }
    pub fn remove(&mut self, key: impl Into<String>) {
        let key = key.into();
        self.limit(key.len(), MAX_KEY);
        self.add(Operation::Remove { key });
    }
    /// Remembers this commit's placements and `note` under an idempotency key. If the key is already
    /// known (or another batch holding it is on its way), nothing is committed and the batch is
    /// answered with [`CommitError::Repeated`] carrying the first answer.
    pub fn once(&mut self, key: impl Into<String>, note: impl Into<Bytes>, expires_at_ms: i64) {
        let (key, note) = (once_key(&key.into()), note.into());
        self.limit(key.len(), MAX_KEY);
        self.limit(note.len(), MAX_VALUE);
        self.size += 64 + key.len() + note.len();
        self.once = Some(OnceKey { key, note, expires_at_ms });
    }
    pub fn is_empty(&self) -> bool {
        self.appends.is_empty() && self.sends.is_empty() && self.operations.is_empty() && self.once.is_none()
    }
    /// Bytes this batch adds to the log.
    pub fn size(&self) -> usize {
        self.size
    }
    pub(super) fn add(&mut self, operation: Operation) {
        self.size += operation.size();
        self.operations.push(operation);
    }
    fn limit(&mut self, size: usize, limit: usize) {
        if size > limit {
            self.oversize = Some((size, limit));
        }
    }
    /// True when the batch stores new records or messages, which a full disk refuses.
    pub(super) fn grows(&self) -> bool {
        !self.appends.is_empty() || !self.sends.is_empty()
    }
    /// Every shard and queue that the batch speaks of.
    pub(super) fn targets(&self) -> impl Iterator<Item = (u32, Kind)> {
        let shards = self.appends.iter().map(|(shard, _)| (*shard, Kind::Shard));
        let queues = self.sends.iter().map(|sending| (sending.queue, Kind::Queue));
        let operated = self.operations.iter().filter_map(|operation| match operation {
            Operation::Settle { queue, .. }
            | Operation::Lease { queue, .. }
            | Operation::Attempt { queue, .. }
            | Operation::Purge { queue, .. }
            | Operation::DeleteQueue { queue }
            | Operation::Expire { queue, .. } => Some((*queue, Kind::Queue)),
            Operation::Release { receipt, .. } | Operation::ChangeVisibility { receipt, .. } => {
                Some((receipt.queue.0, Kind::Queue))
            }
            Operation::Trim { track, .. } => Some((*track, Kind::Shard)),
            Operation::Put { .. } | Operation::Remove { .. } | Operation::Declare { .. } => None,
        });
        shards.chain(queues).chain(operated)
    }
    pub(super) fn fits(&self) -> Result<(), CommitError> {
        match self.oversize {
            Some((size, limit)) => Err(CommitError::TooLarge { size, limit }),
            None if self.size > MAX_BATCH => Err(CommitError::TooLarge { size: self.size, limit: MAX_BATCH }),
            None => Ok(()),
        }
    }
}

/// Where one appended block came to lie. One for each `append`, then one for each `send` and
/// `send_message`, then one for each `declare_queue`, in call order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    pub shard: ShardId,
    pub first_sequence: u64,
    /// 0 for a message that was sent before.
    pub count: u32,
}

/// The answer to a durable batch.
#[derive(Debug, Clone)]
pub struct Committed {
    pub lsn: u64,
    pub placements: Vec<Placement>,
}

/// The remembered answer of an earlier batch with the same idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    pub placements: Vec<Placement>,
    pub note: Bytes,
}

/// A batch on its way to the disk.
#[derive(Debug)]
pub struct Ticket {
    pub(super) answer: oneshot::Receiver<Result<Committed, CommitError>>,
}

impl Ticket {
    /// Waits until the batch is on disk.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn durable(self) -> Result<Committed, CommitError> {
        self.answer.await.unwrap_or(Err(CommitError::Closed))
    }
}
