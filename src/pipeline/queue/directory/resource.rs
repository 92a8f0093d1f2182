//! One queue of the directory: the queue itself, and what is told of it.

use super::{
    QueueDirectoryError, QueueIdentity,
    terms::{Kept, QueueTerms},
};
use crate::pipeline::queue::Queue;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tokio::sync::Mutex;

/// A queue and what it goes by; share it by `Arc`.
#[derive(Debug)]
pub struct QueueResource {
    pub identity: QueueIdentity,
    pub queue: Arc<Queue>,
    kept: RwLock<Arc<Kept>>,
    of_the_topology: AtomicBool,
    /// Held while it changes.
    pub(super) changing: Mutex<()>,
}

impl QueueResource {
    pub(super) fn new(identity: QueueIdentity, queue: Arc<Queue>, kept: Kept, is_of_it: bool) -> Arc<Self> {
        let (kept, of_the_topology) = (RwLock::new(Arc::new(kept)), AtomicBool::new(is_of_it));
        Arc::new(Self { identity, queue, kept, of_the_topology, changing: Mutex::new(()) })
    }

    pub(super) fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_kept(&self, kept: Kept) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kept);
    }

    /// True while a node of the topology may send to it or receive from it.
    pub fn is_of_the_topology(&self) -> bool {
        self.of_the_topology.load(Relaxed)
    }

    pub(super) fn set_of_the_topology(&self, is_of_it: bool) {
        self.of_the_topology.store(is_of_it, Relaxed);
    }

    pub fn arn(&self) -> String {
        self.identity.arn()
    }

    /// What it goes by now. Of a queue of the topology, the topology says times and dead letters.
    pub fn terms(&self) -> QueueTerms {
        let terms = self.kept().terms.clone();
        if !self.is_of_the_topology() {
            return terms;
        }
        let QueueIdentity { account, region, .. } = &self.identity;
        let section = self.queue.section();
        terms.with_section(&section, |name| QueueIdentity::of_node(account, region, name, section.fifo).arn())
    }

    pub fn tags(&self) -> BTreeMap<String, String> {
        self.kept().tags.clone()
    }

    pub fn tag(&self, key: &str) -> Option<String> {
        self.kept().tags.get(key).cloned()
    }

    /// Epoch milliseconds.
    pub fn created_at_ms(&self) -> i64 {
        self.kept().created_at_ms
    }

    /// Epoch milliseconds.
    pub fn modified_at_ms(&self) -> i64 {
        self.kept().modified_at_ms
    }

    pub(super) fn require_run_time(&self) -> Result<(), QueueDirectoryError> {
        match self.is_of_the_topology() {
            true => Err(QueueDirectoryError::OfTheTopology(self.identity.name.clone())),
            false => Ok(()),
        }
    }
}
