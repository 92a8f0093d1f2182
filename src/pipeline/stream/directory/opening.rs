//! The directory as it was left: every stream that the registry knows, and those that the topology opens.

use super::{
    Directory, Home, KinesisSettings, StreamIdentity, StreamResource,
    attributes::{ATTRIBUTES, Attributes},
};
use crate::{
    pipeline::{
        now_ms,
        stream::{
            Limits, Stream, StreamError, StreamSection,
            definition::{Definition, STREAM},
            pages::Kept,
            stream::Meters,
            terms::Terms,
        },
    },
    storage::{Batch, CommitError, Store},
    telemetry::{Metrics, NodeMetrics},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};
use tokio::sync::Mutex;

/// The node that run-time streams are counted under, all together.
const RUN_TIME_STREAMS: &str = "kinesis";

/// The terms of a stream that no topology speaks of.
pub(super) fn run_time_terms(meters: Meters, is_limited: bool) -> Terms {
    let limits = is_limited.then(Limits::of_aws);
    Terms::new(StreamSection { limits, ..StreamSection::default() }, meters)
}

impl Directory {
    /// Opens every stream that the registry knows, and finishes deletions that were begun.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn open(
        store: Store,
        settings: KinesisSettings,
        home: Home,
        metrics: &Arc<Metrics>,
    ) -> Result<Arc<Self>, StreamError> {
        let shown = metrics.node(RUN_TIME_STREAMS, "stream").shards_together();
        let (streams, numbering) = (RwLock::default(), Mutex::new(()));
        let directory = Arc::new(Self { store, settings, home, shown, streams, numbering });
        for (key, _) in directory.store.list(STREAM) {
            let Some(name) = key.strip_prefix(STREAM) else { continue };
            let Some(identity) = StreamIdentity::of_key(name, &directory.home) else { continue };
            let resource = directory.load(name, identity).await?;
            if let Some(resource) = resource {
                directory.insert(&resource);
            }
        }
        directory.resume_deletions();
        directory.watch();
        Ok(directory)
    }

    async fn load(
        &self,
        name: &str,
        identity: StreamIdentity,
    ) -> Result<Option<Arc<StreamResource>>, StreamError> {
        let Some(Kept { definition, is_current }) = Definition::find(name, &self.store, now_ms())? else {
            return Ok(None);
        };
        if !is_current {
            let mut batch = Batch::new();
            definition.write(name, None, &mut batch)?;
            let commit = |cause| StreamError::Commit { name: name.to_owned(), cause };
            self.store.commit(batch).await.map_err(commit)?;
        }
        let terms = run_time_terms(self.meters(), self.settings.limits);
        let stream = Stream::with(name, definition, terms, self.store.clone()).await?;
        let attributes = self.kept_attributes(name)?;
        Ok(Some(StreamResource::new(identity, stream, attributes, false).await))
    }

    fn kept_attributes(&self, name: &str) -> Result<Attributes, StreamError> {
        let key = format!("{ATTRIBUTES}{name}");
        let kept = self.store.get(&key);
        Ok(kept.map(|bytes| Attributes::decode(&key, &bytes)).transpose()?.unwrap_or_default())
    }

    pub(super) fn meters(&self) -> Meters {
        Meters::Together(self.shown.clone())
    }

    pub(super) fn insert(&self, resource: &Arc<StreamResource>) {
        self.writing().insert(resource.identity.clone(), Arc::clone(resource));
    }

    /// These are the streams of the topology from now on; others may be deleted.
    pub fn topology_has(&self, streams: &BTreeMap<String, Arc<Stream>>) {
        for resource in self.reading().values() {
            let is_of_it = streams.values().any(|stream| Arc::ptr_eq(stream, &resource.stream));
            resource.set_of_the_topology(is_of_it);
        }
    }

    /// Finds or makes a stream that the topology names; one that was made at run time becomes the
    /// topology's.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn topology_stream(
        &self,
        name: &str,
        section: &StreamSection,
        metrics: NodeMetrics,
    ) -> Result<Arc<Stream>, StreamError> {
        let _alone = self.numbering.lock().await;
        let identity = StreamIdentity::new(&self.home.account, &self.home.region, name);
        let known = self.reading().get(&identity).cloned();
        let Some(known) = known else {
            let stream = Stream::open(name, section, self.store.clone(), metrics).await?;
            let attributes = self.kept_attributes(name)?;
            self.insert(&StreamResource::new(identity, Arc::clone(&stream), attributes, true).await);
            return Ok(stream);
        };
        if known.is_over(now_ms()) || matches!(known.status(now_ms()), super::StreamStatus::Deleting) {
            return Err(StreamError::Commit { name: name.to_owned(), cause: CommitError::Closed });
        }
        known.stream.adopt(section, metrics).await?;
        known.set_of_the_topology(true);
        Ok(Arc::clone(&known.stream))
    }
}
