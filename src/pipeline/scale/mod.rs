//! How far a pool may scale, and by which policies.

mod policies;
mod schedule;
mod writers;

pub use policies::{
    Adjustment, Metric, PredictivePolicy, ScalePolicy, ScheduledPolicy, Step, StepPolicy,
    TargetTrackingPolicy, UtilisationPolicy,
};
pub use schedule::{ScheduleError, Times};
pub use writers::WriterScale;

use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds, goal and policies of an autoscaled pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Fewest workers. Default 1.
    #[serde(default = "one")]
    pub min: u32,
    /// Most workers. Default 1.
    #[serde(default = "one")]
    pub max: u32,
    /// Keep the oldest waiting record younger than this. Default "10s".
    #[serde(default = "ten_seconds")]
    pub goal_age: Span,
    /// Workers to begin with, between `min` and `max`. A pool whose scaling is suspended goes on with what it had,
    /// until this is changed. Default: what the pool had when it last ran, else `min`.
    #[serde(default)]
    pub desired: Option<u32>,
    /// How long a worker that has just come into service is ordered but not yet measured. Default "0s".
    #[serde(default = "no_time")]
    pub warm_up: Span,
    /// Least time between a change and the next scale-in. Default "10s".
    #[serde(default = "ten_seconds")]
    pub cooldown: Span,
    /// Whether decisions are carried out. Default "act".
    #[serde(default)]
    pub mode: ScaleMode,
    /// Policies, each with exactly one field: the pool grows when any of them says so and shrinks when all
    /// agree; one that cannot tell does not. Default: `goal_age`; for an ingress `utilisation`.
    #[serde(default)]
    pub policies: Vec<ScalePolicy>,
}

/// What is done with a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleMode {
    /// It is carried out.
    #[default]
    Act,
    /// It is only told: the pool keeps its capacity.
    Observe,
}

fn one() -> u32 {
    1
}

fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}

fn no_time() -> Span {
    Span(Duration::ZERO)
}

impl Scale {
    /// The bounds of a pool with the goal and policies that a topology gets when it says nothing of them.
    pub fn between(min: u32, max: u32) -> Self {
        Self {
            min,
            max,
            goal_age: ten_seconds(),
            desired: None,
            warm_up: no_time(),
            cooldown: ten_seconds(),
            mode: ScaleMode::default(),
            policies: Vec::new(),
        }
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::between(one(), one())
    }
}
