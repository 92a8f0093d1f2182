//! What a topology says of each scaling policy. The names and their meanings are those of AWS's Auto Scaling
//! groups where it has the same thing.

use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One policy of a pool: exactly one of its fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScalePolicy {
    /// Keep the oldest waiting record younger than this.
    #[serde(default)]
    pub goal_age: Option<Span>,
    /// Keep the backlog of each worker at a target.
    #[serde(default)]
    pub target_tracking: Option<TargetTrackingPolicy>,
    /// Steps of change by how far a metric is from a threshold.
    #[serde(default)]
    pub step: Option<StepPolicy>,
    /// Bounds or a capacity at set times.
    #[serde(default)]
    pub scheduled: Option<ScheduledPolicy>,
    /// Workers ahead of the load, from the pool's own history.
    #[serde(default)]
    pub predictive: Option<PredictivePolicy>,
    /// Keep the busy share of the workers at a target.
    #[serde(default)]
    pub utilisation: Option<UtilisationPolicy>,
}

impl ScalePolicy {
    /// The names of its fields.
    pub const NAMES: [&str; 6] =
        ["goal_age", "target_tracking", "step", "scheduled", "predictive", "utilisation"];

    /// The names of those that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let Self { goal_age, target_tracking, step, scheduled, predictive, utilisation } = self;
        let is_given = [
            goal_age.is_some(),
            target_tracking.is_some(),
            step.is_some(),
            scheduled.is_some(),
            predictive.is_some(),
            utilisation.is_some(),
        ];
        Self::NAMES.into_iter().zip(is_given).filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

/// Backlog of each worker, held at `target`, or at acceptable latency over processing time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetTrackingPolicy {
    /// Records that may wait for each worker. Default: `acceptable_latency` over `processing_time`.
    #[serde(default)]
    pub target: Option<f64>,
    /// Longest that a record may wait. Default "10s".
    #[serde(default = "ten_seconds")]
    pub acceptable_latency: Span,
    /// Mean time a worker needs for a record. Default: learned from the pool's own work.
    #[serde(default)]
    pub processing_time: Option<Span>,
    /// How long the metric stays low before workers leave. Default "3m".
    #[serde(default = "three_minutes")]
    pub scale_in_after: Span,
    /// Never shrinks the pool, and leaves that to other policies, down to what it needs itself. Default false.
    #[serde(default)]
    pub disable_scale_in: bool,
}

/// What a step policy measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Records that wait.
    Backlog,
    /// Records that wait, over the workers in service.
    BacklogPerWorker,
    /// Age of the oldest waiting record, seconds.
    Age,
    /// Busy share of the workers in service, 0 to 1.
    Utilisation,
}

/// How a step's number is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// Workers more or fewer.
    #[default]
    Change,
    /// The capacity itself.
    Exact,
    /// Percent of the capacity, more or fewer.
    Percent,
}

/// AWS step scaling: while the metric is past its threshold, the step whose bounds hold the distance says how
/// far to go. A policy without a step that takes workers leaves that to other policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepPolicy {
    /// What is measured.
    pub metric: Metric,
    /// The metric's value that the bounds of the steps are counted from.
    pub threshold: f64,
    /// How the steps' `by` is read. Default "change".
    #[serde(default)]
    pub adjustment: Adjustment,
    /// Fewest workers that a step in percent adds or takes. Default 1.
    #[serde(default = "one")]
    pub min_adjustment: u32,
    /// How long the metric stays on one side of the threshold before a step, and before the next. Default "1m".
    #[serde(default = "one_minute")]
    pub period: Span,
    /// The steps, without gap or overlap.
    pub steps: Vec<Step>,
}

/// One step: taken while the metric less the threshold is in `from..to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Lower bound, counted from the threshold, itself included above it. Default: without end.
    #[serde(default)]
    pub from: Option<f64>,
    /// Upper bound, counted from the threshold, itself included below it. Default: without end.
    #[serde(default)]
    pub to: Option<f64>,
    /// Workers, capacity or percent, as `adjustment` says; negative to shrink.
    pub by: i64,
}

/// Bounds or a capacity that hold from each time of a schedule on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledPolicy {
    /// When: minute, hour, day of month, month, day of week. A time that clocks skip comes when they do, one that
    /// they show twice comes once; hours that begin with `*` go by the hours that pass.
    pub cron: String,
    /// The zone those times are in, by its IANA name. Default "UTC".
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Fewest workers from then on, until another schedule says otherwise.
    #[serde(default)]
    pub min: Option<u32>,
    /// Most workers from then on, until another schedule says otherwise.
    #[serde(default)]
    pub max: Option<u32>,
    /// Workers at that time; other policies go on from there.
    #[serde(default)]
    pub desired: Option<u32>,
}

/// Workers ahead of the load that the same minutes of earlier days had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictivePolicy {
    /// Length of the pattern that repeats. Default "1d".
    #[serde(default = "one_day")]
    pub period: Span,
    /// How long before they are needed workers are ordered. Default "1m".
    #[serde(default = "one_minute")]
    pub ahead: Span,
    /// Least history before anything is forecast; until then other policies decide alone. Default: one `period`.
    #[serde(default)]
    pub least_history: Option<Span>,
    /// Forecasts, and tells it in the log and the metrics, but orders nothing. Default false.
    #[serde(default)]
    pub forecast_only: bool,
}

/// Busy share of the workers, held at a target. Workers that start, warm up or drain do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UtilisationPolicy {
    /// Share of their capacity that workers may be busy, 0 to 1. Default 0.7.
    #[serde(default = "seven_tenths")]
    pub target: f64,
    /// Records or requests that fill one worker when they are outstanding, waiting or in flight. Default:
    /// the time that workers are busy is measured instead.
    #[serde(default)]
    pub outstanding: Option<u32>,
    /// How long the share stays low before workers leave. Default "1m".
    #[serde(default = "one_minute")]
    pub scale_in_after: Span,
}

impl Default for UtilisationPolicy {
    /// By busy time, as a topology has it that says no more.
    fn default() -> Self {
        Self { target: seven_tenths(), outstanding: None, scale_in_after: one_minute() }
    }
}

impl UtilisationPolicy {
    /// By what is outstanding with each worker, and otherwise as a topology has it that says no more.
    pub fn of_outstanding(outstanding: u32) -> Self {
        Self { outstanding: Some(outstanding), ..Self::default() }
    }
}

fn one() -> u32 {
    1
}
fn seven_tenths() -> f64 {
    0.7
}
fn utc() -> String {
    "UTC".to_owned()
}
fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}
fn one_minute() -> Span {
    Span(Duration::from_secs(60))
}
fn three_minutes() -> Span {
    Span(Duration::from_secs(180))
}
fn one_day() -> Span {
    Span(Duration::from_secs(86_400))
}
