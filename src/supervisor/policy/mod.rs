//! Scaling policies: observation and time in, a decision or nothing out.

mod goal_age;
#[cfg(test)]
mod goal_age_tests;
mod rates;

pub use goal_age::GoalAge;
pub use rates::{Learned, Rates};

use crate::pipeline::{Capacity, Observation, Scale};
use std::time::Instant;

/// An order to a pool, and its reason in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub to: Capacity,
    pub because: String,
}

/// The policies a pool can follow. A new one is a file, a variant and an arm here.
#[derive(Debug)]
pub enum Policy {
    GoalAge(GoalAge),
}

impl Policy {
    /// The policy that a topology's `scale` asks for.
    pub fn of(scale: &Scale) -> Self {
        Self::GoalAge(GoalAge::new(scale))
    }

    /// Learns from an observation and says where the pool should go; `None` is to hold.
    pub fn decide(&mut self, now: Instant, desired: Capacity, seen: &Observation) -> Option<Decision> {
        match self {
            Self::GoalAge(policy) => policy.decide(now, desired, seen),
        }
    }

    /// What the policy has learned, to be shown.
    pub fn learned(&self) -> Learned {
        match self {
            Self::GoalAge(policy) => policy.learned(),
        }
    }
}
