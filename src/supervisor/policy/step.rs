//! AWS step scaling: how far to go follows from how far a metric is past its threshold.
//!
//! Bounds of steps are counted from the threshold; above it the lower bound belongs to the step,
//! below it the upper one. A scale-out counts from the workers that are warm, so that workers on
//! their way are not ordered twice; a scale-in waits for them.

use super::{
    opinion::{Opinion, Situation},
    words::number,
};
use crate::pipeline::{Adjustment, Metric, Step, StepPolicy};
use std::time::Instant;

#[derive(Debug)]
pub(super) struct StepScaling {
    policy: StepPolicy,
    /// Since when the metric has been past the threshold on one side, and which.
    past: Option<(Instant, bool)>,
}

impl StepScaling {
    pub fn new(policy: &StepPolicy) -> Self {
        Self { policy: policy.clone(), past: None }
    }

    fn metric(&self, at: &Situation<'_>) -> Option<f64> {
        let backlog = at.seen.backlog as f64;
        let workers = (at.measured > 0).then(|| f64::from(at.measured));
        match self.policy.metric {
            Metric::Backlog => Some(backlog),
            Metric::BacklogPerWorker => workers.map(|workers| backlog / workers),
            Metric::Age => Some(at.seen.oldest_age.unwrap_or_default().as_secs_f64()),
            Metric::Utilisation => Some(at.load.busy_workers()? / workers?),
        }
    }

    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        let metric = self.metric(at)?;
        let past = metric - self.policy.threshold;
        let Some(step) = self.policy.steps.iter().find(|step| step.holds(past)) else {
            self.past = None;
            return Opinion::stay(at.desired);
        };
        let now = at.now.instant;
        let is_above = past >= 0.0;
        let since = match self.past {
            Some((since, side)) if side == is_above => since,
            _ => now,
        };
        self.past = Some((since, is_above));
        if now.saturating_duration_since(since) < self.policy.period.0 {
            return Opinion::stay(at.desired);
        }
        let to = at.bounds.hold(self.adjusted(step, at));
        if to == at.desired {
            return Opinion::stay(at.desired);
        }
        self.past = Some((now, is_above));
        let side = if is_above { "above" } else { "below" };
        let because = format!(
            "{} {} is {side} {} by {}: {}",
            self.policy.metric.words(),
            number(metric),
            number(self.policy.threshold),
            number(past.abs()),
            step.words(self.policy.adjustment)
        );
        Some(Opinion { to, because })
    }

    /// The capacity that a step leads to; the one desired where it leads nowhere.
    fn adjusted(&self, step: &Step, at: &Situation<'_>) -> u32 {
        let desired = i64::from(at.desired);
        let is_growing = at.measured < at.desired;
        let from = if step.by > 0 { i64::from(at.measured).min(desired) } else { desired };
        let to = match self.policy.adjustment {
            Adjustment::Exact => step.by,
            Adjustment::Change => from.saturating_add(step.by),
            Adjustment::Percent => from.saturating_add(self.percent(from, step.by)),
        };
        let grows = match self.policy.adjustment {
            Adjustment::Exact => to > desired,
            _ => step.by > 0,
        };
        let to = match (grows, is_growing) {
            (true, _) => to.max(desired),
            (false, true) => desired,
            (false, false) => to.min(desired),
        };
        u32::try_from(to.max(0)).unwrap_or(u32::MAX)
    }

    /// A percentage of workers: towards zero, but at least one, and at least the smallest adjustment.
    fn percent(&self, from: i64, percent: i64) -> i64 {
        let least = i64::from(self.policy.min_adjustment.max(1));
        let workers = from.saturating_mul(percent) / 100;
        match percent.signum() {
            0 => 0,
            1 => workers.max(least),
            _ => workers.min(-least),
        }
    }
}

impl Step {
    /// Whether a distance from the threshold is within the bounds.
    fn holds(&self, past: f64) -> bool {
        let (from, to) = (self.from.unwrap_or(f64::NEG_INFINITY), self.to.unwrap_or(f64::INFINITY));
        if past >= 0.0 { from <= past && past < to } else { from < past && past <= to }
    }

    fn words(&self, adjustment: Adjustment) -> String {
        let sign = if self.by > 0 { "+" } else { "" };
        match adjustment {
            Adjustment::Exact => format!("exactly {}", self.by),
            Adjustment::Change => format!("{sign}{}", self.by),
            Adjustment::Percent => format!("{sign}{} %", self.by),
        }
    }
}

impl Metric {
    fn words(self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::BacklogPerWorker => "backlog per worker",
            Self::Age => "age of the oldest in seconds",
            Self::Utilisation => "utilisation",
        }
    }
}
