//! A pool: bounds, a policy, the capacity last ordered, and the latest activities.

use super::{
    health::{Activity, PoolHealth},
    policy::{Decision, Policy},
};
use crate::pipeline::{Capacity, Observation, Scale};
use std::{collections::VecDeque, time::Instant};

/// Activities remembered for each pool.
const REMEMBERED: usize = 100;

/// What the supervisor knows of a pool.
#[derive(Debug)]
pub(super) struct Pool {
    scale: Scale,
    policy: Policy,
    desired: Capacity,
    activities: VecDeque<Activity>,
}

impl Pool {
    pub(super) fn new(scale: Scale) -> Self {
        Self { policy: Policy::of(&scale), desired: Capacity(scale.min), activities: VecDeque::new(), scale }
    }

    /// What should change, if anything.
    pub(super) fn consider(&mut self, now: Instant, seen: &Observation) -> Option<Decision> {
        self.policy.decide(now, self.desired, seen).filter(|decision| decision.to != self.desired)
    }

    /// Notes a decision that has been handed to the node; returns the activity for the log.
    pub(super) fn ordered(&mut self, decision: Decision, at_ms: i64) -> Activity {
        let activity = Activity { at_ms, from: self.desired.0, to: decision.to.0, because: decision.because };
        self.desired = decision.to;
        self.activities.push_back(activity.clone());
        while self.activities.len() > REMEMBERED {
            self.activities.pop_front();
        }
        activity
    }

    pub(super) fn activities(&self) -> &VecDeque<Activity> {
        &self.activities
    }

    pub(super) fn health(&self, in_service: u32) -> PoolHealth {
        PoolHealth {
            min: self.scale.min,
            max: self.scale.max,
            goal_age_seconds: self.scale.goal_age.0.as_secs_f64(),
            desired: self.desired.0,
            in_service,
            learned: self.policy.learned(),
        }
    }
}
