//! What is learned of a pool's load, once for all its policies.

mod arrivals;
#[cfg(test)]
mod arrivals_tests;
mod contention;
mod counts;
mod hazard;
mod noise;
mod onset;
mod starts;
mod trend;
mod work;

use super::{Learned, Memory};
use crate::pipeline::Observation;
use arrivals::Arrivals;
use contention::Guard;
use starts::Starts;
use std::time::{Duration, Instant};
use work::Work;

pub use arrivals::ArrivalsMemory;
pub(super) use contention::Advice;
pub use contention::LimitMemory;
pub use starts::StartsMemory;

/// Arrivals, work, start times and contention of one pool.
#[derive(Debug)]
pub(super) struct Load {
    pub arrivals: Arrivals,
    pub starts: Starts,
    work: Work,
    guard: Guard,
    advice: Advice,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            arrivals: Arrivals::default(),
            starts: Starts::default(),
            work: Work::default(),
            guard: Guard::default(),
            advice: Advice::Free,
        }
    }
}

impl Load {
    /// Takes in an observation. `measured` are the workers in service that are warm.
    pub fn learn(&mut self, now: Instant, desired: u32, measured: u32, seen: &Observation) {
        self.arrivals.learn(now, seen.arrived);
        self.starts.watch(now, desired, seen.in_service);
        let Some(interval) = self.work.interval(now, measured, seen) else { return };
        if measured < seen.in_service {
            // What workers do while they warm up says nothing of what they will do.
            return;
        }
        let Some(rate) = self.work.per_second() else {
            self.work.learn(&interval);
            return;
        };
        self.advice = self.guard.watch(now, &interval, rate, seen.in_flight as f64);
        match self.advice {
            Advice::Slower(stretch) => self.work.relearn(&stretch),
            _ if !interval.is_saturated || self.work.is_new() => self.work.learn(&interval),
            _ => {}
        }
    }

    /// Records per second that one more worker adds, once known.
    pub fn per_worker(&self) -> Option<f64> {
        self.work.per_second().filter(|rate| *rate > 0.0)
    }

    /// What the guard against contention says.
    pub fn advice(&self) -> Advice {
        self.advice
    }

    pub fn learned(&self) -> Learned {
        Learned {
            arrivals_per_second: self.arrivals.rate(),
            per_worker_per_second: self.per_worker(),
            ..Learned::default()
        }
    }

    pub fn remember(&self, now: Instant, memory: &mut Memory) {
        memory.arrivals = self.arrivals.remember();
        memory.limit = self.guard.remember();
        memory.per_worker_per_second = self.work.per_second();
        memory.efficiency = self.work.efficiency();
        memory.starts = self.starts.remember(now);
    }

    /// `age`, when the arrivals of then, a limit and orders still say something of now.
    pub fn recall(&mut self, now: Instant, memory: &Memory, age: Option<Duration>) {
        if let Some(rate) = memory.per_worker_per_second {
            self.work.recall(rate, memory.efficiency);
        }
        self.starts.recall(now, age, &memory.starts);
        if let Some(age) = age {
            self.arrivals.recall(age, &memory.arrivals);
            self.guard.recall(now, memory.limit);
            if let Some(rate) = self.per_worker() {
                self.advice = self.guard.standing(rate);
            }
        }
    }
}
