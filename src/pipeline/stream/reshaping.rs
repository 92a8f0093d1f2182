//! Changing the shape of a stream that runs: shards close and their children open in one batch.

use super::{
    Shard, Stream, StreamError,
    definition::{DefinedShard, Definition, deleted_key},
    resharding::ReshardError,
    stream::declare,
};
use crate::storage::{Batch, CommitError, ShardId};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Why a stream keeps its shape.
#[derive(Debug, thiserror::Error)]
pub enum ReshapeError {
    #[error(transparent)]
    Reshard(#[from] ReshardError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("the new shape could not be stored: {0}")]
    Commit(#[from] CommitError),
}

impl Stream {
    /// Splits an open shard in two, of which the second begins at hash `at`; gives their numbers. What is
    /// in `with` becomes durable in the same batch, here as in the verbs below.
    ///
    /// # Errors
    /// See [`ReshapeError`].
    pub async fn split(
        self: &Arc<Self>,
        shard: u32,
        at: u128,
        now_ms: i64,
        with: Batch,
    ) -> Result<[u32; 2], ReshapeError> {
        self.reshape(with, move |definition| definition.split(shard, at, now_ms)).await
    }

    /// Merges two open shards that lie side by side; gives the number of the new one.
    ///
    /// # Errors
    /// See [`ReshapeError`].
    pub async fn merge(
        self: &Arc<Self>,
        one: u32,
        other: u32,
        now_ms: i64,
        with: Batch,
    ) -> Result<u32, ReshapeError> {
        self.reshape(with, move |definition| definition.merge(one, other, now_ms)).await
    }

    /// Scales to this many open shards of about equal size.
    ///
    /// # Errors
    /// See [`ReshapeError`].
    pub async fn scale_to(
        self: &Arc<Self>,
        target: u32,
        now_ms: i64,
        with: Batch,
    ) -> Result<(), ReshapeError> {
        self.reshape(with, move |definition| definition.scale_to(target, now_ms)).await
    }

    /// Changes the definition. What was begun is finished even when nobody waits for it any more:
    /// between the disk and the layout there is no stopping.
    async fn reshape<T: Send + 'static>(
        self: &Arc<Self>,
        with: Batch,
        change: impl FnOnce(&mut Definition) -> Result<T, ReshardError> + Send + 'static,
    ) -> Result<T, ReshapeError> {
        let stream = Arc::clone(self);
        let whole = tokio::spawn(async move { stream.reshape_now(with, change).await });
        whole.await.unwrap_or(Err(ReshapeError::Commit(CommitError::Closed)))
    }

    async fn reshape_now<T>(
        &self,
        mut batch: Batch,
        change: impl FnOnce(&mut Definition) -> Result<T, ReshardError>,
    ) -> Result<T, ReshapeError> {
        let mut definition = self.definition.lock().await;
        let mut next = definition.clone();
        let made = change(&mut next)?;
        let before = self.layout();
        let fresh: Vec<DefinedShard> =
            next.shards.iter().filter(|shard| definition.shard(shard.index).is_none()).cloned().collect();
        let ids = declare(&self.store, &next, &fresh).await?;
        let closed = |shard: &DefinedShard| !shard.is_open();
        let known = |index: u32| before.shard(index).filter(|shard| shard.is_open()).map(|shard| shard.id);
        let parents: Vec<ShardId> =
            next.shards.iter().filter(|shard| closed(shard)).filter_map(|shard| known(shard.index)).collect();
        let short_lived =
            fresh.iter().filter(|shard| closed(shard)).filter_map(|shard| ids.get(&shard.index));
        parents.iter().chain(short_lived).for_each(|id| batch.close_shard(*id));
        self.keep_for_readers(&parents, &ids, &mut batch);
        next.write(&self.name, Some(&definition), &mut batch)?;
        self.store.commit(batch).await?;
        self.lay_out(&next, &ids);
        *definition = next;
        Ok(made)
    }

    /// Whoever reads the parents has a checkpoint in each child from its beginning on, so that retention
    /// keeps what it has not come to.
    fn keep_for_readers(&self, parents: &[ShardId], children: &BTreeMap<u32, ShardId>, batch: &mut Batch) {
        let mut readers: Vec<String> =
            self.store.readers(parents).into_iter().map(|(reader, ..)| reader).collect();
        readers.sort_unstable();
        readers.dedup();
        for reader in &readers {
            children.values().for_each(|child| batch.checkpoint(reader, *child, 0));
        }
    }

    /// Forgets closed shards of which retention has left nothing, when their time is over.
    ///
    /// # Errors
    /// See [`ReshapeError`].
    pub(super) async fn prune(self: &Arc<Self>, now_ms: i64) -> Result<(), ReshapeError> {
        if !self.layout().shards().iter().any(|shard| self.is_expired(shard, now_ms)) {
            return Ok(());
        }
        let stream = Arc::clone(self);
        let whole = tokio::spawn(async move { stream.prune_now(now_ms).await });
        whole.await.unwrap_or(Err(ReshapeError::Commit(CommitError::Closed)))
    }

    async fn prune_now(&self, now_ms: i64) -> Result<(), ReshapeError> {
        let mut definition = self.definition.lock().await;
        let layout = self.layout();
        let gone: Vec<&Arc<Shard>> =
            layout.shards().iter().filter(|shard| self.is_expired(shard, now_ms)).collect();
        let ids: Vec<ShardId> = gone.iter().map(|shard| shard.id).collect();
        let indexes: BTreeSet<u32> = gone.iter().map(|shard| shard.index).collect();
        let mut next = definition.clone();
        next.shards.retain(|shard| !indexes.contains(&shard.index));
        let records = |id: &ShardId| self.store.range(*id).map_or(0, |range| range.next);
        next.departed += ids.iter().map(records).sum::<u64>();
        let mut batch = Batch::new();
        self.drop_shards(&ids, &mut batch);
        next.write(&self.name, Some(&definition), &mut batch)?;
        self.store.commit(batch).await?;
        self.lay_out(&next, &BTreeMap::new());
        self.hide(&indexes);
        *definition = next;
        Ok(())
    }

    /// True for a closed shard that nobody can read anything from any more.
    pub(super) fn is_expired(&self, shard: &Shard, now_ms: i64) -> bool {
        let retention = i64::try_from(self.section().retention.0.as_millis()).unwrap_or(i64::MAX);
        let is_over = |closed: i64| closed.saturating_add(retention) <= now_ms;
        let is_empty = || self.store.range(shard.id).is_none_or(|range| range.first >= range.next);
        let is_read = || {
            let end = self.store.range(shard.id).map_or(0, |range| range.next);
            self.store.readers(&[shard.id]).iter().all(|(_, _, next)| *next >= end)
        };
        shard.closed_at_ms.is_some_and(is_over) && is_empty() && is_read()
    }

    fn drop_shards(&self, ids: &[ShardId], batch: &mut Batch) {
        for (reader, shard, _) in self.store.readers(ids) {
            batch.forget_checkpoint(&reader, shard);
        }
        ids.iter().for_each(|id| batch.delete_shard(*id));
    }

    /// Adds to the batch what makes the stream gone: its shards with their records, the checkpoints of
    /// their readers, its definition. `definition` is held, so that nothing changes meanwhile.
    pub(super) fn delete(&self, definition: &Definition, batch: &mut Batch) {
        let ids: Vec<ShardId> = self.layout().shards().iter().map(|shard| shard.id).collect();
        self.drop_shards(&ids, batch);
        definition.remove(&self.name, batch);
        if definition.prefix == self.name {
            batch.put(deleted_key(&self.name), Vec::new(), None);
        }
    }
}
