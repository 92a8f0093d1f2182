//! A pool: bounds, a policy, the capacity last ordered, and the latest activities.

use super::{
    health::{Activity, PoolHealth},
    policy::{Autoscaler, Decision, Moment, Verdict},
};
use crate::pipeline::{Observation, Scale};
use std::collections::VecDeque;

/// Activities remembered for each pool.
const REMEMBERED: usize = 100;

/// What the supervisor knows of a pool.
#[derive(Debug)]
pub(super) struct Pool {
    scale: Scale,
    autoscaler: Autoscaler,
    /// Decided, and not yet handed to the node.
    undelivered: Option<Decision>,
    delivered: u32,
    activities: VecDeque<Activity>,
}

impl Pool {
    pub(super) fn new(scale: Scale) -> Self {
        let autoscaler = Autoscaler::new(&scale);
        let delivered = autoscaler.desired().0;
        Self { scale, autoscaler, undelivered: None, delivered, activities: VecDeque::new() }
    }

    /// What should change, if anything.
    pub(super) fn consider(&mut self, now: Moment, seen: &Observation) -> Option<Decision> {
        if let Verdict::Scale(decision) = self.autoscaler.decide(now, seen) {
            self.undelivered = Some(decision);
        }
        self.undelivered.clone()
    }

    /// Notes a decision that has been handed to the node; returns the activity for the log.
    pub(super) fn ordered(&mut self, decision: Decision, at_ms: i64) -> Activity {
        let activity = Activity { at_ms, from: self.delivered, to: decision.to.0, because: decision.because };
        self.delivered = decision.to.0;
        self.undelivered = None;
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
            desired: self.autoscaler.desired().0,
            in_service,
            learned: self.autoscaler.learned(),
        }
    }
}
