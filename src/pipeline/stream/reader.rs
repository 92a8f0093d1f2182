//! Reading one shard from a durable checkpoint on.

use super::Shard;
use crate::storage::{Batch, CommitError, ReadError, ShardId, Slice, Store};
use futures::future::{pending, select};
use std::{future::Future, pin::pin, time::Duration};

/// A reader's place in one shard. It moves in memory as it reads; the checkpoint moves with the
/// batch that stores what was made of the records (`Batch::checkpoint`).
#[derive(Debug)]
pub struct ShardReader {
    store: Store,
    reader: String,
    shard: ShardId,
    index: u32,
    position: u64,
}

impl ShardReader {
    /// Starts at the reader's checkpoint. A reader that has none starts at the shard's first record
    /// and gets a checkpoint there at once, so that retention keeps what it has not read.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn open(store: Store, reader: &str, shard: &Shard) -> Result<Self, CommitError> {
        let position = match store.checkpoint(reader, shard.id) {
            Some(position) => position,
            None => {
                let first = store.range(shard.id).map_or(0, |range| range.first);
                let mut batch = Batch::new();
                batch.checkpoint(reader, shard.id, first);
                store.commit(batch).await?;
                first
            }
        };
        Ok(Self { store, reader: reader.to_owned(), shard: shard.id, index: shard.index, position })
    }

    /// Reads on: at most `max_records` and about `max_bytes`, waiting up to `wait` for the first.
    /// An empty slice means nothing came within the wait.
    ///
    /// # Errors
    /// See [`ReadError`]; the position has not moved then.
    pub async fn next(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        wait: Duration,
    ) -> Result<Slice, ReadError> {
        self.next_until(max_records, max_bytes, wait, pending()).await
    }

    /// The same, but without waiting any longer once `stop` has come.
    ///
    /// # Errors
    /// See [`ReadError`]; the position has not moved then.
    pub async fn next_until(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        wait: Duration,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Slice, ReadError> {
        let tail = self.store.range(self.shard).map_or(0, |range| range.next);
        if tail <= self.position && !wait.is_zero() {
            let records = pin!(self.store.wait_for_records(self.shard, self.position, wait));
            select(records, pin!(stop)).await;
        }
        let slice = self.store.read(self.shard, self.position, max_records, max_bytes).await?;
        self.position = slice.next;
        Ok(slice)
    }

    /// The next sequence to read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes to another place, such as back to the checkpoint after a failure.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
    }

    /// The shard's place in its stream.
    pub fn shard_index(&self) -> u32 {
        self.index
    }

    pub fn shard_id(&self) -> ShardId {
        self.shard
    }

    /// The durable checkpoint; the position may be ahead of it.
    pub fn checkpoint(&self) -> Option<u64> {
        self.store.checkpoint(&self.reader, self.shard)
    }

    /// Records still to be read.
    pub fn waiting(&self) -> u64 {
        self.store.range(self.shard).map_or(0, |range| range.next.saturating_sub(self.position))
    }

    /// Records still to be read, and the age of the oldest of them.
    pub async fn backlog(&self, now_ms: i64) -> (u64, Option<Duration>) {
        let waiting = self.waiting();
        if waiting == 0 {
            return (0, None);
        }
        let oldest = self.store.read(self.shard, self.position, 1, 1).await;
        let arrived = oldest.ok().and_then(|slice| slice.records.first().map(|record| record.arrived_at_ms));
        (waiting, arrived.map(|arrived| age(now_ms, arrived)))
    }
}

/// How long ago something came; zero when clocks disagree.
pub(super) fn age(now_ms: i64, arrived_at_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms.saturating_sub(arrived_at_ms)).unwrap_or(0))
}
