//! All queues by account, region and name: those of the topology and those made at run time, which are the
//! same thing. What is changed here is durable when a verb returns.

mod changing;
mod identity;
mod moving;
mod opening;
mod resource;
mod terms;
#[cfg(test)]
mod tests;

pub use identity::{FIFO, QueueIdentity};
pub use resource::QueueResource;
pub use terms::{QueueTerms, RedriveTarget};

use super::QueueError;
use crate::{
    pipeline::stream::directory::Home,
    storage::{CommitError, Store},
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use tokio::sync::Mutex;

/// Why a verb on a queue was refused. Whoever asked pays; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum QueueDirectoryError {
    #[error("queue {0} belongs to the topology that runs; change the topology's file instead")]
    OfTheTopology(String),
    #[error("the queue {0} is not there any more")]
    NotFound(String),
    #[error("the registry's value {key} cannot be read: {what}")]
    Unreadable { key: String, what: String },
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("the change could not be stored: {0}")]
    Commit(#[from] CommitError),
}

type Queues = BTreeMap<QueueIdentity, Arc<QueueResource>>;

/// All queues there are; share it by `Arc`.
#[derive(Debug)]
pub struct QueueDirectory {
    store: Store,
    home: Home,
    queues: RwLock<Queues>,
    /// Held while a queue is made or deleted.
    naming: Mutex<()>,
}

impl QueueDirectory {
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn get(&self, identity: &QueueIdentity) -> Option<Arc<QueueResource>> {
        self.reading().get(identity).cloned()
    }

    /// The queues of an account in a region, by name.
    pub fn all_of(&self, account: &str, region: &str) -> Vec<Arc<QueueResource>> {
        let queues = self.reading();
        let from = queues.range(QueueIdentity::new(account, region, "")..);
        let own = from.take_while(|(identity, _)| identity.account == account && identity.region == region);
        own.map(|(_, resource)| Arc::clone(resource)).collect()
    }

    /// The queues whose dead letters go to this one, by name.
    pub fn sources_of(&self, letters: &QueueResource) -> Vec<Arc<QueueResource>> {
        let (arn, QueueIdentity { account, region, .. }) = (letters.arn(), &letters.identity);
        let goes_there =
            |source: &Arc<QueueResource>| source.terms().redrive.is_some_and(|redrive| redrive.arn == arn);
        self.all_of(account, region).into_iter().filter(goes_there).collect()
    }

    fn reading(&self) -> RwLockReadGuard<'_, Queues> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Queues> {
        self.queues.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does the whole of it even when nobody waits for it any more.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, QueueDirectoryError>> + Send + 'static,
) -> Result<T, QueueDirectoryError> {
    tokio::spawn(work).await.unwrap_or(Err(QueueDirectoryError::Commit(CommitError::Closed)))
}
