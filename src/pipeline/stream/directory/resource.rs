//! One stream of the directory: the stream itself, and what is told of it.

use super::{
    DirectoryError, Distribution, ShardDescription, StreamDescription, StreamIdentity, StreamMode,
    StreamStatus,
    attributes::{ATTRIBUTES, Attributes},
    on_demand::LoadSeen,
    whole,
};
use crate::{
    pipeline::stream::{OpenDuring, Shard, Stream},
    storage::Batch,
};
use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use tokio::sync::Mutex;

/// A stream and its attributes; share it by `Arc`.
#[derive(Debug)]
pub struct StreamResource {
    pub identity: StreamIdentity,
    pub stream: Arc<Stream>,
    /// Another one for each stream that ever had this name.
    pub id: String,
    pub created_at_ms: i64,
    attributes: RwLock<Arc<Attributes>>,
    of_the_topology: AtomicBool,
    /// Held while attributes change.
    changing: Mutex<()>,
    /// What came to an on-demand stream until the last look.
    load: std::sync::Mutex<LoadSeen>,
}

/// The registry's key of a stream's attributes.
pub(super) fn attributes_key(name: &str) -> String {
    format!("{ATTRIBUTES}{name}")
}

impl StreamResource {
    pub(super) async fn new(
        identity: StreamIdentity,
        stream: Arc<Stream>,
        attributes: Attributes,
        of_the_topology: bool,
    ) -> Arc<Self> {
        let (id, created_at_ms) = stream.origin().await;
        stream.set_above(attributes.overrides());
        Arc::new(Self {
            identity,
            stream,
            id,
            created_at_ms,
            attributes: RwLock::new(Arc::new(attributes)),
            of_the_topology: AtomicBool::new(of_the_topology),
            changing: Mutex::new(()),
            load: std::sync::Mutex::default(),
        })
    }

    pub(super) fn attributes(&self) -> Arc<Attributes> {
        Arc::clone(&self.attributes.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn attributes_key(&self) -> String {
        attributes_key(self.stream.name())
    }

    pub fn arn(&self) -> String {
        self.identity.arn()
    }

    pub fn status(&self, now_ms: i64) -> StreamStatus {
        self.attributes().phase.status(now_ms)
    }

    pub fn mode(&self) -> StreamMode {
        self.attributes().mode
    }

    /// How its records are spread over its shards.
    pub fn distribution(&self) -> Distribution {
        self.attributes().distribution
    }

    /// True when its records are said to be encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.attributes().encryption_key.is_some()
    }

    /// True while a node of the topology may read or write it.
    pub fn is_of_the_topology(&self) -> bool {
        self.of_the_topology.load(Relaxed)
    }

    pub(super) fn set_of_the_topology(&self, is_of_it: bool) {
        self.of_the_topology.store(is_of_it, Relaxed);
    }

    /// True when it is to be gone by now.
    pub(super) fn is_over(&self, now_ms: i64) -> bool {
        self.attributes().phase.is_over(now_ms)
    }

    pub(super) fn require_active(&self, now_ms: i64) -> Result<(), DirectoryError> {
        match self.status(now_ms) {
            StreamStatus::Active => Ok(()),
            status => Err(DirectoryError::NotActive { stream: self.identity.clone(), status }),
        }
    }

    pub fn retention_hours(&self) -> u32 {
        let seconds = self.stream.section().retention.0.as_secs();
        u32::try_from(seconds.div_ceil(3_600)).unwrap_or(u32::MAX)
    }

    /// Changes attributes, all of it or nothing.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Attributes) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let resource = Arc::clone(self);
        whole(async move {
            let _alone = resource.changing.lock().await;
            let (changed, next, batch) = resource.draft(change)?;
            resource.stream.store().commit(batch).await?;
            resource.settle(next);
            Ok(changed)
        })
        .await
    }

    /// The attributes to be, and the batch that makes them durable.
    pub(super) fn draft<T>(
        &self,
        change: impl FnOnce(&mut Attributes) -> Result<T, DirectoryError>,
    ) -> Result<(T, Attributes, Batch), DirectoryError> {
        let mut next = Attributes::clone(&self.attributes());
        let changed = change(&mut next)?;
        let key = self.attributes_key();
        let mut batch = Batch::new();
        batch.put(key.as_str(), next.encode(&key)?, None);
        Ok((changed, next, batch))
    }

    /// Goes by attributes that have become durable.
    pub(super) fn settle(&self, next: Attributes) {
        self.stream.set_above(next.overrides());
        *self.attributes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }

    pub(super) fn load(&self) -> std::sync::MutexGuard<'_, LoadSeen> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changing(&self) -> &Mutex<()> {
        &self.changing
    }

    /// All that is told of it at `now_ms`, save its shards.
    pub fn describe(&self, now_ms: i64) -> StreamDescription {
        let attributes = self.attributes();
        let layout = self.stream.layout();
        let consumers = attributes.consumers.iter().filter(|consumer| !consumer.phase.is_over(now_ms));
        let max_record_kib = self.stream.section().max_record.0.div_ceil(1 << 10);
        StreamDescription {
            identity: self.identity.clone(),
            id: self.id.clone(),
            status: attributes.phase.status(now_ms),
            created_at_ms: self.created_at_ms,
            mode: attributes.mode,
            retention_hours: self.retention_hours(),
            monitoring: attributes.monitoring.clone(),
            encryption_key: attributes.encryption_key.clone(),
            open_shards: u32::try_from(layout.open().len()).unwrap_or(u32::MAX),
            consumers: u32::try_from(consumers.count()).unwrap_or(u32::MAX),
            max_record_kib: u32::try_from(max_record_kib).unwrap_or(u32::MAX),
            warm_throughput_mibps: attributes.warm_throughput_mibps,
            distribution: attributes.distribution,
            tags: attributes.tags.clone(),
            policy: attributes.policy.clone(),
        }
    }

    /// Its shards in order of their numbers, without closed ones that retention has emptied.
    pub fn shards(&self, now_ms: i64) -> Vec<ShardDescription> {
        self.page(OpenDuring::EVER, None, usize::MAX, now_ms).0
    }

    /// The first `most` of those shards that were open `then` and whose numbers are above `after`; true when
    /// there are more.
    pub fn page(
        &self,
        then: OpenDuring,
        after: Option<u32>,
        most: usize,
        now_ms: i64,
    ) -> (Vec<ShardDescription>, bool) {
        let layout = self.stream.layout();
        let mut listed =
            layout.open_during(then, after).filter(|shard| !self.stream.is_expired(shard, now_ms));
        let page = listed.by_ref().take(most).map(|shard| self.describe_shard(shard)).collect();
        (page, listed.next().is_some())
    }

    /// The shards that came of this one when it was closed.
    pub fn children(&self, index: u32) -> Vec<ShardDescription> {
        self.stream.layout().children(index).map(|shard| self.describe_shard(shard)).collect()
    }

    /// One shard, however long it has been closed.
    pub fn describe_shard(&self, shard: &Shard) -> ShardDescription {
        let range = self.stream.store().range(shard.id);
        ShardDescription {
            defined: shard.defined().clone(),
            first: range.map_or(0, |range| range.first),
            next: range.map_or(0, |range| range.next),
        }
    }
}
