//! AWS step scaling: how far to go follows from how far a metric is past its threshold.
//!
//! Bounds of steps are counted from the threshold; above it the lower bound belongs to the step,
//! below it the upper one, and at it either. A scale-out counts from the workers that are warm, so that workers on
//! their way are not ordered twice; a scale-in waits for them.

use super::{
    opinion::{Opinion, Situation, Voice},
    words::{milliseconds, number},
};
use crate::pipeline::{Adjustment, Metric, Step, StepPolicy};
use std::time::{Duration, Instant};

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
            Metric::Utilisation => Some(at.busy? / workers?),
        }
    }

    pub fn remember(&self, now: Instant) -> Option<(u64, bool)> {
        self.past.map(|(since, is_above)| (milliseconds(now, since), is_above))
    }

    pub fn recall(&mut self, now: Instant, past: Option<(u64, bool)>) {
        let at = |ago: u64| now.checked_sub(Duration::from_millis(ago)).unwrap_or(now);
        self.past = past.map(|(ago, is_above)| (at(ago), is_above));
    }

    pub fn voice(&mut self, at: &Situation<'_>) -> Voice {
        let Some(metric) = self.metric(at) else {
            self.past = None;
            return Voice::stay(at.desired);
        };
        let past = metric - self.policy.threshold;
        let Some((step, is_above)) = self.held(past) else {
            self.past = None;
            // Where it has nothing to say it leaves the pool to others, if it never takes workers itself.
            return if self.takes_none() { Voice::Silent } else { Voice::stay(at.desired) };
        };
        let now = at.now.instant;
        let since = match self.past {
            Some((since, side)) if side == is_above => since,
            _ => now,
        };
        let to = at.bounds.hold(self.adjusted(step, at));
        let because = || {
            let side = if is_above { "above" } else { "below" };
            format!(
                "{} {} is {side} {} by {}: {}",
                self.policy.metric.words(),
                number(metric),
                number(self.policy.threshold),
                number(past.abs()),
                step.words(self.policy.adjustment)
            )
        };
        let is_time = now.saturating_duration_since(since) >= self.policy.period.0;
        let goes = (is_time && to != at.desired).then(because);
        self.past = Some((if goes.is_some() { now } else { since }, is_above));
        goes.map_or_else(|| Voice::stay(at.desired), |because| Voice::Go(Opinion { to, because }))
    }

    /// The step that holds a distance from the threshold, and whether it is one above it.
    fn held(&self, past: f64) -> Option<(&Step, bool)> {
        let find = |is_above: bool| {
            let step = self.policy.steps.iter().find(|step| step.holds(past, is_above))?;
            Some((step, is_above))
        };
        let above = if past >= 0.0 { find(true) } else { None };
        above.or_else(|| if past <= 0.0 { find(false) } else { None })
    }

    fn takes_none(&self) -> bool {
        self.policy.adjustment != Adjustment::Exact && self.policy.steps.iter().all(|step| step.by >= 0)
    }

    /// The capacity that a step leads to; the one desired where it leads nowhere.
    fn adjusted(&self, step: &Step, at: &Situation<'_>) -> u32 {
        let desired = i64::from(at.desired);
        let is_growing = at.is_growing;
        let from = if step.by > 0 && is_growing { i64::from(at.measured).min(desired) } else { desired };
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
    /// Whether a distance from the threshold is within the bounds, by the rule above or below it.
    fn holds(&self, past: f64, is_above: bool) -> bool {
        let (from, to) = (self.from.unwrap_or(f64::NEG_INFINITY), self.to.unwrap_or(f64::INFINITY));
        if is_above { from <= past && past < to } else { from < past && past <= to }
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
