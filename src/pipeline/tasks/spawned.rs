//! A task on the runtime that reports its own end, so that nobody has to look whether it runs.

use super::exit::{TaskError, panic_message};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tokio::sync::Notify;

/// How a task's future ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Finished,
    Failed(TaskError),
    Panicked(String),
    /// Dropped before it was done.
    CutOff,
}

/// The ends of the tasks of one node that have not been taken in, and who is woken by them.
#[derive(Debug)]
pub(super) struct Ends {
    list: Mutex<Vec<(u64, Outcome)>>,
    wake: Arc<Notify>,
}

impl Ends {
    pub(super) fn new(wake: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { list: Mutex::default(), wake })
    }

    /// Takes what has been reported since the last call.
    pub(super) fn take(&self) -> Vec<(u64, Outcome)> {
        std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn report(&self, id: u64, outcome: Outcome) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push((id, outcome));
        self.wake.notify_one();
    }

    pub(super) fn wake(&self) -> &Arc<Notify> {
        &self.wake
    }
}

/// A task's future; reports its end after everything that the task held has been dropped.
pub(super) struct Spawned<T> {
    task: Option<Pin<Box<T>>>,
    id: u64,
    ends: Arc<Ends>,
}

impl<T> Spawned<T> {
    pub(super) fn new(id: u64, task: T, ends: Arc<Ends>) -> Self {
        Self { task: Some(Box::pin(task)), id, ends }
    }

    /// Drops what the task held, then reports.
    fn end(&mut self, outcome: Outcome) {
        let task = self.task.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(task)));
        let outcome = match dropped {
            Ok(()) => outcome,
            Err(payload) => Outcome::Panicked(panic_message(payload.as_ref())),
        };
        self.ends.report(self.id, outcome);
    }
}

impl<T: Future<Output = Result<(), TaskError>>> Future for Spawned<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(task) = self.task.as_mut() else { return Poll::Ready(()) };
        let outcome = match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => Outcome::Finished,
            Ok(Poll::Ready(Err(error))) => Outcome::Failed(error),
            Err(payload) => Outcome::Panicked(panic_message(payload.as_ref())),
        };
        self.end(outcome);
        Poll::Ready(())
    }
}

impl<T> Drop for Spawned<T> {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.end(Outcome::CutOff);
        }
    }
}
