//! How tasks are told to end, and how they ended.

use std::{any::Any, time::Duration};
use tokio::sync::watch;

/// Why a task ended early. The task pays: it is restarted with backoff.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct TaskError {
    /// What was being done, such as "writing an object".
    pub doing: &'static str,
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

impl TaskError {
    pub fn new(doing: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { doing, cause: cause.into() }
    }
}

/// Tells a task to end when it has finished what it holds. Read it between receives.
#[derive(Debug, Clone)]
pub struct Retire(watch::Receiver<bool>);

impl Retire {
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves once the task has been asked to end.
    pub async fn asked(&self) {
        // A switch that has gone counts as asked: nobody is left who could.
        let _ = self.0.clone().wait_for(|asked| *asked).await;
    }

    /// Sleeps, but not beyond being asked to retire.
    pub async fn sleep(&self, length: Duration) {
        let _ = tokio::time::timeout(length, self.asked()).await;
    }

    /// A flag and its switch, for tests and for tasks below a task.
    pub fn pair() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }
}

/// How a task ended.
#[derive(Debug)]
pub enum TaskExit {
    /// It was asked to, or had no more to do.
    Finished {
        key: String,
    },
    Failed {
        key: String,
        error: TaskError,
    },
    Panicked {
        key: String,
        message: String,
    },
    /// It was cut off at the deadline.
    Aborted {
        key: String,
    },
}

/// What a panic said.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
