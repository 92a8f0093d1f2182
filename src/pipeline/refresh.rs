//! How the workers of a pool are replaced while it works.

use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How the workers of a pool are replaced in rolling steps, as an instance refresh of an Auto Scaling
/// Group replaces instances: on request, and when a changed topology changes the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefreshSettings {
    /// Share of the desired workers that stays in service meanwhile, in percent, 0 to 100. Default 90.
    pub min_healthy_percentage: u32,
    /// Share of the desired workers that may be ordered meanwhile, in percent, 100 to 200. Default 100.
    /// Where the two leave no room, one more worker is ordered before one is replaced.
    pub max_healthy_percentage: u32,
    /// Shares of replaced workers at which the refresh pauses, in percent, ascending. Default none.
    pub checkpoint_percentages: Vec<u32>,
    /// How long it pauses at each of them. Default "1h".
    pub checkpoint_delay: Span,
    /// How long a new worker must have been in service to count as healthy. Default "1s".
    pub warm_up: Span,
    /// How long the new workers are watched after the last was replaced. Default "5s".
    pub bake_time: Span,
    /// Goes back to the former workers when the new ones fail. Default true.
    pub auto_rollback: bool,
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            min_healthy_percentage: 90,
            max_healthy_percentage: 100,
            checkpoint_percentages: Vec::new(),
            checkpoint_delay: Span(Duration::from_secs(3600)),
            warm_up: Span(Duration::from_secs(1)),
            bake_time: Span(Duration::from_secs(5)),
            auto_rollback: true,
        }
    }
}

/// A field of [`RefreshSettings`] that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value} {remedy}")]
pub struct RefreshFault {
    pub field: &'static str,
    pub value: String,
    pub remedy: &'static str,
}

impl RefreshSettings {
    /// Checks the fields against each other.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn check(&self) -> Result<(), RefreshFault> {
        let fault = |field, value: String, remedy| Err(RefreshFault { field, value, remedy });
        if self.min_healthy_percentage > 100 {
            let value = self.min_healthy_percentage.to_string();
            return fault("min_healthy_percentage", value, "is more than all; give 0 to 100");
        }
        if !(100..=200).contains(&self.max_healthy_percentage) {
            let value = self.max_healthy_percentage.to_string();
            return fault("max_healthy_percentage", value, "is out of range; give 100 to 200");
        }
        let checkpoints = &self.checkpoint_percentages;
        let ascends = checkpoints.is_sorted_by(|left, right| left < right);
        if !ascends || checkpoints.iter().any(|share| !(1..=100).contains(share)) {
            let value = format!("{checkpoints:?}");
            return fault("checkpoint_percentages", value, "must be shares from 1 to 100 that ascend");
        }
        Ok(())
    }
}
