//! What trials have shown.

use super::Search;
use crate::load::{figure, outcome::Outcome};

/// A run at one rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    rate: f64,
    accepted_per_second: f64,
    p99: f64,
    /// Thresholds that were not held, with what was measured.
    failed: Vec<String>,
    is_interrupted: bool,
}

/// All of a search, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Trials(Vec<Trial>);

impl Trial {
    /// What the outcome of a run at this rate shows, once it is judged.
    pub fn of(rate: f64, outcome: &Outcome) -> Self {
        let failed: Vec<String> =
            outcome.failed().map(|verdict| format!("{} {}", verdict.threshold, verdict.measured)).collect();
        Self {
            rate,
            accepted_per_second: outcome.accepted_per_second(),
            p99: outcome.latency().p99,
            is_interrupted: outcome.is_interrupted(),
            // What was passed for a while may be kept in the end: the trial was ended by it all the same.
            failed: if failed.is_empty() { outcome.cut_short.iter().cloned().collect() } else { failed },
        }
    }

    pub fn has_held(&self) -> bool {
        self.failed.is_empty()
    }

    /// Whether it was ended from outside, and so shows nothing.
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// A line of it.
    pub fn text(&self) -> String {
        let verdict =
            if self.has_held() { "held".to_owned() } else { format!("not held: {}", self.failed.join(", ")) };
        format!(
            "  {:>11}  {:>11} accepted  p99 {:>8}  {verdict}",
            figure::rate(self.rate),
            figure::rate(self.accepted_per_second),
            figure::duration(self.p99)
        )
    }
}

impl Trials {
    pub fn add(&mut self, trial: Trial) {
        self.0.push(trial);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the search has come to.
    pub fn verdict(&self, search: &Search) -> String {
        let why = |rate: f64| {
            let failed = self.0.iter().find(|trial| trial.rate == rate);
            failed.map(|trial| trial.failed.join(", ")).unwrap_or_default()
        };
        match (search.found(), search.failed()) {
            (Some(held), Some(failed)) => format!(
                "highest rate that held: {}; {} did not ({})",
                figure::rate(held),
                figure::rate(failed),
                why(failed)
            ),
            (Some(held), None) => {
                format!("{} held, and there was no trial left for more; see --trials", figure::rate(held))
            }
            (None, Some(failed)) => {
                format!("no rate held; the lowest tried was {} ({})", figure::rate(failed), why(failed))
            }
            (None, None) => "nothing was tried".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{find_max::Terms, outcome::made, scenario::Thresholds, thresholds::judge};

    fn outcome(p99: &str) -> Outcome {
        let mut outcome = made::outcome();
        let thresholds = Thresholds { p99: Some(p99.parse().unwrap()), ..Thresholds::default() };
        outcome.verdicts = judge(&thresholds, &outcome);
        outcome
    }

    #[test]
    fn each_trial_is_a_line_and_the_verdict_names_why_more_does_not_hold() {
        let mut search = Search::new(Terms { first: 400.0, trials: 2, precision: 0.05 });
        let mut trials = Trials::default();
        for (rate, p99) in [(400.0, "2s"), (800.0, "50ms")] {
            let trial = Trial::of(rate, &outcome(p99));
            search.tell(rate, trial.has_held());
            trials.add(trial);
        }
        let lines: Vec<String> = trials.0.iter().map(Trial::text).collect();
        assert_eq!(lines[0], "        400/s        400/s accepted  p99   1.06 s  held");
        assert_eq!(lines[1], "        800/s        400/s accepted  p99   1.06 s  not held: p99 1.06 s");
        assert_eq!(trials.verdict(&search), "highest rate that held: 400/s; 800/s did not (p99 1.06 s)");
    }

    #[test]
    fn a_search_that_found_nothing_or_no_end_says_so() {
        let mut search = Search::new(Terms { first: 400.0, trials: 1, precision: 0.05 });
        let mut trials = Trials::default();
        assert_eq!(trials.verdict(&search), "nothing was tried");
        trials.add(Trial::of(400.0, &outcome("1ms")));
        search.tell(400.0, false);
        assert_eq!(trials.verdict(&search), "no rate held; the lowest tried was 400/s (p99 1.06 s)");
        search = Search::new(Terms { first: 400.0, trials: 1, precision: 0.05 });
        search.tell(400.0, true);
        assert_eq!(trials.verdict(&search), "400/s held, and there was no trial left for more; see --trials");
    }

    #[test]
    fn a_trial_ended_by_a_threshold_is_one_that_did_not_hold_and_by_a_person_is_none() {
        let mut passed = outcome("50ms");
        passed.cut_short = Some("p99: at most 50 ms, measured 1.06 s".to_owned());
        let trial = Trial::of(400.0, &passed);
        assert!(!trial.has_held() && !trial.is_interrupted());
        let mut interrupted = outcome("2s");
        interrupted.cut_short = Some(Outcome::INTERRUPTED.to_owned());
        let trial = Trial::of(400.0, &interrupted);
        assert!(!trial.has_held() && trial.is_interrupted());
    }
}
