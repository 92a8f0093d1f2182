//! Deleting a stream: its records, its readers' checkpoints, its consumers and its name.

use super::{
    Directory, DirectoryError, StreamResource, StreamStatus,
    attributes::{Phase, until},
    whole,
};
use crate::{pipeline::now_ms, storage::Batch};
use std::{sync::Arc, time::Duration};

impl Directory {
    /// Begins to delete a stream; it is gone after the delay that the settings say, at once when that is 0.
    ///
    /// # Errors
    /// [`DirectoryError::OfTheTopology`], [`DirectoryError::HasConsumers`] unless their deletion is
    /// enforced, [`DirectoryError::NotActive`] when it is being deleted already.
    pub async fn delete(
        self: &Arc<Self>,
        resource: &Arc<StreamResource>,
        enforce_consumer_deletion: bool,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        if resource.is_of_the_topology() {
            return Err(DirectoryError::OfTheTopology(resource.identity.clone()));
        }
        let ends = until(now_ms, self.settings.delete_delay);
        let identity = resource.identity.clone();
        let deleting = resource.change(move |attributes| {
            if attributes.phase.status(now_ms) == StreamStatus::Deleting {
                let status = StreamStatus::Deleting;
                return Err(DirectoryError::NotActive { stream: identity, status });
            }
            attributes.forget_consumers(now_ms);
            if !enforce_consumer_deletion && !attributes.consumers.is_empty() {
                return Err(DirectoryError::HasConsumers(identity));
            }
            attributes.phase = Phase::Deleting(ends);
            Ok(())
        });
        deleting.await?;
        match ends <= now_ms {
            true => self.finish_deletion(resource).await,
            false => {
                self.finish_later(resource, ends.saturating_sub(now_ms));
                Ok(())
            }
        }
    }

    async fn finish_deletion(self: &Arc<Self>, resource: &Arc<StreamResource>) -> Result<(), DirectoryError> {
        let (directory, resource) = (Arc::clone(self), Arc::clone(resource));
        whole(async move {
            let _alone = directory.numbering.lock().await;
            if !directory.is_held(&resource) {
                return Ok(());
            }
            // No attribute changes any more, and no shard is split or merged.
            let _still = resource.changing().lock().await;
            let shape = resource.stream.definition.lock().await;
            let mut batch = Batch::new();
            resource.stream.delete(&shape, &mut batch);
            batch.remove(resource.attributes_key());
            directory.store.commit(batch).await?;
            directory.writing().remove(&resource.identity);
            Ok(())
        })
        .await
    }

    /// True unless another stream has the name by now.
    fn is_held(&self, resource: &Arc<StreamResource>) -> bool {
        self.reading().get(&resource.identity).is_some_and(|held| Arc::ptr_eq(held, resource))
    }

    fn finish_later(self: &Arc<Self>, resource: &Arc<StreamResource>, wait_ms: i64) {
        let (directory, resource) = (Arc::downgrade(self), Arc::clone(resource));
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let Some(directory) = directory.upgrade() else { return };
            if let Err(error) = directory.finish_deletion(&resource).await {
                tracing::warn!(stream = %resource.identity, %error, "a stream is deleted at the next start");
            }
        });
    }

    /// Goes on with deletions that were begun before the last end.
    pub(super) fn resume_deletions(self: &Arc<Self>) {
        let now_ms = now_ms();
        let all: Vec<Arc<StreamResource>> = self.reading().values().cloned().collect();
        for resource in all {
            if let Phase::Deleting(ends) = resource.attributes().phase {
                self.finish_later(&resource, ends.saturating_sub(now_ms));
            }
        }
    }
}
