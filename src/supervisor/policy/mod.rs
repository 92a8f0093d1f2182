//! The autoscaler: observation and time in, a decision and its reason out. Nothing here acts or waits.

mod autoscaler;
mod goal_age;
#[cfg(test)]
mod goal_age_tests;
mod memory;
mod rates;

pub use autoscaler::{Autoscaler, OutOfBounds, Verdict};
pub use memory::Memory;
pub use rates::{Learned, Rates};

use crate::pipeline::Capacity;
use jiff::Timestamp;
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
