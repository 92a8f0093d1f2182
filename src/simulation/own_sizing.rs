//! The daemon's own autoscaler, as the simulator calls it.

use super::{Ordered, PoolModel, Sizing};
use crate::{
    pipeline::{Capacity, Observation, Scale},
    supervisor::{Autoscaler, Moment, Verdict},
    units::Span,
};

/// The very code that the supervisor runs, behind the simulator's trait.
#[derive(Debug)]
pub struct OwnSizing {
    scale: Scale,
    autoscaler: Autoscaler,
    because: String,
}

impl OwnSizing {
    pub const NAME: &str = "caudal";

    /// With a topology's `scale`.
    pub fn new(scale: Scale) -> Self {
        Self { autoscaler: Autoscaler::new(&scale), scale, because: String::new() }
    }

    /// With the scale of a topology that says no more than bounds and goal.
    pub fn of(model: &PoolModel) -> Self {
        Self::new(Scale { goal_age: Span(model.goal), ..Scale::between(model.min, model.max) })
    }
}

impl Sizing for OwnSizing {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn desired(&mut self, now: Moment, _current: Ordered, seen: &Observation) -> u32 {
        match self.autoscaler.decide(now, seen) {
            Verdict::Scale(decision) => self.because = decision.because,
            Verdict::Hold | Verdict::Would(_) | Verdict::Forecast(_) => self.because.clear(),
        }
        let Capacity(desired) = self.autoscaler.desired();
        desired
    }

    fn because(&self) -> String {
        self.because.clone()
    }

    fn wanted(&self) -> Option<f64> {
        Some(self.autoscaler.learned().wanted)
    }

    fn restart(&mut self, now: Moment, seen: &Observation) -> bool {
        self.autoscaler.learn(now, seen);
        let memory = self.autoscaler.remember(now);
        self.autoscaler = Autoscaler::new(&self.scale);
        self.autoscaler.recall(now, &memory);
        true
    }
}
