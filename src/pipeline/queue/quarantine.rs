//! Where a node puts what it cannot process.

use super::{Queue, QueueError};
use crate::storage::Store;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The dead-letter queue if the topology names one, else the queue `NODE.quarantine`, made when it is
/// first needed.
#[derive(Debug)]
pub struct Quarantine {
    node: Arc<str>,
    store: Store,
    dead_letter: Option<Arc<Queue>>,
    made: OnceCell<Arc<Queue>>,
}

impl Quarantine {
    pub fn new(node: Arc<str>, store: Store, dead_letter: Option<Arc<Queue>>) -> Self {
        Self { node, store, dead_letter, made: OnceCell::new() }
    }

    /// # Errors
    /// [`QueueError`] when the queue has to be made and cannot.
    pub async fn queue(&self) -> Result<&Arc<Queue>, QueueError> {
        match &self.dead_letter {
            Some(queue) => Ok(queue),
            None => {
                self.made.get_or_try_init(|| Queue::open_quarantine(&self.node, self.store.clone())).await
            }
        }
    }
}
