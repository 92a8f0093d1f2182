//! Dead letters of run-time queues; those of the topology have a node that moves them.

use super::{FIFO, QueueDirectory, QueueIdentity, QueueResource};
use crate::{
    pipeline::queue::{envelope, redrive::redriven_batch},
    storage::{CommitError, StoredRecord},
};
use std::{sync::Arc, time::Duration};

/// How often it looks.
const REST: Duration = Duration::from_millis(250);
/// Messages moved in one batch; few, because each may be large.
const MOST_MESSAGES: usize = 10;

impl QueueDirectory {
    /// The queue from which a message came to the dead-letter queue that holds it: it may be there no more.
    pub fn moved_from(&self, record: &StoredRecord, holder: &QueueIdentity) -> Option<QueueIdentity> {
        let name = envelope::moved_from(&record.attributes)?;
        let QueueIdentity { account, region, .. } = holder;
        let source = QueueIdentity::of_node(account, region, &name, holder.name.ends_with(FIFO));
        // What moved before messages had a provenance may have only the name of the workers that put it aside.
        (record.provenance.is_some() || self.get(&source).is_some()).then_some(source)
    }

    /// Moves dead letters for as long as somebody holds the directory.
    pub(super) fn watch(self: &Arc<Self>) {
        let directory = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(REST).await;
                let Some(directory) = directory.upgrade() else { return };
                directory.move_dead_letters().await;
            }
        });
    }

    pub(crate) async fn move_dead_letters(&self) {
        let all: Vec<Arc<QueueResource>> = self.reading().values().cloned().collect();
        for source in all.iter().filter(|source| !source.is_of_the_topology()) {
            if source.queue.max_receives().is_none() || source.queue.depth().exhausted == 0 {
                continue;
            }
            let redrive = source.terms().redrive;
            let letters = redrive.and_then(|redrive| self.get(&QueueIdentity::of_arn(&redrive.arn)?));
            // Without a dead-letter queue they stay where they are, hidden, until it is there again.
            let Some(letters) = letters else { continue };
            if let Err(error) = self.move_from(source, &letters).await {
                tracing::warn!(queue = source.queue.name(), %error, "dead letters could not be moved; they are tried again");
            }
        }
    }

    /// A move is one batch, so that a message is in exactly one of the two queues whatever happens.
    async fn move_from(
        &self,
        source: &QueueResource,
        letters: &QueueResource,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        loop {
            let messages = self.store.exhausted(source.queue.id(), MOST_MESSAGES).await?;
            if messages.is_empty() {
                return Ok(());
            }
            for message in &messages {
                let one = std::slice::from_ref(message);
                let batch = redriven_batch(&self.store, &source.queue, &letters.queue, one);
                match self.store.commit(batch).await {
                    // Somebody deleted it late.
                    Ok(_) | Err(CommitError::StaleReceipt) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}
