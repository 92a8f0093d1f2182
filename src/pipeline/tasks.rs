//! The tasks of one node: started, retired, reaped and joined by key.

mod exit;
mod pulse;
mod restarts;
mod spawned;
mod staffing;
#[cfg(test)]
mod tests;
mod watching;
mod worker;
#[cfg(test)]
mod workers_tests;

pub use exit::{Retire, TaskError, TaskExit, panic_message};
pub use pulse::{Busy, Pulse, WorkerTerms};
pub use restarts::RestartTerms;
pub use staffing::Census;
pub use worker::{WorkerReport, WorkerState};

use crate::telemetry::NodeMetrics;
use pulse::Vital;
use restarts::{Failed, Restarts};
use spawned::{Ends, Outcome, Spawned};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::AbortHandle,
};
use tracing::Instrument;
use worker::{Leaving, Worker};

/// Workers that have ended and are still shown.
const REMEMBERED: usize = 50;

#[derive(Debug)]
struct Running {
    id: u64,
    retire: watch::Sender<bool>,
    handle: AbortHandle,
    worker: Option<Worker>,
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
    ends: Arc<Ends>,
    /// The next id; shared with the tasks that this node had or will have.
    ids: Arc<AtomicU64>,
    generation: u64,
    failures: u32,
    elsewhere: BTreeSet<String>,
    terminated: VecDeque<WorkerReport>,
    /// Workers that were cut off and would not end, by id; nobody waits for them.
    stuck: BTreeMap<u64, String>,
}

impl Tasks {
    pub fn new(runtime: Handle, node: Arc<str>) -> Self {
        Self::with(runtime, node, Arc::default(), Arc::new(AtomicU64::new(1)))
    }

    fn with(runtime: Handle, node: Arc<str>, wake: Arc<Notify>, ids: Arc<AtomicU64>) -> Self {
        Self {
            runtime,
            running: BTreeMap::new(),
            restarts: Restarts::new(&node),
            node,
            metrics: None,
            last_error: None,
            ends: Ends::new(wake),
            ids,
            generation: 1,
            failures: 0,
            elsewhere: BTreeSet::new(),
            terminated: VecDeque::new(),
            stuck: BTreeMap::new(),
        }
    }

    /// Counts panics and restarts in the node's metrics.
    #[must_use]
    pub fn counted_in(mut self, metrics: NodeMetrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Empty tasks for another stage of the same node: a generation later, with ids that go on.
    #[must_use]
    pub fn successor(&self) -> Self {
        let wake = Arc::clone(self.ends.wake());
        let mut next = Self::with(self.runtime.clone(), Arc::clone(&self.node), wake, Arc::clone(&self.ids));
        next.metrics.clone_from(&self.metrics);
        next.generation = self.generation.saturating_add(1);
        next
    }

    /// When failed tasks are started again from now on.
    pub fn restart_by(&mut self, terms: RestartTerms) {
        self.restarts.set_terms(terms, Instant::now());
    }

    /// The node whose tasks these are.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Woken when a task has ended or a worker has come into service.
    pub fn wake(&self) -> &Arc<Notify> {
        self.ends.wake()
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
        if self.may_start(key, now) {
            let id = self.ids.fetch_add(1, Relaxed);
            self.start(now, id, key, None, start);
        }
    }

    /// Starts a worker unless a task with this key runs, or rests after a failure. It is pending until
    /// it says [`Pulse::in_service`].
    pub fn ensure_worker<F, T>(&mut self, key: &str, terms: WorkerTerms, start: F)
    where
        F: FnOnce(Retire, Pulse) -> T,
        T: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        self.ensure_worker_at(Instant::now(), key, terms, start);
    }

    fn ensure_worker_at<F, T>(&mut self, now: Instant, key: &str, terms: WorkerTerms, start: F)
    where
        F: FnOnce(Retire, Pulse) -> T,
        T: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        if !self.may_start(key, now) {
            return;
        }
        let id = self.ids.fetch_add(1, Relaxed);
        let vital = Vital::new(now, Arc::clone(self.ends.wake()));
        let pulse = vital.pulse();
        let restarts = self.restarts.consecutive(key);
        let worker = Worker { restarts, ..Worker::begin(id, self.generation, terms, vital) };
        self.start(now, id, key, Some(worker), |retire| start(retire, pulse));
    }

    fn may_start(&self, key: &str, now: Instant) -> bool {
        !self.running.contains_key(key) && self.restarts.may_start(key, now)
    }

    fn start<F, T>(&mut self, now: Instant, id: u64, key: &str, worker: Option<Worker>, start: F)
    where
        F: FnOnce(Retire) -> T,
        T: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        self.note_restart(key, now);
        let (retire, asked) = Retire::pair();
        let span = match &worker {
            Some(_) => tracing::info_span!("task", node = %self.node, task = key, worker = id),
            None => tracing::info_span!("task", node = %self.node, task = key),
        };
        let task = span.in_scope(|| start(asked));
        let spawned = Spawned::new(id, task, Arc::clone(&self.ends)).instrument(span);
        let handle = self.runtime.spawn(spawned).abort_handle();
        self.running.insert(key.to_owned(), Running { id, retire, handle, worker });
    }

    fn note_restart(&mut self, key: &str, now: Instant) {
        let Some(restarted) = self.restarts.started(key, now) else { return };
        if let Some(metrics) = &self.metrics {
            metrics.restarted();
        }
        tracing::info!(
            node = %self.node,
            task = key,
            failures_in_a_row = restarted.consecutive,
            rest_ms = restarted.rest.as_millis() as u64,
            rested_ms = restarted.rested.as_millis() as u64,
            "task is started again"
        );
    }

    /// Asks one task to end; it stays among the running until it has. One that rests is given up.
    pub fn retire(&mut self, key: &str) {
        self.retire_because(key, Leaving::ScaledIn);
    }

    fn retire_because(&mut self, key: &str, leaving: Leaving) {
        // One that rests after a failure is not started again.
        self.restarts.give_up(key);
        if let Some(task) = self.running.get_mut(key) {
            task.retire.send_replace(true);
            if let Some(worker) = &mut task.worker {
                worker.leaving.get_or_insert(leaving);
            }
        }
    }

    pub fn retire_all(&mut self) {
        for task in self.running.values_mut() {
            task.retire.send_replace(true);
            if let Some(worker) = &mut task.worker {
                worker.leaving.get_or_insert(Leaving::NodeDrains);
            }
        }
    }

    /// Cuts off every task, for the deadline; they show up in `reap` once they are gone.
    pub fn abort_all(&mut self) {
        for task in self.running.values() {
            task.handle.abort();
        }
    }

    /// Takes the tasks that have ended, cuts off silent workers, logs failures, and lets failed keys
    /// rest before they may start again.
    pub fn reap(&mut self) -> Vec<TaskExit> {
        self.reap_at(Instant::now())
    }

    fn reap_at(&mut self, now: Instant) -> Vec<TaskExit> {
        let mut exits = Vec::new();
        for (id, outcome) in self.ends.take() {
            if let Some(key) = self.stuck.remove(&id) {
                tracing::warn!(node = %self.node, task = key, worker = id, "a stuck worker has ended at last");
                continue;
            }
            let ended = self.running.iter().find(|(_, task)| task.id == id).map(|(key, _)| key.clone());
            let Some((key, task)) = ended.and_then(|key| self.running.remove_entry(&key)) else { continue };
            exits.push(self.account(key, task.worker, outcome, now));
        }
        self.cut_off_silent(now);
        exits
    }

    fn account(&mut self, key: String, worker: Option<Worker>, outcome: Outcome, now: Instant) -> TaskExit {
        let cut_off = worker.as_ref().and_then(|worker| worker.cut_off.as_ref()).map(|(_, why)| why.clone());
        let failure = match (&outcome, cut_off) {
            (Outcome::Panicked(message), _) => Some(format!("panicked: {message}")),
            (Outcome::Failed(error), _) => Some(error.to_string()),
            (_, Some(why)) => Some(why),
            (Outcome::Finished | Outcome::CutOff, None) => None,
        };
        if let Some(worker) = &worker {
            self.remember(worker, &key, failure.as_deref());
        }
        if let Some(error) = &failure {
            self.failed(&key, worker.as_ref(), error, now);
        }
        match (outcome, failure) {
            (Outcome::Panicked(message), _) => {
                if let Some(metrics) = &self.metrics {
                    metrics.panicked();
                }
                TaskExit::Panicked { key, message }
            }
            (Outcome::Failed(error), _) => TaskExit::Failed { key, error },
            (_, Some(why)) => TaskExit::Failed { key, error: TaskError::new("working", why) },
            (Outcome::Finished, None) => TaskExit::Finished { key },
            (Outcome::CutOff, None) => TaskExit::Aborted { key },
        }
    }

    fn remember(&mut self, worker: &Worker, key: &str, failure: Option<&str>) {
        let mut report = WorkerReport { state: WorkerState::Terminated, busy: false, ..worker.report(key) };
        if let Some(failure) = failure {
            report.because = Some(failure.to_owned());
        }
        self.terminated.push_back(report);
        while self.terminated.len() > REMEMBERED {
            self.terminated.pop_front();
        }
    }

    fn failed(&mut self, key: &str, worker: Option<&Worker>, error: &str, now: Instant) {
        let progressed = worker.is_some_and(|worker| worker.vital.has_progressed());
        let pool =
            self.all_workers().count() + usize::from(worker.is_some()) + self.restarts.resting().count();
        let pool = if worker.is_some() { pool } else { 1 };
        let rest = self.restarts.failed(Failed { key, progressed, pool }, now);
        if !progressed && worker.is_none_or(|worker| worker.generation == self.generation) {
            self.failures = self.failures.saturating_add(1);
        }
        tracing::warn!(node = %self.node, task = key, error, rest_ms = rest.as_millis() as u64, "task failed");
        if self.restarts.is_exhausted(now) {
            tracing::error!(
                node = %self.node,
                failures = self.restarts.terms().budget(pool),
                within = %self.restarts.terms().within,
                last_error = error,
                "restart budget exhausted; the node starts no task for as long"
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
        self.running.keys().map(String::as_str)
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
