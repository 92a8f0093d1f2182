//! Which workers a pool keeps, starts and lets go.

use super::{
    Tasks,
    worker::{Leaving, Worker, WorkerReport, WorkerState},
};
use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

/// The workers of one node, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    pub pending: u32,
    pub in_service: u32,
    pub draining: u32,
    /// Of those in service, how many work on deliveries: protected from scale-in.
    pub busy: u32,
    /// Of those pending or in service, how many are of an older generation.
    pub older: u32,
    /// Of those in service, how many are of an older generation.
    pub older_in_service: u32,
    /// How many have been in service for the time that was asked about.
    pub served: u32,
    /// Of those, how many are of the newest generation.
    pub proven: u32,
}

impl Census {
    /// Workers that count as ordered ones.
    pub fn active(&self) -> u32 {
        self.pending + self.in_service
    }
}

fn slot(prefix: &str, number: u32) -> String {
    format!("{prefix}-{number}")
}

/// A worker's place in the order of leaving: cut off before working, idle before busy, old before new,
/// those that are not yet of use before those that are, young before long-serving.
type Turn = (bool, bool, u64, bool, Reverse<u64>);

fn turn(worker: &Worker) -> Turn {
    let (vital, works) = (&worker.vital, worker.cut_off.is_none());
    (works, vital.is_busy(), worker.generation, vital.is_in_service(), Reverse(worker.id))
}

impl Tasks {
    /// Makes the pool hold `desired` workers: lets surplus ones drain (idle ones first, so that
    /// nothing is interrupted), and answers the slots `PREFIX-N` in which a worker is to be started
    /// now with [`Tasks::ensure_worker`]. A worker that was cut off, and a slot that rests after a failure,
    /// stand for the worker that will come back.
    #[must_use = "the slots are empty until a worker is ensured in each"]
    pub fn staff(&mut self, prefix: &str, desired: u32) -> Vec<String> {
        self.staff_at(Instant::now(), prefix, desired)
    }

    pub(super) fn staff_at(&mut self, now: Instant, prefix: &str, desired: u32) -> Vec<String> {
        let placed = self.placed_workers();
        let Some(missing) = desired.checked_sub(placed).filter(|missing| *missing > 0) else {
            self.restarts.give_up_resting(0);
            self.let_go(placed - desired.min(placed), Leaving::ScaledIn, |_| true);
            return Vec::new();
        };
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        self.restarts.give_up_resting(missing);
        if self.restarts.is_exhausted(now) {
            return Vec::new();
        }
        let resting: Vec<String> = self.restarts.resting().map(str::to_owned).collect();
        let is_free = |key: &String| {
            let is_stuck = self.stuck.values().any(|stuck| stuck == key);
            let is_used = self.running.contains_key(key) || self.elsewhere.contains(key) || is_stuck;
            !is_used && !resting.contains(key) && self.restarts.may_start(key, now)
        };
        let fresh: Vec<String> = (0..)
            .map(|number| slot(prefix, number))
            .filter(is_free)
            .take(missing.saturating_sub(resting.len()))
            .collect();
        let rested = resting.into_iter().filter(|key| self.restarts.may_start(key, now));
        rested.chain(fresh).collect()
    }

    fn placed_workers(&self) -> u32 {
        let placed = self.all_workers().filter(|(_, worker)| worker.has_place());
        u32::try_from(placed.count()).unwrap_or(u32::MAX)
    }

    pub(super) fn all_workers(&self) -> impl Iterator<Item = (&str, &Worker)> {
        self.running.iter().filter_map(|(key, task)| Some((key.as_str(), task.worker.as_ref()?)))
    }

    /// Lets `count` of the workers that fit drain, in the order of leaving.
    fn let_go(&mut self, count: u32, leaving: Leaving, fits: impl Fn(&Worker) -> bool) -> u32 {
        if count == 0 {
            return 0;
        }
        let candidates = self.all_workers().filter(|(_, worker)| worker.has_place() && fits(worker));
        let mut candidates: Vec<(Turn, String)> =
            candidates.map(|(key, worker)| (turn(worker), key.to_owned())).collect();
        candidates.sort();
        candidates.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        for (_, key) in &candidates {
            self.retire_because(key, leaving);
        }
        u32::try_from(candidates.len()).unwrap_or(u32::MAX)
    }

    /// Keys of the workers that have been told to end and have not yet.
    pub fn draining(&self) -> impl Iterator<Item = &str> {
        self.all_workers().filter(|(_, worker)| !worker.has_place()).map(|(key, _)| key)
    }

    /// Lets a worker drain; `reconcile` replaces it. False when there is no such worker, or it drains.
    pub fn terminate(&mut self, id: u64) -> bool {
        let found = self.all_workers().find(|(_, worker)| worker.id == id && worker.is_active());
        let Some(key) = found.map(|(key, _)| key.to_owned()) else { return false };
        self.retire_because(&key, Leaving::ByHand);
        true
    }

    /// Begins a new generation: workers started from now on belong to it, and failures are counted anew.
    pub fn begin_generation(&mut self) {
        self.generation = self.generation.saturating_add(1);
        self.forget_failures();
    }

    /// Lets up to `count` workers of older generations drain; answers how many.
    pub fn retire_older(&mut self, count: u32) -> u32 {
        let newest = self.generation;
        self.let_go(count, Leaving::Refreshed, |worker| worker.generation < newest)
    }

    /// Failures of workers of the newest generation before they had done any work.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts failures anew.
    pub fn forget_failures(&mut self) {
        self.failures = 0;
    }

    /// Slots that are in use elsewhere and must stay free here: two tasks of one name would write one tally.
    pub fn leave_free(&mut self, keys: impl IntoIterator<Item = String>) {
        self.elsewhere.clear();
        self.elsewhere.extend(keys);
    }

    /// Counts the workers.
    pub fn census(&self) -> Census {
        self.census_at(Instant::now(), Duration::ZERO)
    }

    /// Counts the workers. Proven are those of the newest generation that have been in service for `proof`.
    pub fn census_at(&self, now: Instant, proof: Duration) -> Census {
        let mut census = Census::default();
        for (_, worker) in self.all_workers() {
            let is_older = u32::from(worker.generation < self.generation);
            match worker.state() {
                WorkerState::Pending => {
                    census.pending += 1;
                    census.older += is_older;
                }
                WorkerState::InService => {
                    census.in_service += 1;
                    census.busy += u32::from(worker.vital.is_busy());
                    census.older += is_older;
                    census.older_in_service += is_older;
                    let has_served = worker.vital.served(now).is_some_and(|served| served >= proof);
                    census.served += u32::from(has_served);
                    census.proven += u32::from(is_older == 0 && has_served);
                }
                WorkerState::Draining => census.draining += 1,
                WorkerState::Terminated => {}
            }
        }
        census
    }

    /// Every worker that runs, then those that ended last, latest first.
    pub fn workers(&self) -> impl Iterator<Item = WorkerReport> {
        let running = self.all_workers().map(|(key, worker)| worker.report(key));
        running.chain(self.terminated.iter().rev().cloned())
    }
}
