//! Workers that give no sign of life are cut off; what will not end even then is left behind.

use super::{Tasks, worker::Worker};
use std::time::{Duration, Instant};

/// How long a worker that was cut off may take to end. A task ends where it waits; one that computes
/// without end holds its thread, and the pool goes on without it.
const GRACE: Duration = Duration::from_secs(5);

impl Tasks {
    /// Cuts off workers that are overdue, and leaves behind those that did not end after that.
    pub(super) fn cut_off_silent(&mut self, now: Instant) {
        if self.next_overdue().is_none_or(|at| at > now) {
            return;
        }
        let mut stuck = Vec::new();
        for (key, task) in &mut self.running {
            let Some(worker) = &mut task.worker else { continue };
            if worker.cut_off.is_some() {
                stuck.extend(has_outstayed(worker, now).then(|| key.clone()));
            } else if let Some(why) = worker.overdue(now) {
                tracing::warn!(node = %self.node, task = key, worker = worker.id, why, "a worker is cut off");
                worker.cut_off = Some((now, why));
                task.retire.send_replace(true);
                task.handle.abort();
            }
        }
        for key in stuck {
            self.leave_behind(key, now);
        }
    }

    /// Counts a stuck worker as failed. Its slot is not used again until it has ended.
    fn leave_behind(&mut self, key: String, now: Instant) {
        let Some(mut task) = self.running.remove(&key) else { return };
        let Some(worker) = task.worker.take() else { return };
        let why = worker.cut_off.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
        let why = format!("{why}; it does not end, and its thread is lost to the pool until it does");
        tracing::error!(node = %self.node, task = key, worker = worker.id, "a worker that was cut off does not end");
        self.remember(&worker, &key, Some(&why));
        self.failed(&key, Some(&worker), &why, now);
        self.restarts.give_up(&key);
        self.stuck.insert(worker.id, key);
    }

    fn next_overdue(&self) -> Option<Instant> {
        let workers = self.running.values().filter_map(|task| task.worker.as_ref());
        workers.filter_map(due).min()
    }

    /// When something is to be done even if no task ends: a rest is over, or a worker is overdue.
    pub fn next_due(&self) -> Option<Instant> {
        [self.next_overdue(), self.restarts.next_start()].into_iter().flatten().min()
    }
}

fn due(worker: &Worker) -> Option<Instant> {
    match &worker.cut_off {
        Some((at, _)) => at.checked_add(GRACE),
        None => worker.overdue_at(),
    }
}

fn has_outstayed(worker: &Worker, now: Instant) -> bool {
    worker.cut_off.as_ref().is_some_and(|(at, _)| *at + GRACE <= now)
}
