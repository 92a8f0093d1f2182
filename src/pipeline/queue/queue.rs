//! A queue: a name, what the topology says of it, and its messages in the store.

use super::QueueSection;
use crate::storage::{
    CommitError, DeduplicationScope, LeasedMessage, QueueDepth, QueueId, QueuePolicy, ReadError, Store,
};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// Why a queue cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("declaring queue {name}: {cause}")]
pub struct QueueError {
    pub name: String,
    pub cause: CommitError,
}

/// What the queue API says of a FIFO queue, and no topology.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FifoTerms {
    /// How long every message is hidden after it was sent.
    pub delay: Duration,
    pub deduplication_scope: DeduplicationScope,
}

/// A durable queue of messages; share it by `Arc`.
#[derive(Debug)]
pub struct Queue {
    name: String,
    /// What the store calls it.
    stored_as: String,
    terms: RwLock<(Arc<QueueSection>, FifoTerms)>,
    id: QueueId,
    store: Store,
}

impl Queue {
    /// Finds or makes the queue in the store; its policy becomes what the section says.
    ///
    /// # Errors
    /// [`QueueError`] when it cannot be declared.
    pub async fn open(name: &str, section: &QueueSection, store: Store) -> Result<Arc<Self>, QueueError> {
        Self::open_as((name, name), section, FifoTerms::default(), store).await
    }

    /// The same for a queue by its name and by what the store calls it.
    ///
    /// # Errors
    /// [`QueueError`] when it cannot be declared.
    pub async fn open_as(
        names: (&str, &str),
        section: &QueueSection,
        fifo: FifoTerms,
        store: Store,
    ) -> Result<Arc<Self>, QueueError> {
        Self::declare(names, (section.clone(), fifo), policy(section, fifo), store).await
    }

    /// Goes on by another section from now on. Leases that were given keep their length.
    ///
    /// # Errors
    /// [`QueueError`] when the store does not take the new policy; nothing has changed then.
    pub async fn redefine(&self, section: &QueueSection) -> Result<(), QueueError> {
        self.redefine_as(section, self.terms().1).await
    }

    /// The same with other terms of the queue API.
    ///
    /// # Errors
    /// [`QueueError`] when the store does not take the new policy; nothing has changed then.
    pub async fn redefine_as(&self, section: &QueueSection, fifo: FifoTerms) -> Result<(), QueueError> {
        let declared = self.store.declare_queue(&self.stored_as, policy(section, fifo)).await;
        declared.map_err(|cause| QueueError { name: self.name.clone(), cause })?;
        *self.terms.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(section.clone()), fifo);
        Ok(())
    }

    /// The queue `NODE.quarantine`, which keeps its messages until somebody takes them.
    ///
    /// # Errors
    /// [`QueueError`] when it cannot be declared.
    pub async fn open_quarantine(node: &str, store: Store) -> Result<Arc<Self>, QueueError> {
        let name = format!("{node}.quarantine");
        let (terms, policy) = ((QueueSection::default(), FifoTerms::default()), QueuePolicy::default());
        Self::declare((&name, &name), terms, policy, store).await
    }

    async fn declare(
        (name, stored_as): (&str, &str),
        (section, fifo): (QueueSection, FifoTerms),
        policy: QueuePolicy,
        store: Store,
    ) -> Result<Arc<Self>, QueueError> {
        let id = store
            .declare_queue(stored_as, policy)
            .await
            .map_err(|cause| QueueError { name: name.to_owned(), cause })?;
        let terms = RwLock::new((Arc::new(section), fifo));
        let (name, stored_as) = (name.to_owned(), stored_as.to_owned());
        Ok(Arc::new(Self { name, stored_as, terms, id, store }))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> QueueId {
        self.id
    }

    pub fn section(&self) -> Arc<QueueSection> {
        self.terms().0
    }

    fn terms(&self) -> (Arc<QueueSection>, FifoTerms) {
        self.terms.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Messages with the same key come in order, and to one receiver at a time.
    pub fn is_fifo(&self) -> bool {
        self.section().fifo
    }

    /// Receives after which a message moves to the dead-letter queue.
    pub fn max_receives(&self) -> Option<u32> {
        self.section().dead_letter.as_ref().map(|dead_letter| dead_letter.max_receives.max(1))
    }

    /// Leases up to `max` messages for the queue's visibility timeout, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<LeasedMessage>, ReadError> {
        self.store.receive(self.id, max, self.section().visibility_timeout.0, wait).await
    }

    /// The same, but without waiting any longer once `stop` has come.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn receive_until(
        &self,
        max: usize,
        wait: Duration,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Vec<LeasedMessage>, ReadError> {
        let visibility = self.section().visibility_timeout.0;
        self.store.receive_until(self.id, max, visibility, wait, stop).await
    }

    pub fn depth(&self) -> QueueDepth {
        self.store.depth(self.id).unwrap_or_default()
    }
}

fn policy(section: &QueueSection, fifo: FifoTerms) -> QueuePolicy {
    let policy = QueuePolicy {
        max_receives: section.dead_letter.as_ref().map(|dead_letter| dead_letter.max_receives),
        retention: Some(section.retention.0),
        ..QueuePolicy::default()
    };
    match section.fifo {
        false => policy,
        true => QueuePolicy {
            fifo: true,
            delay: fifo.delay,
            deduplication_scope: fifo.deduplication_scope,
            ..policy
        },
    }
}
