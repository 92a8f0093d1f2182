//! What a run comes to as a whole.

use super::{DaemonSample, Latency, Outcome, Totals, Verdict};
use std::ops::AddAssign;

impl Outcome {
    /// Why a run was cut short that a person or a signal has ended.
    pub const INTERRUPTED: &str = "interrupted";

    pub fn is_interrupted(&self) -> bool {
        self.cut_short.as_deref() == Some(Self::INTERRUPTED)
    }

    /// Thresholds that the run has failed.
    pub fn failed(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| !verdict.is_met && !verdict.is_only_told)
    }

    /// Latency of all stages together.
    pub fn latency(&self) -> Latency {
        Latency::joined(self.stages.iter().map(|stage| &stage.latency))
    }

    /// What the daemon said of itself, with the second of the run; nothing when the target tells no health.
    pub fn daemon_samples(&self) -> impl Iterator<Item = (f64, &DaemonSample)> {
        self.samples.iter().filter_map(|sample| Some((sample.second, sample.daemon.as_ref()?)))
    }

    /// Ends the stages where the run has ended, before its plan did.
    pub fn end_stages(&mut self) {
        for stage in &mut self.stages {
            stage.seconds = stage.seconds.min((self.seconds - stage.from).max(0.0));
        }
    }

    /// How far the daemon's memory has moved in the longest stage, as a share: the mean of its third or of its
    /// last quarter against that of its second, whichever is further. The first is left for what warms up.
    /// Nothing when a quarter has less than two samples.
    pub fn memory_drift(&self) -> Option<f64> {
        let longest = self.stages.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds))?;
        let mean = |quarter: f64| {
            let from = longest.from + longest.seconds * quarter / 4.0;
            let inside = |(second, _): &(f64, &DaemonSample)| {
                *second > from && *second <= from + longest.seconds / 4.0
            };
            let (sum, count) =
                self.daemon_samples().filter(inside).fold((0.0, 0_u32), |(sum, count), (_, sample)| {
                    (sum + sample.memory_bytes as f64, count + 1)
                });
            (count >= 2).then(|| sum / f64::from(count))
        };
        let (second, third, last) = (mean(1.0)?, mean(2.0)?, mean(3.0)?);
        let moved = |later: f64| (later / second - 1.0).abs();
        Some(moved(third).max(moved(last)))
    }

    /// Records accepted per second over the stages, without the wait for the drain after them.
    pub fn accepted_per_second(&self) -> f64 {
        let seconds: f64 = self.stages.iter().map(|stage| stage.seconds).sum();
        if seconds > 0.0 { self.totals.accepted as f64 / seconds } else { 0.0 }
    }
}

impl DaemonSample {
    /// Age of the oldest record that waits in any node, seconds.
    pub fn oldest_age(&self) -> f64 {
        self.nodes.values().map(|node| node.oldest_age).fold(0.0, f64::max)
    }
}

impl Totals {
    /// Share of what was sent that was refused, 0 to 1.
    pub fn refused_share(&self) -> f64 {
        share(self.refused, self.sent)
    }

    /// Share of what was planned that could not be sent in time, 0 to 1.
    pub fn unsent_share(&self) -> f64 {
        share(self.unsent, self.planned)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.planned += other.planned;
        self.unsent += other.unsent;
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.requests += other.requests;
        self.bytes += other.bytes;
    }
}

#[cfg(test)]
mod tests {
    use crate::load::outcome::made;

    #[test]
    fn stages_of_a_run_that_was_cut_short_are_as_long_as_they_went_on() {
        let mut outcome = made::outcome();
        outcome.seconds = 25.0;
        outcome.end_stages();
        let lengths: Vec<f64> = outcome.stages.iter().map(|stage| stage.seconds).collect();
        assert_eq!(lengths, [20.0, 5.0, 0.0]);
    }

    #[test]
    fn memory_drifts_by_how_far_a_later_quarter_is_from_the_second() {
        let mut outcome = made::outcome();
        // From the 46th to the 60th second it grows by 64 KiB in each.
        let drift = outcome.memory_drift().unwrap();
        assert!((drift - 640.0 / (65_536.0 + 48.0 * 64.0)).abs() < 1e-9, "{drift}");
        for sample in outcome.samples.iter_mut().filter_map(|sample| sample.daemon.as_mut()) {
            sample.memory_bytes = 64 << 20;
        }
        assert_eq!(outcome.memory_drift(), Some(0.0));
        outcome.stages.iter_mut().for_each(|stage| stage.seconds = 4.0);
        assert_eq!(outcome.memory_drift(), None, "too short for a mean of each quarter");
    }
}
