//! What each policy is told and what it answers.

use super::{Decision, Moment, load::Load};
use crate::pipeline::{Capacity, Observation};

/// What all policies of a pool are told at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub now: Moment,
    pub seen: &'a Observation,
    /// What is ordered.
    pub desired: u32,
    /// Workers in service that are not warming up any more.
    pub measured: u32,
    /// How many of those were busy in the last seconds, once known.
    pub busy: Option<f64>,
    /// The same, and at once where it has become more.
    pub busy_now: Option<f64>,
    /// Workers that were ordered are starting or warming up: what they will do is not known yet.
    pub is_growing: bool,
    pub bounds: Bounds,
    /// Changes of direction that this hour still has room for.
    pub room: usize,
    pub load: &'a Load,
}

/// Fewest and most workers, at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub min: u32,
    pub max: u32,
    /// The most that the topology allows; `max` is lower where the source cannot use so many.
    pub most: u32,
}

impl Bounds {
    pub fn hold(self, workers: u32) -> u32 {
        workers.clamp(self.min, self.max.max(self.min))
    }
}

/// Where a policy would have the pool go; it may lie beyond the bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opinion {
    pub to: u32,
    pub because: String,
}

impl Opinion {
    pub fn stay(desired: u32) -> Option<Self> {
        Some(Self { to: desired, because: String::new() })
    }

    /// The same, as an order of the policy of that name.
    pub fn by(self, by: &'static str) -> Decision {
        Decision { to: Capacity(self.to), because: self.because, by }
    }
}

/// What a policy says of its pool at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Voice {
    /// It takes no part in the decision.
    Silent,
    /// Where it would have the pool go.
    Go(Opinion),
    /// What it needs at least; it leaves it to others to take what is more.
    Least(Opinion),
    /// Where the pool would go if the policy did not only forecast.
    Forecast(Opinion),
}

impl Voice {
    /// The pool should stay as large as it is. Whoever cannot tell says the same: nobody takes workers from a
    /// policy that sees nothing.
    pub fn stay(desired: u32) -> Self {
        Self::Go(Opinion { to: desired, because: String::new() })
    }
}
