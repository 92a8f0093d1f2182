//! The tasks of one node: started, retired, reaped and joined by key.

mod restarts;
#[cfg(test)]
mod tests;

use crate::telemetry::NodeMetrics;
use futures::FutureExt;
use restarts::Restarts;
use std::{any::Any, collections::BTreeMap, future::Future, sync::Arc, time::Duration, time::Instant};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::{JoinError, JoinHandle},
};
use tracing::Instrument;

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

#[derive(Debug)]
struct Running {
    retire: watch::Sender<bool>,
    handle: JoinHandle<Result<(), TaskError>>,
}

/// Keyed tokio tasks on the data runtime.
#[derive(Debug)]
pub struct Tasks {
    runtime: Handle,
    running: BTreeMap<String, Running>,
    node: Arc<str>,
    restarts: Restarts,
    metrics: Option<NodeMetrics>,
    last_error: Option<String>,
}

impl Tasks {
    pub fn new(runtime: Handle, node: Arc<str>) -> Self {
        let restarts = Restarts::new(&node);
        Self { runtime, running: BTreeMap::new(), node, restarts, metrics: None, last_error: None }
    }

    /// Counts panics and restarts in the node's metrics.
    #[must_use]
    pub fn counted_in(mut self, metrics: NodeMetrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Starts the task unless one with this key runs, or rests after a failure.
    pub fn ensure<F, T>(&mut self, key: &str, start: F)
    where
        F: FnOnce(Retire) -> T,
        T: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        self.ensure_at(Instant::now(), key, start);
    }

    fn ensure_at<F, T>(&mut self, now: Instant, key: &str, start: F)
    where
        F: FnOnce(Retire) -> T,
        T: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        if self.running.contains_key(key) || !self.restarts.may_start(key, now) {
            return;
        }
        if self.restarts.started(key)
            && let Some(metrics) = &self.metrics
        {
            metrics.restarted();
        }
        let (retire, asked) = Retire::pair();
        let span = tracing::info_span!("task", node = %self.node, task = key);
        let task = span.in_scope(|| start(asked));
        let handle = self.runtime.spawn(task.instrument(span));
        self.running.insert(key.to_owned(), Running { retire, handle });
    }

    /// Asks one task to end; it stays among the running until it has.
    pub fn retire(&mut self, key: &str) {
        if let Some(task) = self.running.get(key) {
            task.retire.send_replace(true);
        }
    }

    pub fn retire_all(&mut self) {
        for task in self.running.values() {
            task.retire.send_replace(true);
        }
    }

    /// Cuts off every task, for the deadline; they show up in `reap` once they are gone.
    pub fn abort_all(&mut self) {
        for task in self.running.values() {
            task.handle.abort();
        }
    }

    /// Takes the tasks that have ended, logs failures, and lets failed keys rest before they may start again.
    pub fn reap(&mut self) -> Vec<TaskExit> {
        self.reap_at(Instant::now())
    }

    fn reap_at(&mut self, now: Instant) -> Vec<TaskExit> {
        let ended: Vec<String> = self
            .running
            .iter()
            .filter(|(_, task)| task.handle.is_finished())
            .map(|(key, _)| key.clone())
            .collect();
        let mut exits = Vec::with_capacity(ended.len());
        for key in ended {
            let Some(task) = self.running.get_mut(&key) else { continue };
            // A finished handle may still say "not now" when its reader has spent its budget: next time.
            let Some(result) = (&mut task.handle).now_or_never() else { continue };
            self.running.remove(&key);
            exits.push(self.account(key, result, now));
        }
        exits
    }

    fn account(
        &mut self,
        key: String,
        result: Result<Result<(), TaskError>, JoinError>,
        now: Instant,
    ) -> TaskExit {
        match result {
            Ok(Ok(())) => TaskExit::Finished { key },
            Ok(Err(error)) => {
                self.failed(&key, error.to_string(), now);
                TaskExit::Failed { key, error }
            }
            Err(error) if error.is_cancelled() => TaskExit::Aborted { key },
            Err(error) => {
                let message = panic_message(error.into_panic().as_ref());
                if let Some(metrics) = &self.metrics {
                    metrics.panicked();
                }
                self.failed(&key, format!("panicked: {message}"), now);
                TaskExit::Panicked { key, message }
            }
        }
    }

    fn failed(&mut self, key: &str, error: String, now: Instant) {
        let rest = self.restarts.failed(key, now);
        tracing::warn!(node = %self.node, task = key, error, rest_ms = rest.as_millis() as u64, "task failed");
        if self.restarts.is_exhausted(now) {
            tracing::error!(
                node = %self.node,
                failures = restarts::BUDGET,
                within_s = restarts::WINDOW.as_secs(),
                rest_s = restarts::LONG_REST.as_secs(),
                last_error = error,
                "restart budget exhausted; the node starts no task until it has rested"
            );
        }
        self.last_error = Some(format!("{key}: {error}"));
    }

    /// Keys of the tasks that run and are not asked to end.
    pub fn in_service(&self) -> impl Iterator<Item = &str> {
        self.running.iter().filter(|(_, task)| !*task.retire.borrow()).map(|(key, _)| key.as_str())
    }

    /// Keys of all tasks that have not ended.
    pub fn alive(&self) -> impl Iterator<Item = &str> {
        self.running.iter().filter(|(_, task)| !task.handle.is_finished()).map(|(key, _)| key.as_str())
    }

    /// True while the node has failed too often and starts no task.
    pub fn is_exhausted(&self) -> bool {
        self.restarts.is_exhausted(Instant::now())
    }

    /// True while at least one key waits to be started again after a failure.
    pub fn is_resting(&self) -> bool {
        self.restarts.is_resting()
    }

    /// Tasks started again after a failure, since start.
    pub fn restart_count(&self) -> u64 {
        self.restarts.count()
    }

    /// The latest failure, with the key of its task.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.retire_all();
    }
}

/// What a panic said.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
