//! Message-move tasks: the messages of a dead-letter queue go to another queue, or each to the queue that it
//! came from. What a task has done is in the same commit as the messages that it moved, so a task goes on
//! after a restart where it was, and no message is lost or doubled.

mod pace;
mod parcel;
mod running;
mod task;
#[cfg(test)]
mod tests;

pub use task::{MoveFailure, MoveOrder, MoveStatus, MoveTask};

pub(super) use task::keys_of;

use super::directory::{QueueDirectory, QueueIdentity, QueueResource};
use crate::{
    pipeline::random_uuid,
    storage::{Batch, CommitError, Store},
};
use running::Active;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use task::{MoveSource, TASKS, latest_first, outdated};
use tokio::sync::watch;

/// Most tasks of an account that are active at once, as in AWS.
const MOST_ACTIVE: usize = 100;

/// Why a task was not started or not cancelled. Whoever asked pays; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("a task of this queue is active already; cancel it, or wait for its end")]
    AlreadyActive,
    #[error("the account has {MOST_ACTIVE} active tasks already; cancel one, or wait for its end")]
    TooMany,
    #[error("there is no such task")]
    NotFound,
    #[error("the task has ended, or is about to")]
    NotRunning,
    #[error("the queue is not there any more")]
    NoQueue,
    #[error("the change could not be stored: {0}")]
    Commit(#[from] CommitError),
}

/// All message-move tasks; share it by `Arc`.
#[derive(Debug)]
pub struct MessageMoves {
    directory: Arc<QueueDirectory>,
    /// Those that run, by the number of their source.
    active: Mutex<BTreeMap<u32, Arc<Active>>>,
    /// Held while a task is started.
    starting: tokio::sync::Mutex<()>,
    draining: watch::Receiver<bool>,
}

impl MessageMoves {
    /// Goes on with the tasks that were running. Once `draining` is true, or its sender gone, they rest until
    /// the next start.
    ///
    /// # Errors
    /// When what is left of deleted queues cannot be removed.
    pub async fn open(
        directory: Arc<QueueDirectory>,
        draining: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, CommitError> {
        let (active, starting) = (Mutex::default(), tokio::sync::Mutex::default());
        let moves = Arc::new(Self { directory, active, starting, draining });
        let mut batch = Batch::new();
        for (key, bytes) in moves.store().list(TASKS) {
            let Some(task) = MoveTask::decode(&bytes) else {
                tracing::error!(key, "a message-move task cannot be read; it does not go on");
                continue;
            };
            if moves.source_of(&task).is_none() {
                batch.remove(key);
            } else if task.is_active() {
                moves.run(task);
            }
        }
        if !batch.is_empty() {
            moves.store().commit(batch).await?;
        }
        Ok(moves)
    }

    /// Starts a task that moves what the source holds now.
    ///
    /// # Errors
    /// [`MoveError::AlreadyActive`], [`MoveError::TooMany`], or what hinders the store.
    pub async fn start(
        self: &Arc<Self>,
        source: &QueueResource,
        order: MoveOrder,
        now_ms: i64,
    ) -> Result<MoveTask, MoveError> {
        let _alone = self.starting.lock().await;
        let (queue, known) = (source.queue.id(), self.of(source));
        if known.iter().any(MoveTask::is_active) {
            return Err(MoveError::AlreadyActive);
        }
        let account = &source.identity.account;
        if self.active().values().filter(|active| active.account == *account).count() >= MOST_ACTIVE {
            return Err(MoveError::TooMany);
        }
        let number = known.first().map_or(0, |latest| latest.number + 1);
        let source = MoveSource {
            identity: source.identity.clone(),
            queue: queue.0,
            before: self.store().next_sequence(queue).ok_or(MoveError::NoQueue)?,
            waiting: source.queue.depth().ready,
        };
        let task = MoveTask::new(random_uuid(), number, source, order, now_ms);
        let mut batch = Batch::new();
        batch.put(task.key(), task.encode(), None);
        outdated(&known).for_each(|old| batch.remove(old.key()));
        self.store().commit(batch).await?;
        self.run(task.clone());
        Ok(task)
    }

    /// The tasks of a queue that are kept, the latest first.
    pub fn of(&self, source: &QueueResource) -> Vec<MoveTask> {
        let kept = self.store().list(&keys_of(source.queue.id().0));
        latest_first(kept.iter().filter_map(|(_, bytes)| MoveTask::decode(bytes)).collect())
    }

    /// Ends a task before its time; gives how many messages it has moved. What was moved stays so.
    ///
    /// # Errors
    /// [`MoveError::NotFound`], [`MoveError::NotRunning`], or what hinders the store.
    pub async fn cancel(&self, source: &QueueResource, id: &str) -> Result<u64, MoveError> {
        let active = self.active().get(&source.queue.id().0).cloned();
        if let Some(active) = active {
            let mut task = active.task.lock().await;
            if task.id == id && task.status == MoveStatus::Running {
                let cancelling = task.with_status(MoveStatus::Cancelling);
                self.keep(&cancelling).await?;
                *task = cancelling;
                active.called.notify_one();
                return Ok(task.moved);
            }
        }
        let is_known = self.of(source).iter().any(|task| task.id == id);
        Err(if is_known { MoveError::NotRunning } else { MoveError::NotFound })
    }

    fn store(&self) -> &Store {
        self.directory.store()
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Active>>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, task: &MoveTask) -> Result<(), CommitError> {
        let mut batch = Batch::new();
        batch.put(task.key(), task.encode(), None);
        self.store().commit(batch).await.map(|_| ())
    }

    /// The queue that a task empties, if it is still the same.
    fn source_of(&self, task: &MoveTask) -> Option<Arc<QueueResource>> {
        self.directory.get(&task.source).filter(|queue| queue.queue.id().0 == task.queue)
    }

    fn queue(&self, identity: &QueueIdentity) -> Result<Arc<QueueResource>, MoveFailure> {
        self.directory.get(identity).ok_or(MoveFailure::NonExistentQueue)
    }
}
