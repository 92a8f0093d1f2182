//! AWS target tracking: workers in proportion to a metric, here the backlog of each worker, with
//! acceptable latency over processing time as its target. Rounded up; workers that start or warm up
//! do not count in the metric but in what is ordered; scale-in is blocked while they do, waits until
//! the metric has been low for minutes, and leaves the workers that are busy.

use super::{
    opinion::{Opinion, Situation, Voice},
    quiet::Quiet,
    words::{grouped, number, whole},
};
use crate::{pipeline::TargetTrackingPolicy, units::Span};

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

    pub fn low(&self) -> &Quiet {
        &self.low
    }

    pub fn low_mut(&mut self) -> &mut Quiet {
        &mut self.low
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

    pub fn voice(&mut self, at: &Situation<'_>) -> Voice {
        let backlog = at.seen.backlog as f64;
        // Where nothing waits no target is missed, whatever it is.
        let target = match self.target(at) {
            Some(target) => target,
            None if at.seen.backlog == 0 => f64::INFINITY,
            None => return Voice::stay(at.desired),
        };
        let wanted = whole(backlog / target);
        let most = self.low.watch(at.now.instant, wanted);
        let needs = || {
            let waiting = grouped(at.seen.backlog);
            format!("backlog {waiting} at a target of {} per worker needs {wanted}", number(target))
        };
        if wanted > at.desired {
            return Voice::Go(Opinion { to: wanted, because: needs() });
        }
        if self.policy.disable_scale_in {
            return Voice::Least(Opinion { to: wanted, because: needs() });
        }
        let is_low = backlog < LOW * target * f64::from(at.measured);
        let (Some(most), Some(busy), true) = (most, at.busy, is_low && !at.is_growing) else {
            return Voice::stay(at.desired);
        };
        let busy = whole(busy);
        let since = Span(self.low.length());
        let mut because = match target.is_finite() {
            true => format!("backlog per worker was below the target of {} for {since}", number(target)),
            false => format!("nothing has waited for {since}"),
        };
        if busy > most {
            because = format!("{because}; {busy} are busy");
        }
        Voice::Go(Opinion { to: most.max(busy).min(at.desired), because })
    }
}
