//! AWS target tracking: workers in proportion to a metric, here the backlog of each worker, with
//! acceptable latency over processing time as its target. Rounded up; workers that start or warm up
//! do not count in the metric but in what is ordered; scale-in is blocked while they do, and waits
//! until the metric has been low for minutes.

use super::{
    opinion::{Opinion, Situation},
    quiet::Quiet,
    words::{grouped, number, whole},
};
use crate::pipeline::TargetTrackingPolicy;

/// The metric must be so much below the target before workers leave.
const LOW: f64 = 0.9;

#[derive(Debug)]
pub(super) struct TargetTracking {
    policy: TargetTrackingPolicy,
    low: Quiet,
}

impl TargetTracking {
    pub fn new(policy: &TargetTrackingPolicy) -> Self {
        Self { low: Quiet::new(policy.scale_in_after.0), policy: policy.clone() }
    }

    /// Records that may wait for each worker.
    fn target(&self, at: &Situation<'_>) -> Option<f64> {
        if let Some(target) = self.policy.target {
            return Some(target.max(f64::MIN_POSITIVE));
        }
        let stated = self.policy.processing_time.map(|time| time.0.as_secs_f64());
        let processing = stated.or_else(|| at.load.per_worker().map(|rate| 1.0 / rate))?;
        let latency = self.policy.acceptable_latency.0.as_secs_f64();
        // A worker that needs longer for one record than it may wait still has that one.
        Some((latency / processing.max(1e-9)).max(1.0))
    }

    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        let target = self.target(at)?;
        let wanted = whole(at.seen.backlog as f64 / target);
        let most = self.low.watch(at.now.instant, at.bounds.hold(wanted));
        if wanted > at.desired {
            let because = format!(
                "backlog {} at a target of {} per worker needs {wanted}",
                grouped(at.seen.backlog),
                number(target)
            );
            return Some(Opinion { to: at.bounds.hold(wanted), because });
        }
        let is_growing = at.measured < at.desired;
        let is_low = (at.seen.backlog as f64) < LOW * target * f64::from(at.measured);
        let Some(most) = most.filter(|_| is_low && !is_growing && !self.policy.disable_scale_in) else {
            return Opinion::stay(at.desired);
        };
        let because = format!(
            "backlog per worker was below the target of {} for {}",
            number(target),
            crate::units::Span(self.low.length())
        );
        Some(Opinion { to: most.min(at.desired), because })
    }
}
