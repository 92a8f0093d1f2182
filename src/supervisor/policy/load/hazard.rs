//! How often the rate changes.
//!
//! How strongly samples must speak for a change depends on how likely one was beforehand: the odds of a change are
//! its likelihood times those before (Bayes' rule). Thresholds are told for a rate that changes twice an hour, and
//! are lower where changes have come more often. They are never higher: whoever has been calm may begin to change.

use serde::{Deserialize, Serialize};

/// Seconds for which changes are remembered, about.
const REMEMBERED: f64 = 3_600.0;
/// What is assumed at first: half a change in half an hour.
const FIRST_CHANGES: f64 = 0.5;
const FIRST_SECONDS: f64 = 1_800.0;
/// Changes that follow one another within so many seconds are one, which is seen again.
const APART: f64 = 60.0;
/// Changes in a second for which thresholds are told.
const USUAL: f64 = 2.0 / 3_600.0;
/// Less than one standard deviation is never a change.
const LEAST_SIGMAS: f64 = 1.0;

/// Changes of a rate, and the time in which they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hazard {
    seconds: f64,
    changes: f64,
    /// Seconds since the last change that counted.
    since: Option<f64>,
}

impl Hazard {
    /// So many seconds have been watched.
    pub fn pass(&mut self, seconds: f64) {
        let kept = (-seconds / REMEMBERED).exp();
        self.seconds = self.seconds * kept + seconds;
        self.changes *= kept;
        self.since = self.since.map(|since| since + seconds);
    }

    /// The rate has changed.
    pub fn note(&mut self) {
        if self.since.is_none_or(|since| since > APART) {
            self.changes += 1.0;
            self.since = Some(0.0);
        }
    }

    /// The standard deviations that say as much here as `sigmas` do where a rate changes as often as usual: the
    /// likelihood of a departure by z is `exp(z² / 2)` times that of none.
    pub fn eased(&self, sigmas: f64) -> f64 {
        let rate = (self.changes + FIRST_CHANGES) / (self.seconds + FIRST_SECONDS);
        let likelier = (rate / USUAL).max(1.0);
        (sigmas.powi(2) - 2.0 * likelier.ln()).sqrt().max(LEAST_SIGMAS).min(sigmas)
    }

    /// Whether it can have been learned: what is read from outside may be anything.
    pub fn is_sound(&self) -> bool {
        let all = [self.seconds, self.changes, self.since.unwrap_or_default()];
        all.iter().all(|value| value.is_finite() && *value >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(seconds: u64, changes_every: u64) -> Hazard {
        let mut hazard = Hazard::default();
        for second in 1..=seconds {
            hazard.pass(1.0);
            if second.is_multiple_of(changes_every) {
                hazard.note();
            }
        }
        hazard
    }

    #[test]
    fn thresholds_are_lower_where_changes_come_often_and_never_higher() {
        let calm = watched(7_200, 10_000);
        assert_eq!((Hazard::default().eased(4.2), calm.eased(4.2)), (4.2, 4.2));
        let (some, many) = (watched(7_200, 900).eased(4.2), watched(7_200, 120).eased(4.2));
        assert!(many < some && some < 4.2 && many > 3.4, "{some} {many}");
        assert_eq!(watched(7_200, 120).eased(0.5), 0.5);
    }

    #[test]
    fn a_change_that_is_seen_again_is_one_and_old_ones_are_forgotten() {
        let mut twice = watched(600, 300);
        let once = twice;
        twice.note();
        assert_eq!(twice, once);
        (0..20_000).for_each(|_| twice.pass(1.0));
        assert_eq!(twice.eased(4.2), 4.2);
        assert!(twice.is_sound() && !Hazard { changes: f64::NAN, ..twice }.is_sound());
    }
}
