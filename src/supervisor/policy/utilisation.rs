//! The busy share of the workers, held at a target: by the time they are busy, or by what is
//! outstanding with each, for workers that mostly wait for others. As AWS target tracking: capacity = ⌈workers ×
//! utilisation ÷ target⌉, from what is measured now, so that a pool that is full grows by the same share at each
//! look. Workers that start or warm up do not count in the metric but in what is ordered; scale-in waits for them.

use super::{
    opinion::{Opinion, Situation, Voice},
    quiet::Quiet,
    words::{grouped, number, whole},
};
use crate::{pipeline::UtilisationPolicy, units::Span};

/// Smaller shares are not worth a change.
const LEAST: f64 = 0.10;

#[derive(Debug)]
pub(super) struct Utilisation {
    policy: UtilisationPolicy,
    low: Quiet,
}

impl Utilisation {
    pub fn new(policy: &UtilisationPolicy) -> Self {
        Self { low: Quiet::new(policy.scale_in_after.0), policy: policy.clone() }
    }

    pub fn low(&self) -> &Quiet {
        &self.low
    }

    pub fn low_mut(&mut self) -> &mut Quiet {
        &mut self.low
    }

    pub fn voice(&mut self, at: &Situation<'_>) -> Voice {
        let target = self.policy.target.clamp(0.01, 1.0);
        let Some((busy, what)) = self.metric(at) else { return Voice::stay(at.desired) };
        let wanted = busy / target;
        let to = whole(wanted);
        let most = self.low.watch(at.now.instant, to);
        if wanted > f64::from(at.desired) * (1.0 + LEAST) {
            let because = format!("{what} needs {to} at a utilisation of {target}");
            return Voice::Go(Opinion { to, because });
        }
        match most {
            Some(most) if f64::from(most) <= f64::from(at.desired) * (1.0 - LEAST) && !at.is_growing => {
                let since = Span(self.low.length());
                let because = format!(
                    "{what}; a utilisation of {target} needed no more than {most} in the last {since}"
                );
                Voice::Go(Opinion { to: most, because })
            }
            _ => Voice::stay(at.desired),
        }
    }

    /// Workers that are kept busy, and in words by what; none while that cannot be told.
    fn metric(&self, at: &Situation<'_>) -> Option<(f64, String)> {
        if let Some(each) = self.policy.outstanding {
            let outstanding = at.seen.backlog.saturating_add(at.seen.in_flight);
            let what = format!("{} outstanding at {each} per worker", grouped(outstanding));
            return Some((outstanding as f64 / f64::from(each.max(1)), what));
        }
        // A worker that warms up or starts has not been measured: nothing more is known.
        let busy = at.busy_now.filter(|_| at.measured > 0)?;
        Some((busy, format!("{} busy of {}", number(busy), at.measured)))
    }
}
