//! How far a pool may scale.

use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds and goal of an autoscaled pool.
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
}

fn one() -> u32 {
    1
}

fn ten_seconds() -> Span {
    Span(std::time::Duration::from_secs(10))
}

impl Default for Scale {
    fn default() -> Self {
        Self { min: one(), max: one(), goal_age: ten_seconds() }
    }
}
