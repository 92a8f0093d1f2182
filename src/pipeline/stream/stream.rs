//! A stream: a name, a shape, and what it goes by.

use super::{
    Layout, Shard, StreamSection, Throttled,
    definition::{DefinedShard, Definition},
    terms::{Overrides, Terms},
};
use crate::{
    storage::{Batch, CommitError, Retention, ShardId, Store},
    telemetry::{NodeMetrics, ShardMetrics},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::Mutex;

/// Why a stream cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(
        "stream {name} has {stored} shards with records; {wanted} are wanted: restore shards = {stored}, or choose another stream name"
    )]
    ShardCount { name: String, stored: u32, wanted: u32 },
    #[error(
        "the stored definition of stream {name} cannot be read: {cause}; run `caudal doctor` on the data folder"
    )]
    Definition { name: String, cause: serde_json::Error },
    #[error("the stored definition of stream {name} has version {found}; this build reads up to {supported}")]
    Version { name: String, found: u32, supported: u32 },
    #[error("the shards of stream {name} do not cover every hash; run `caudal doctor` on the data folder")]
    Holes { name: String },
    #[error("page {page} of the shards of stream {name} is missing; run `caudal doctor` on the data folder")]
    Page { name: String, page: u32 },
    #[error("declaring stream {name}: {cause}")]
    Commit { name: String, cause: CommitError },
}

/// A durable stream of records; share it by `Arc`.
#[derive(Debug)]
pub struct Stream {
    pub(super) name: String,
    pub(super) store: Store,
    terms: RwLock<Terms>,
    layout: RwLock<Arc<Layout>>,
    /// Held while the shape changes, until the layout is the new one.
    pub(super) definition: Mutex<Definition>,
}

/// Where shards of a stream are counted.
#[derive(Debug, Clone)]
pub(super) enum Meters {
    /// Each for itself, under the stream's node.
    Each(NodeMetrics),
    /// All together: run-time streams are many, and come and go.
    Together(ShardMetrics),
}

impl Meters {
    fn shard(&self, index: u32) -> ShardMetrics {
        match self {
            Self::Each(node) => node.shard(index),
            Self::Together(metrics) => metrics.clone(),
        }
    }

    fn forget(&self, index: u32) {
        if let Self::Each(node) = self {
            node.forget_shard(index);
        }
    }
}

impl Stream {
    /// Finds or makes a stream of the topology and its shards in the store, and applies retention.
    ///
    /// # Errors
    /// [`StreamError::ShardCount`] when the number of shards was changed although records exist.
    pub async fn open(
        name: &str,
        section: &StreamSection,
        store: Store,
        metrics: NodeMetrics,
    ) -> Result<Arc<Self>, StreamError> {
        let definition = super::defining::define(name, section.shards, &store).await?;
        Self::with(name, definition, Terms::new(section.clone(), Meters::Each(metrics)), store).await
    }

    /// Opens what a definition says, declaring its shards in the store.
    pub(super) async fn with(
        name: &str,
        definition: Definition,
        terms: Terms,
        store: Store,
    ) -> Result<Arc<Self>, StreamError> {
        if !definition.covers_every_hash() {
            return Err(StreamError::Holes { name: name.to_owned() });
        }
        let ids = declare(&store, &definition, &definition.shards).await;
        let ids = ids.map_err(|cause| StreamError::Commit { name: name.to_owned(), cause })?;
        let layout = RwLock::new(Arc::new(Layout::new(Vec::new(), 0)));
        let (name, terms) = (name.to_owned(), RwLock::new(terms));
        let stream = Self { name, store, terms, layout, definition: Mutex::new(definition.clone()) };
        stream.lay_out(&definition, &ids);
        Ok(Arc::new(stream))
    }

    /// Makes a stream that is not there: definition, shards and what is in `batch` in one commit.
    pub(super) async fn make(
        name: &str,
        definition: Definition,
        terms: Terms,
        store: Store,
        mut batch: Batch,
    ) -> Result<Arc<Self>, StreamError> {
        definition.write(name, None, &mut batch)?;
        definition.shards.iter().for_each(|shard| batch.declare_shard(&definition.stored_name(shard.index)));
        let commit = |cause| StreamError::Commit { name: name.to_owned(), cause };
        store.commit(batch).await.map_err(commit)?;
        Self::with(name, definition, terms, store).await
    }

    /// Puts the layout of a definition in place; `fresh` are the numbers of shards that are new.
    pub(super) fn lay_out(&self, definition: &Definition, fresh: &BTreeMap<u32, ShardId>) {
        let before = self.layout();
        let terms = self.terms.read().unwrap_or_else(PoisonError::into_inner);
        let section = terms.section();
        let shard = |defined: &DefinedShard| match before.shard(defined.index) {
            Some(known) if known.closed_at_ms == defined.closed_at_ms => Some(Arc::clone(known)),
            known => {
                let id = known.map(|known| known.id).or_else(|| fresh.get(&defined.index).copied())?;
                let metrics = terms.meters.shard(defined.index);
                let limits = section.limits.as_ref().filter(|_| defined.is_open());
                self.store.retain(id, retention(&section));
                Some(Arc::new(Shard::new(defined, id, metrics, limits)))
            }
        };
        let layout = Layout::new(definition.shards.iter().filter_map(shard).collect(), definition.departed);
        *self.layout.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(layout);
    }

    /// Goes on by another section from now on: retention, limits, sizes. The number of shards stays.
    /// New limits begin with a full burst.
    pub fn redefine(&self, section: &StreamSection) {
        let shards = self.section().shards;
        self.change_terms(|terms| terms.redefine(StreamSection { shards, ..section.clone() }));
    }

    /// What was set at run time stands above the section, whatever that says.
    pub fn set_above(&self, overrides: Overrides) {
        self.change_terms(|terms| terms.set_above(overrides));
    }

    fn change_terms(&self, change: impl FnOnce(&mut Terms)) {
        let (before, section) = {
            let mut terms = self.terms.write().unwrap_or_else(PoisonError::into_inner);
            let before = terms.section();
            change(&mut terms);
            (before, terms.section())
        };
        for shard in self.layout().shards() {
            self.store.retain(shard.id, retention(&section));
            if before.limits != section.limits && shard.is_open() {
                shard.limit(section.limits.as_ref());
            }
        }
    }

    /// Becomes a stream of the topology: by its section, with shards counted one by one.
    ///
    /// # Errors
    /// [`StreamError::ShardCount`] when the section wants another number of shards although records exist.
    pub(super) async fn adopt(
        &self,
        section: &StreamSection,
        metrics: NodeMetrics,
    ) -> Result<(), StreamError> {
        let mut definition = self.definition.lock().await;
        let next = super::defining::define(&self.name, section.shards, &self.store).await?;
        let ids = declare(&self.store, &next, &next.shards).await;
        let ids = ids.map_err(|cause| StreamError::Commit { name: self.name.clone(), cause })?;
        {
            let mut terms = self.terms.write().unwrap_or_else(PoisonError::into_inner);
            terms.redefine(section.clone());
            terms.meters = Meters::Each(metrics);
        }
        *self.layout.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Layout::new(Vec::new(), 0));
        self.lay_out(&next, &ids);
        *definition = next;
        Ok(())
    }

    /// Its name as nobody else has or had it: the bare one for a stream that was first to have it, so
    /// that what was loaded of another one is never taken for this one's.
    pub async fn distinct_name(&self) -> String {
        self.definition.lock().await.prefix.clone()
    }

    /// Its id, unless it was first to have its name: what lies beside the stream under that name is told
    /// from its predecessors' by it.
    pub async fn incarnation(&self) -> Option<String> {
        let prefix = self.definition.lock().await.prefix.clone();
        prefix.strip_prefix(&self.name)?.strip_prefix('@').map(str::to_owned)
    }

    /// Its id, and when it was made.
    pub(super) async fn origin(&self) -> (String, i64) {
        let definition = self.definition.lock().await;
        (definition.id.clone(), definition.created_at_ms)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it goes by now: the topology's section, with what was set at run time above it.
    pub fn section(&self) -> Arc<StreamSection> {
        self.terms.read().unwrap_or_else(PoisonError::into_inner).section()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The shards as they are now. One snapshot serves a whole batch of records.
    pub fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn shard(&self, index: u32) -> Option<Arc<Shard>> {
        self.layout().shard(index).cloned()
    }

    /// The open shard that records with this partition key go to now.
    pub fn route(&self, key: &[u8]) -> Arc<Shard> {
        Arc::clone(self.layout().route(key))
    }

    /// Waits until a change of shape that is under way is over, so that the layout is the new one.
    pub async fn settled(&self) {
        drop(self.definition.lock().await);
    }

    /// Takes room under a shard's limits, records and bytes or neither.
    ///
    /// # Errors
    /// [`Throttled`], with `never` when the request is larger than the burst.
    pub fn admit(&self, index: u32, records: u32, bytes: u64) -> Result<(), Throttled> {
        self.shard(index).map_or(Ok(()), |shard| shard.admit(records, bytes))
    }

    /// Takes room for `(shard, records, bytes)` under the limits of several shards, all or nothing.
    ///
    /// # Errors
    /// [`Throttled`] by the first shard that refuses; one that never can is named before others.
    pub fn admit_all(&self, parts: &[(u32, u32, u64)]) -> Result<(), Throttled> {
        for (done, (index, records, bytes)) in parts.iter().enumerate() {
            if let Err(refusal) = self.admit(*index, *records, *bytes) {
                self.give_back_all(parts.get(..done).unwrap_or_default());
                return Err(self.never(parts.get(done + 1..).unwrap_or_default()).unwrap_or(refusal));
            }
        }
        Ok(())
    }

    /// Gives back what `admit_all` took for records that were then not stored.
    pub fn give_back_all(&self, parts: &[(u32, u32, u64)]) {
        for (index, records, bytes) in parts {
            if let Some(shard) = self.shard(*index) {
                shard.throttle().give_back(*records, *bytes);
            }
        }
    }

    fn never(&self, parts: &[(u32, u32, u64)]) -> Option<Throttled> {
        parts.iter().find_map(|(index, records, bytes)| {
            self.shard(*index)?.throttle().never(*records, *bytes).map(|refusal| refusal.at(*index))
        })
    }

    /// Shows no more of shards that are forgotten.
    pub(super) fn hide(&self, shards: &BTreeSet<u32>) {
        let terms = self.terms.read().unwrap_or_else(PoisonError::into_inner);
        shards.iter().for_each(|index| terms.meters.forget(*index));
    }
}

pub(super) fn retention(section: &StreamSection) -> Retention {
    Retention { age: Some(section.retention.0), bytes: section.retention_bytes.map(|size| size.0) }
}

/// Finds or makes shards of a definition in the store; their numbers there, by their own.
pub(super) async fn declare(
    store: &Store,
    definition: &Definition,
    shards: &[DefinedShard],
) -> Result<BTreeMap<u32, ShardId>, CommitError> {
    let mut batch = Batch::new();
    shards.iter().for_each(|shard| batch.declare_shard(&definition.stored_name(shard.index)));
    if shards.is_empty() {
        return Ok(BTreeMap::new());
    }
    let placed = store.commit(batch).await?.placements;
    Ok(shards.iter().zip(placed).map(|(shard, place)| (shard.index, place.shard)).collect())
}
