//! Rates learned from counters: how fast records arrive, and how fast one worker finishes them.

use crate::pipeline::Observation;
use serde::Serialize;
use std::time::{Duration, Instant};

const SLOW_SECONDS: f64 = 20.0;
const FAST_SECONDS: f64 = 3.0;
/// Busy time after which what was learned of a worker has lost most of its weight.
const MEMORY_SECONDS: f64 = 60.0;
/// Least busy time before a worker's rate is believed.
const ENOUGH_SECONDS: f64 = 0.02;
/// Without arrivals for this long, nothing is expected to arrive.
const SILENCE: Duration = Duration::from_secs(10);

/// What is known of a pool's rates, in records per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Learned {
    pub arrivals_per_second: f64,
    /// Of one worker while it is busy; absent until some work has been seen.
    pub per_worker_per_second: Option<f64>,
    /// Workers the policy last wanted, before bounds and patience.
    pub wanted: f64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    arrived: u64,
    processed: u64,
    busy_seconds: f64,
}

/// Learns rates from the counters of successive observations.
#[derive(Debug, Default)]
pub struct Rates {
    last: Option<Sample>,
    started: bool,
    slow: f64,
    fast: f64,
    arrived_at: Option<Instant>,
    finished: f64,
    busy_seconds: f64,
}

fn share(elapsed: f64, constant: f64) -> f64 {
    1.0 - (-elapsed / constant).exp()
}

impl Rates {
    /// Takes in one observation. Counters that went back (a stage began anew) start a new measurement.
    pub fn learn(&mut self, now: Instant, seen: &Observation) {
        let sample = Sample {
            at: now,
            arrived: seen.arrived,
            processed: seen.processed,
            busy_seconds: seen.busy_seconds,
        };
        let Some(last) = self.last.replace(sample) else { return };
        let elapsed = now.saturating_duration_since(last.at).as_secs_f64();
        let (Some(arrived), Some(processed)) =
            (sample.arrived.checked_sub(last.arrived), sample.processed.checked_sub(last.processed))
        else {
            return;
        };
        if elapsed <= 0.0 {
            return;
        }
        self.learn_arrivals(now, arrived as f64 / elapsed, elapsed);
        self.learn_work(processed as f64, sample.busy_seconds - last.busy_seconds);
    }

    fn learn_arrivals(&mut self, now: Instant, rate: f64, elapsed: f64) {
        if rate > 0.0 {
            self.arrived_at = Some(now);
        }
        if self.started {
            self.slow += (rate - self.slow) * share(elapsed, SLOW_SECONDS);
            self.fast += (rate - self.fast) * share(elapsed, FAST_SECONDS);
        } else if rate > 0.0 {
            (self.started, self.slow, self.fast) = (true, rate, rate);
        }
    }

    fn learn_work(&mut self, processed: f64, busy: f64) {
        if processed <= 0.0 || busy <= 0.0 {
            return;
        }
        let kept = 1.0 - share(busy, MEMORY_SECONDS);
        self.finished = self.finished * kept + processed;
        self.busy_seconds = self.busy_seconds * kept + busy;
    }

    /// Records per second: the calm mean, or the quick one when it departs by more than chance
    /// (three standard deviations of a random arrival) and by more than a tenth.
    pub fn arrivals(&self, now: Instant) -> f64 {
        if self.arrived_at.is_none_or(|at| now.saturating_duration_since(at) > SILENCE) {
            return 0.0;
        }
        let departs = (self.fast - self.slow).abs();
        let chance = 3.0 * (self.slow / FAST_SECONDS).sqrt();
        if departs > chance && departs > self.slow / 10.0 { self.fast } else { self.slow }
    }

    /// Records per second of one busy worker, once known.
    pub fn per_worker(&self) -> Option<f64> {
        (self.busy_seconds >= ENOUGH_SECONDS && self.finished > 0.0)
            .then(|| self.finished / self.busy_seconds)
    }
}
