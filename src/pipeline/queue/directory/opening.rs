//! The directory as it was left: every queue that the registry knows, and those that the topology opens.

use super::{
    QueueDirectory, QueueDirectoryError, QueueIdentity, QueueResource,
    terms::{Kept, QUEUES, QueueTerms},
};
use crate::{
    pipeline::{
        now_ms,
        queue::{Queue, QueueError, QueueSection},
        stream::directory::Home,
    },
    storage::{Batch, Store},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};
use tokio::sync::Mutex;

impl QueueDirectory {
    /// Opens every queue that was made at run time or by a topology.
    ///
    /// # Errors
    /// When a value of the registry cannot be read, or the store fails.
    pub async fn open(store: Store, home: Home) -> Result<Arc<Self>, QueueDirectoryError> {
        let directory = Self::open_unwatched(store, home).await?;
        directory.watch();
        Ok(directory)
    }

    /// The same without the task that moves dead letters.
    pub(crate) async fn open_unwatched(store: Store, home: Home) -> Result<Arc<Self>, QueueDirectoryError> {
        let (queues, naming) = (RwLock::default(), Mutex::new(()));
        let directory = Arc::new(Self { store, home, queues, naming });
        for (key, bytes) in directory.store.list(QUEUES) {
            let name = key.strip_prefix(QUEUES).unwrap_or_default();
            let Some(identity) = QueueIdentity::of_key(name, &directory.home) else { continue };
            let kept = Kept::decode(&key, &bytes)?;
            let identity = directory.with_ending(identity, &key, &kept).await?;
            let (section, fifo, store) =
                (kept.terms.section(), kept.terms.of_fifo(), directory.store.clone());
            let names = (node_name(&identity, &kept), kept.stored_as.as_str());
            let queue = Queue::open_as(names, &section, fifo, store).await?;
            directory.insert(&QueueResource::new(identity, queue, kept, false));
        }
        Ok(directory)
    }

    /// FIFO queues of topologies had been kept under their bare names.
    async fn with_ending(
        &self,
        identity: QueueIdentity,
        key: &str,
        kept: &Kept,
    ) -> Result<QueueIdentity, QueueDirectoryError> {
        let name = QueueIdentity::name_of(&identity.name, kept.terms.fifo);
        if name == identity.name {
            return Ok(identity);
        }
        let renamed = QueueIdentity { name, ..identity };
        let mut batch = Batch::new();
        batch.remove(key);
        batch.put(format!("{QUEUES}{}", renamed.key(&self.home)), kept.encode(), None);
        self.store.commit(batch).await?;
        Ok(renamed)
    }

    pub(super) fn insert(&self, resource: &Arc<QueueResource>) {
        self.writing().insert(resource.identity.clone(), Arc::clone(resource));
    }

    /// These are the queues of the topology from now on; others may be changed and deleted.
    pub fn topology_has(&self, queues: &BTreeMap<String, Arc<Queue>>) {
        for resource in self.reading().values() {
            let is_of_it = queues.values().any(|queue| Arc::ptr_eq(queue, &resource.queue));
            if resource.is_of_the_topology() && !is_of_it {
                // It goes on as the topology had it.
                resource.set_kept(Kept { terms: resource.terms(), ..Kept::clone(&resource.kept()) });
            }
            resource.set_of_the_topology(is_of_it);
        }
    }

    /// Finds or makes a queue that the topology names; one that was made at run time becomes the topology's.
    ///
    /// # Errors
    /// [`QueueError`] when it cannot be declared.
    pub async fn topology_queue(&self, name: &str, section: &QueueSection) -> Result<Arc<Queue>, QueueError> {
        let _alone = self.naming.lock().await;
        let identity = QueueIdentity::of_node(&self.home.account, &self.home.region, name, section.fifo);
        if let Some(known) = self.get(&identity) {
            known.queue.redefine(section).await?;
            known.set_of_the_topology(true);
            self.keep_section(&known).await?;
            return Ok(Arc::clone(&known.queue));
        }
        let queue = Queue::open(name, section, self.store.clone()).await?;
        let kept = Kept::new(name.to_owned(), QueueTerms::default(), now_ms());
        let resource = QueueResource::new(identity, Arc::clone(&queue), kept, true);
        self.keep_section(&resource).await?;
        self.insert(&resource);
        Ok(queue)
    }

    /// Keeps what the topology says, so that the queue goes on so if it leaves the topology.
    async fn keep_section(&self, resource: &QueueResource) -> Result<(), QueueError> {
        let (name, mut batch) = (&resource.identity.name, Batch::new());
        let kept = Kept { terms: resource.terms(), ..Kept::clone(&resource.kept()) };
        batch.put(format!("{QUEUES}{name}"), kept.encode(), None);
        let stored = self.store.commit(batch).await;
        stored.map_err(|cause| QueueError { name: name.clone(), cause })?;
        resource.set_kept(kept);
        Ok(())
    }
}

/// What a queue is called in this process: as its node when a topology made it, whatever the API calls it.
fn node_name<'n>(identity: &'n QueueIdentity, kept: &'n Kept) -> &'n str {
    let is_of_a_node = QueueIdentity::name_of(&kept.stored_as, kept.terms.fifo) == identity.name;
    if is_of_a_node { &kept.stored_as } else { &identity.name }
}
