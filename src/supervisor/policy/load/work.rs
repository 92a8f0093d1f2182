//! What one worker finishes in a second, learned while nothing holds it up.

use crate::pipeline::Observation;
use std::time::Instant;

/// Busy time of the pool over which what was learned loses most of its weight: so many seconds, of
/// all workers together or of the wall, whichever holds more work.
const MEMORY_SECONDS: f64 = 60.0;
/// Least busy time before a rate is believed.
const ENOUGH_SECONDS: f64 = 0.02;
/// Busy time until which any work counts.
const NEW_SECONDS: f64 = 2.0;

/// What happened between two observations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub seconds: f64,
    pub processed: f64,
    pub busy_seconds: f64,
    /// Workers in service for all of it.
    pub workers: f64,
    /// Records waited all the time, so that no worker had to be idle.
    pub is_saturated: bool,
}

impl Interval {
    /// Records per second.
    pub fn throughput(&self) -> f64 {
        self.processed / self.seconds
    }
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    processed: u64,
    busy_seconds: f64,
    measured: u32,
    backlog: u64,
}

/// Records per second of one worker.
#[derive(Debug)]
pub struct Work {
    last: Option<Seen>,
    finished: f64,
    busy_seconds: f64,
    /// Share of its time that a worker with enough to do is busy: the rest it waits between records.
    efficiency: f64,
}

impl Default for Work {
    fn default() -> Self {
        Self { last: None, finished: 0.0, busy_seconds: 0.0, efficiency: 1.0 }
    }
}

impl Work {
    /// Begins with what was known before.
    pub fn recall(&mut self, per_second: f64, efficiency: f64) {
        if per_second > 0.0 && efficiency > 0.0 {
            (self.finished, self.busy_seconds) = (per_second / efficiency * NEW_SECONDS, NEW_SECONDS);
            self.efficiency = efficiency.min(1.0);
        }
    }

    /// What happened since the last observation, with `measured` workers; `None` for the first one, or when a counter went back.
    pub fn interval(&mut self, now: Instant, measured: u32, seen: &Observation) -> Option<Interval> {
        let newest = Seen {
            at: now,
            processed: seen.processed,
            busy_seconds: seen.busy_seconds,
            measured,
            backlog: seen.backlog,
        };
        let last = self.last.replace(newest)?;
        let seconds = now.saturating_duration_since(last.at).as_secs_f64();
        let processed = newest.processed.checked_sub(last.processed)? as f64;
        let busy_seconds = newest.busy_seconds - last.busy_seconds;
        if seconds <= 0.0 || busy_seconds < 0.0 {
            return None;
        }
        let workers = f64::from(newest.measured.min(last.measured));
        let least = newest.backlog.min(last.backlog) as f64;
        // Each worker could have taken one more, and the pool half of what it finished.
        let is_saturated = workers > 0.0 && least >= workers && least >= processed / 2.0;
        Some(Interval { seconds, processed, busy_seconds, workers, is_saturated })
    }

    /// Learns from an interval in which workers were not held up by one another.
    pub fn learn(&mut self, interval: &Interval) {
        if interval.processed <= 0.0 || interval.busy_seconds <= 0.0 {
            return;
        }
        let kept = (-interval.seconds / MEMORY_SECONDS).exp();
        let room = MEMORY_SECONDS * interval.workers.max(1.0);
        let fits = if self.busy_seconds > room { room / self.busy_seconds } else { 1.0 };
        self.finished = self.finished * kept * fits + interval.processed;
        self.busy_seconds = self.busy_seconds * kept * fits + interval.busy_seconds;
    }

    /// Learns anew from workers that had enough to do all the time.
    pub fn relearn(&mut self, stretch: &Interval) {
        let offered = stretch.workers * stretch.seconds;
        if stretch.processed > 0.0 && stretch.busy_seconds > 0.0 && offered > 0.0 {
            (self.finished, self.busy_seconds) = (stretch.processed, stretch.busy_seconds);
            self.efficiency = (stretch.busy_seconds / offered).clamp(0.01, 1.0);
        }
    }

    /// Too little has been seen to tell contention from the usual.
    pub fn is_new(&self) -> bool {
        self.busy_seconds < NEW_SECONDS
    }

    pub fn efficiency(&self) -> f64 {
        self.efficiency
    }

    /// Records per second that one more worker adds, once known.
    pub fn per_second(&self) -> Option<f64> {
        (self.busy_seconds >= ENOUGH_SECONDS && self.finished > 0.0)
            .then(|| self.finished / self.busy_seconds * self.efficiency)
    }
}
