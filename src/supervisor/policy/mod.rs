//! The autoscaler: observation and time in, a decision and its reason out. Nothing here acts or waits.

mod autoscaler;
mod changes;
mod goal_age;
mod load;
mod memory;
mod opinion;
mod policies;
mod predictive;
mod profile;
mod quiet;
mod scheduled;
mod step;
mod target_tracking;
#[cfg(test)]
mod trial;
mod utilisation;
mod warm_up;
mod words;

pub use autoscaler::{Autoscaler, OutOfBounds, Verdict};
pub use memory::{ChangesMemory, History, LimitMemory, Memory, PatienceMemory, StartsMemory};

use crate::pipeline::Capacity;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Instant;

/// When something is decided: monotonic for intervals, wall clock for schedules and histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub instant: Instant,
    pub wall: Timestamp,
}

impl Moment {
    /// Both clocks, now. For the edges only: policies are told the time.
    pub fn now() -> Self {
        Self { instant: Instant::now(), wall: Timestamp::now() }
    }
}

/// An order to a pool, and its reason in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub to: Capacity,
    pub because: String,
}

/// What is known of a pool's rates, in records per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Learned {
    pub arrivals_per_second: f64,
    /// Of one worker while it is busy; absent until some work has been seen.
    pub per_worker_per_second: Option<f64>,
    /// Workers that steady arrivals need, before bounds and patience.
    pub wanted: f64,
    /// Workers that the forecast needs; absent without a predictive policy or enough history.
    pub forecast: Option<f64>,
}
