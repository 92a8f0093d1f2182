//! All policies of one pool under its bounds: the pure autoscaler.

use super::{
    Decision, Learned, Memory, Moment,
    goal_age::GoalAge,
    opinion::{Bounds, Opinion, Situation},
};
use crate::pipeline::{Capacity, Observation, Scale, ScaleMode};

/// What an autoscaler makes of an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing changes.
    Hold,
    /// The pool goes to this capacity, which is `desired` from now on.
    Scale(Decision),
    /// It would have gone there, but only observes.
    Would(Decision),
}

/// A capacity that was asked for by hand and is not within the bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("desired {desired} is not within {min} to {max}; choose one within, or change the pool's scale")]
pub struct OutOfBounds {
    pub desired: u32,
    pub min: u32,
    pub max: u32,
}

/// Decides how many workers a pool has. One call of `decide` for each observation, about once a second.
#[derive(Debug)]
pub struct Autoscaler {
    min: u32,
    max: u32,
    mode: ScaleMode,
    desired: u32,
    is_suspended: bool,
    policy: GoalAge,
}

impl Autoscaler {
    pub fn new(scale: &Scale) -> Self {
        let max = scale.max.max(scale.min);
        let desired = scale.desired.unwrap_or(scale.min).clamp(scale.min, max);
        Self {
            min: scale.min,
            max,
            mode: scale.mode,
            desired,
            is_suspended: false,
            policy: GoalAge::new(scale, scale.goal_age.0, desired),
        }
    }

    /// Learns from an observation, and says where the pool should go.
    pub fn decide(&mut self, now: Moment, seen: &Observation) -> Verdict {
        let max = seen.limit.map_or(self.max, |limit| limit.max(1).clamp(self.min, self.max));
        let bounds = Bounds { min: self.min, max, most: self.max };
        let at = Situation { now, seen, desired: self.desired, measured: seen.in_service, bounds };
        let opinion = self.policy.opinion(&at).filter(|opinion| opinion.to != self.desired);
        let Some(Opinion { to, because }) = opinion.filter(|_| !self.is_suspended) else {
            return Verdict::Hold;
        };
        let decision = Decision { to: Capacity(to), because };
        if self.mode == ScaleMode::Observe {
            return Verdict::Would(decision);
        }
        self.desired = to;
        Verdict::Scale(decision)
    }

    /// What is ordered now.
    pub fn desired(&self) -> Capacity {
        Capacity(self.desired)
    }

    /// Orders a capacity by hand; policies go on from there.
    ///
    /// # Errors
    /// [`OutOfBounds`] when it is not within `min` and `max`.
    pub fn set_desired(
        &mut self,
        _now: Moment,
        to: Capacity,
        because: &str,
    ) -> Result<Decision, OutOfBounds> {
        if !(self.min..=self.max).contains(&to.0) {
            return Err(OutOfBounds { desired: to.0, min: self.min, max: self.max });
        }
        self.desired = to.0;
        Ok(Decision { to, because: because.to_owned() })
    }

    /// Decides nothing until resumed; goes on learning.
    pub fn suspend(&mut self) {
        self.is_suspended = true;
    }

    pub fn resume(&mut self, _now: Moment) {
        self.is_suspended = false;
    }

    pub fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// What has been learned, to be shown.
    pub fn learned(&self) -> Learned {
        self.policy.learned()
    }

    /// What is to be kept across a restart.
    pub fn remember(&self, now: Moment) -> Memory {
        let mut memory = Memory {
            version: Memory::VERSION,
            at_ms: now.wall.as_millisecond(),
            desired: self.desired,
            ..Memory::default()
        };
        self.policy.remember(&mut memory);
        memory
    }

    /// Takes up what was kept, if it is of this form and not too old.
    pub fn recall(&mut self, _now: Moment, memory: &Memory) {
        if memory.version == Memory::VERSION {
            self.desired = memory.desired.clamp(self.min, self.max);
            self.policy.recall(memory, true);
        }
    }
}
