//! What sizes a pool.

use crate::{pipeline::Observation, supervisor::Moment};
use std::time::Duration;

/// What a pool has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered {
    /// Workers ordered, whatever their state.
    pub desired: u32,
    /// Workers that take records.
    pub in_service: u32,
}

/// Anything that sizes a pool: the daemon's autoscaler, or a model of another one.
pub trait Sizing {
    /// A short name for tables and plots.
    fn name(&self) -> &str;

    /// Time between two calls of [`desired`](Self::desired).
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// How many workers there should be from now on.
    fn desired(&mut self, now: Moment, current: Ordered, seen: &Observation) -> u32;

    /// Why the last answer differs from what was ordered; empty when it does not say.
    fn because(&self) -> String {
        String::new()
    }

    /// Workers it reckons steady arrivals need, before bounds and patience; absent when it does not reckon so.
    fn wanted(&self) -> Option<f64> {
        None
    }

    /// The process that runs it stops, with a last look at the pool, and starts anew with what it keeps across a
    /// restart. False when this is not modelled.
    fn restart(&mut self, now: Moment, seen: &Observation) -> bool {
        let _ = (now, seen);
        false
    }
}
