//! The busy share of the workers, held at a target: by the time they are busy, or by what is
//! outstanding with each, for workers that mostly wait for others.

use super::{
    opinion::{Opinion, Situation},
    quiet::Quiet,
    words::{grouped, number, whole},
};
use crate::pipeline::UtilisationPolicy;

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

    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        let target = self.policy.target.clamp(0.01, 1.0);
        let (busy, what) = match self.policy.outstanding {
            Some(each) => {
                let outstanding = at.seen.backlog + at.seen.in_flight;
                let what = format!("{} outstanding at {each} per worker", grouped(outstanding));
                (outstanding as f64 / f64::from(each.max(1)), what)
            }
            None => {
                // A worker that warms up or starts has not been measured: nothing more is known.
                let busy = at.load.busy_workers().filter(|_| at.measured > 0)?;
                (busy, format!("{} busy of {}", number(busy), at.measured))
            }
        };
        let wanted = busy / target;
        let most = self.low.watch(at.now.instant, at.bounds.hold(whole(wanted)));
        let because = |needed: u32| format!("{what} needs {needed} at a utilisation of {target}");
        if wanted > f64::from(at.desired) * (1.0 + LEAST) {
            let to = at.bounds.hold(whole(wanted));
            return Some(Opinion { to, because: because(to) });
        }
        match most {
            Some(most) if f64::from(most) <= f64::from(at.desired) * (1.0 - LEAST) => {
                Some(Opinion { to: most, because: because(most) })
            }
            _ => Opinion::stay(at.desired),
        }
    }
}
