//! The autoscaler: observation and time in, a decision and its reason out. Nothing here acts or waits.

mod autoscaler;
mod awaited;
mod busy;
mod changes;
mod consensus;
mod goal_age;
mod limits;
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
mod tests;
mod told;
#[cfg(test)]
mod trial;
mod utilisation;
mod warm_up;
mod words;

pub use autoscaler::{Autoscaler, OutOfBounds, Verdict};
pub use memory::{
    ArrivalsMemory, ChangesMemory, History, LimitMemory, Memory, PatienceMemory, PolicyMemory, QuietMemory,
    StartsMemory,
};

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
    /// Who decided: a policy, by its name in the topology, or one of the names below.
    pub by: &'static str,
}

impl Decision {
    /// The bounds in the topology.
    pub const BOUNDS: &str = "bounds";
    /// The source, which cannot use so many.
    pub const SOURCE: &str = "source";
    /// Records that wait while there is no worker.
    pub const WORK: &str = "work";
    /// Somebody, at the admin server.
    pub const HAND: &str = "hand";
    /// A schedule, whose name in the topology is this.
    pub const SCHEDULE: &str = "scheduled";
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
