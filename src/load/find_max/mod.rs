//! The search for the highest rate that keeps the thresholds: doubled until one does not, then halved between.
//!
//! Pure: it names the next rate to try, and is told how the trial ended.

mod scenario;
mod trials;

pub use scenario::{first_rate, trial};
pub use trials::{Trial, Trials};

/// When a search ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Records per second that are tried first.
    pub first: f64,
    /// Trials at most.
    pub trials: u32,
    /// How near the answer is to the lowest rate that does not hold, as a share of it: 0.05 is 5 %.
    pub precision: f64,
}

/// A search under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    terms: Terms,
    tried: u32,
    /// The highest rate that held.
    held: Option<f64>,
    /// The lowest that did not.
    failed: Option<f64>,
}

/// What is slower than this is told as nothing.
const LEAST: f64 = 1.0;
const STEP: f64 = 2.0;

impl Search {
    pub fn new(terms: Terms) -> Self {
        Self { terms: Terms { first: terms.first.max(LEAST), ..terms }, tried: 0, held: None, failed: None }
    }

    /// The rate to try next; nothing when the search is over.
    pub fn next_rate(&self) -> Option<f64> {
        if self.tried >= self.terms.trials {
            return None;
        }
        let rate = match (self.held, self.failed) {
            (None, None) => self.terms.first,
            (Some(held), None) => held * STEP,
            (None, Some(failed)) => failed / STEP,
            (Some(held), Some(failed)) if failed - held <= failed * self.terms.precision => return None,
            (Some(held), Some(failed)) => f64::midpoint(held, failed),
        };
        (rate >= LEAST).then_some(readable(rate))
    }

    /// Tells how the trial at a rate ended.
    pub fn tell(&mut self, rate: f64, has_held: bool) {
        self.tried += 1;
        if has_held {
            self.held = Some(self.held.map_or(rate, |held| held.max(rate)));
        } else {
            self.failed = Some(self.failed.map_or(rate, |failed| failed.min(rate)));
        }
    }

    /// The highest rate that held; nothing when none did.
    pub fn found(&self) -> Option<f64> {
        self.held
    }

    /// The lowest rate that did not hold; nothing when all did.
    pub fn failed(&self) -> Option<f64> {
        self.failed
    }
}

/// To three digits, as a person would choose it.
fn readable(rate: f64) -> f64 {
    let unit = 10_f64.powf((rate.log10().floor() - 2.0).max(0.0));
    (rate / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TERMS: Terms = Terms { first: 1_000.0, trials: 16, precision: 0.05 };

    /// The rates tried of a target that holds up to `limit`, and the search at its end.
    fn searched(terms: Terms, limit: f64) -> (Vec<f64>, Search) {
        let (mut search, mut tried) = (Search::new(terms), Vec::new());
        while let Some(rate) = search.next_rate() {
            tried.push(rate);
            search.tell(rate, rate <= limit);
        }
        (tried, search)
    }

    #[test]
    fn it_doubles_until_one_does_not_hold_and_then_halves_between() {
        let (tried, search) = searched(TERMS, 5_300.0);
        assert_eq!(tried, [1_000.0, 2_000.0, 4_000.0, 8_000.0, 6_000.0, 5_000.0, 5_500.0, 5_250.0]);
        assert_eq!((search.found(), search.failed()), (Some(5_250.0), Some(5_500.0)));
    }

    #[test]
    fn it_goes_down_when_the_first_does_not_hold() {
        let (tried, search) = searched(TERMS, 300.0);
        assert_eq!(tried[..4], [1_000.0, 500.0, 250.0, 375.0]);
        assert!(search.found().is_some_and(|found| found <= 300.0 && found > 280.0), "{search:?}");
    }

    #[test]
    fn what_holds_nothing_is_left_after_a_few_trials() {
        let (tried, search) = searched(TERMS, 0.0);
        assert!(tried.len() <= 12, "{tried:?}");
        assert_eq!(search.found(), None);
    }

    #[test]
    fn what_holds_everything_ends_with_its_trials() {
        let (tried, search) = searched(Terms { trials: 5, ..TERMS }, f64::INFINITY);
        assert_eq!(tried, [1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0]);
        assert_eq!((search.found(), search.failed()), (Some(16_000.0), None));
    }

    proptest! {
        #[test]
        fn whatever_the_limit_is_the_answer_holds_and_is_near(limit in 1.0_f64..1e7, first in 0.0_f64..1e6) {
            let terms = Terms { first, trials: 60, precision: 0.05 };
            let (tried, search) = searched(terms, limit);
            prop_assert!(tried.len() < 40);
            let found = search.found().unwrap_or_default();
            prop_assert!(found <= limit);
            // Low rates are whole numbers.
            prop_assert!(found >= limit * 0.94 - 1.0, "{found} of {limit}: {tried:?}");
        }

        #[test]
        fn whatever_it_is_told_it_ends(held in proptest::collection::vec(any::<bool>(), 64)) {
            let mut search = Search::new(TERMS);
            let mut told = held.into_iter();
            while let Some(rate) = search.next_rate() {
                prop_assert!(rate.is_finite() && rate >= 1.0);
                search.tell(rate, told.next().unwrap());
            }
        }
    }
}
