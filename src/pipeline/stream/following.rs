//! Following shards through splits and merges: a reader begins a shard when it has passed the ends of all
//! shards that it was made from, so that records of one key come to it in their order.

use super::{Layout, Shard, Stream};
use crate::storage::{Batch, CommitError, Store};
use std::sync::Arc;

/// True when the shard is closed and the reader's checkpoint is at its end.
pub fn has_passed(store: &Store, reader: &str, shard: &Shard) -> bool {
    if shard.is_open() {
        return false;
    }
    let Some(range) = store.range(shard.id) else { return true };
    store.checkpoint(reader, shard.id).unwrap_or(range.first) >= range.next
}

impl Layout {
    /// The shards that a reader may read now, in order of their numbers: what came before them is durably
    /// done, and they themselves are not.
    pub fn readable(&self, store: &Store, reader: &str) -> Vec<Arc<Shard>> {
        if self.shards().len() == self.open().len() {
            return self.shards().to_vec();
        }
        let is_done = |index: u32| self.shard(index).is_none_or(|shard| has_passed(store, reader, shard));
        let is_readable =
            |shard: &&Arc<Shard>| !has_passed(store, reader, shard) && shard.parents().all(is_done);
        self.shards().iter().filter(is_readable).cloned().collect()
    }
}

impl Stream {
    /// True when no record follows `position` in a shard, now or ever: it is closed, and ends there.
    pub fn has_ended(&self, index: u32, position: u64) -> bool {
        let Some(shard) = self.shard(index) else { return true };
        !shard.is_open() && self.store.range(shard.id).is_none_or(|range| range.next <= position)
    }

    /// Gives a reader a checkpoint in every shard where it has none, at the first record there, so that
    /// retention keeps what it has yet to read, also where it cannot begin now.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn begin(&self, reader: &str) -> Result<(), CommitError> {
        let is_new = |shard: &&Arc<Shard>| self.store.checkpoint(reader, shard.id).is_none();
        if !self.layout().shards().iter().any(|shard| is_new(&shard)) {
            return Ok(());
        }
        // While it is held no shard is split or merged: the children of all have its checkpoints, too.
        let _shape = self.definition.lock().await;
        let mut batch = Batch::new();
        for shard in self.layout().shards().iter().filter(is_new) {
            let first = self.store.range(shard.id).map_or(0, |range| range.first);
            batch.checkpoint(reader, shard.id, first);
        }
        self.store.commit(batch).await.map(drop)
    }
}
