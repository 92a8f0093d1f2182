//! Verbs that make, change and delete queues.

use super::{
    QueueDirectory, QueueDirectoryError, QueueIdentity, QueueResource,
    terms::{Kept, QUEUES, QueueTerms},
    whole,
};
use crate::{
    pipeline::queue::{Queue, moves::keys_of},
    storage::Batch,
};
use std::{collections::BTreeMap, sync::Arc};

impl QueueDirectory {
    /// Makes a queue, or finds the one that has the name: then it is as it was. True if it was made.
    ///
    /// # Errors
    /// What hinders the store.
    pub async fn create(
        self: &Arc<Self>,
        identity: QueueIdentity,
        terms: QueueTerms,
        tags: BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(Arc<QueueResource>, bool), QueueDirectoryError> {
        let directory = Arc::clone(self);
        whole(async move {
            let _alone = directory.naming.lock().await;
            if let Some(known) = directory.get(&identity) {
                return Ok((known, false));
            }
            let key = identity.key(&directory.home);
            let (store, stored_as) = (directory.store.clone(), directory.stored_as(&key, terms.fifo));
            let names = (identity.name.as_str(), stored_as.as_str());
            let queue = Queue::open_as(names, &terms.section(), terms.of_fifo(), store).await?;
            let kept = Kept { tags, ..Kept::new(stored_as, terms, now_ms) };
            let mut batch = Batch::new();
            batch.put(format!("{QUEUES}{key}"), kept.encode(), None);
            directory.store.commit(batch).await?;
            let resource = QueueResource::new(identity, queue, kept, false);
            directory.insert(&resource);
            Ok((resource, true))
        })
        .await
    }

    /// What the store is to call a new queue. A queue of the other kind may have the name already: to the API a
    /// FIFO queue of a topology has another.
    fn stored_as(&self, key: &str, fifo: bool) -> String {
        let known = self.store.queue_named(key).and_then(|id| self.store.queue_policy(id));
        match known.is_some_and(|policy| policy.fifo != fifo) {
            true => format!("{key}#{}", if fifo { "fifo" } else { "standard" }),
            false => key.to_owned(),
        }
    }

    /// Changes what a queue goes by, all of it or nothing.
    ///
    /// # Errors
    /// [`QueueDirectoryError::OfTheTopology`] for what the topology says of its queue.
    pub async fn set_terms(
        self: &Arc<Self>,
        resource: &Arc<QueueResource>,
        change: impl FnOnce(&mut QueueTerms) + Send + 'static,
        now_ms: i64,
    ) -> Result<(), QueueDirectoryError> {
        let (directory, resource) = (Arc::clone(self), Arc::clone(resource));
        whole(async move {
            let _alone = resource.changing.lock().await;
            let before = resource.terms();
            let mut kept = Kept::clone(&resource.kept());
            kept.terms = before.clone();
            change(&mut kept.terms);
            let is_another_section = kept.terms.section() != before.section();
            if is_another_section {
                resource.require_run_time()?;
                resource.queue.redefine_as(&kept.terms.section(), kept.terms.of_fifo()).await?;
            } else if before.fifo && kept.terms.of_fifo() != before.of_fifo() {
                resource.queue.redefine_as(&resource.queue.section(), kept.terms.of_fifo()).await?;
            }
            kept.modified_at_ms = now_ms;
            directory.keep(&resource, kept).await
        })
        .await
    }

    /// Changes the tags of a queue.
    ///
    /// # Errors
    /// What hinders the store.
    pub async fn set_tags(
        self: &Arc<Self>,
        resource: &Arc<QueueResource>,
        change: impl FnOnce(&mut BTreeMap<String, String>) + Send + 'static,
    ) -> Result<(), QueueDirectoryError> {
        let (directory, resource) = (Arc::clone(self), Arc::clone(resource));
        whole(async move {
            let _alone = resource.changing.lock().await;
            let mut kept = Kept::clone(&resource.kept());
            change(&mut kept.tags);
            directory.keep(&resource, kept).await
        })
        .await
    }

    async fn keep(&self, resource: &QueueResource, kept: Kept) -> Result<(), QueueDirectoryError> {
        // It may have been deleted by another while this one waited.
        let is_there = self.get(&resource.identity).is_some_and(|held| std::ptr::eq(&*held, resource));
        if !is_there {
            return Err(QueueDirectoryError::NotFound(resource.identity.name.clone()));
        }
        let mut batch = Batch::new();
        batch.put(format!("{QUEUES}{}", resource.identity.key(&self.home)), kept.encode(), None);
        self.store.commit(batch).await?;
        resource.set_kept(kept);
        Ok(())
    }

    /// Deletes a queue with all its messages.
    ///
    /// # Errors
    /// [`QueueDirectoryError::OfTheTopology`], or what hinders the store.
    pub async fn delete(self: &Arc<Self>, resource: &Arc<QueueResource>) -> Result<(), QueueDirectoryError> {
        let (directory, resource) = (Arc::clone(self), Arc::clone(resource));
        whole(async move {
            let _alone = directory.naming.lock().await;
            let _still = resource.changing.lock().await;
            resource.require_run_time()?;
            let key = resource.identity.key(&directory.home);
            let mut batch = Batch::new();
            batch.remove(format!("{QUEUES}{key}"));
            let tasks = directory.store.list(&keys_of(resource.queue.id().0));
            tasks.into_iter().for_each(|(task, _)| batch.remove(task));
            batch.delete_queue(resource.queue.id());
            directory.store.commit(batch).await?;
            directory.writing().remove(&resource.identity);
            Ok(())
        })
        .await
    }
}
