//! Whether a rate has begun to rise, and where it will be.
//!
//! A line through the newest seconds alone is told from chance late. What the rate was before is known well, and a
//! rise begins there: a hinge, level up to some second and straight from there on, has one number less to learn.

use super::{
    counts::{Count, Total},
    hazard::Hazard,
    noise::Noise,
    trend::Sums,
};
use std::{collections::VecDeque, time::Duration};

/// Seconds that a rise may have lasted.
const LASTED: [f64; 9] = [8.0, 12.0, 16.0, 22.0, 30.0, 40.0, 55.0, 75.0, 100.0];
/// Seconds before it that tell what the rate was.
const LEAST_BEFORE: f64 = 30.0;
/// Standard errors that its slope must be greater than.
const RISING_SIGMAS: f64 = 4.2;
/// Standard errors by which the slope is believed in part (shrinkage after James and Stein).
const DOUBTED_SIGMAS: f64 = 1.7;
/// Share of the time ahead for which it is believed to go on.
const GOES_ON: f64 = 0.25;
/// A hinge counts when the samples vary about it no more than so many times the usual: beside a batch it does not.
const LACK_OF_FIT: f64 = 2.0;
/// Nor does it where a step explains so many times as much: that will cut the window soon.
const STEP: f64 = 1.1;

/// A rate that was level, and rises since.
#[derive(Debug, Clone, Copy)]
struct Hinge {
    before: f64,
    /// Seconds since it began to rise.
    lasted: f64,
    slope: f64,
    error: f64,
    /// What it takes from the sum of squares about the rate before.
    explains: f64,
    /// How much the samples vary about it, in units of the usual.
    spread: f64,
}

/// The rate `ahead` from now, if it began to rise within the samples of one rate: after the likeliest of hinges.
pub fn rising(window: &VecDeque<Count>, noise: &Noise, hazard: &Hazard, ahead: Duration) -> Option<f64> {
    let mut whole = Total::default();
    window.iter().for_each(|sample| whole.add(*sample));
    let mut newest = Sums::default();
    let mut passed = Vec::with_capacity(window.len());
    let mut lengths = LASTED.into_iter().peekable();
    let mut likeliest: Option<Hinge> = None;
    let least = hazard.eased(RISING_SIGMAS);
    for sample in window.iter().rev() {
        if lengths.peek().is_none() {
            break;
        }
        newest.add(*sample);
        passed.push((newest.seconds, newest.records));
        let mut is_due = false;
        while lengths.next_if(|length| newest.seconds >= length - 0.2).is_some() {
            is_due = true;
        }
        if !is_due {
            continue;
        }
        let before = whole.without(Total { seconds: newest.seconds, records: newest.records });
        if before.seconds < LEAST_BEFORE {
            break;
        }
        let hinge = Hinge::of(&newest, before, noise);
        let is_likelier = likeliest.is_none_or(|other| hinge.sigmas() > other.sigmas());
        if is_likelier
            && hinge.holds(least)
            && hinge.explains * STEP >= explained_by_a_step(&passed, hinge.before)
        {
            likeliest = Some(hinge);
        }
    }
    likeliest.map(|hinge| hinge.then(ahead))
}

/// What a step from the rate before takes from the sum of squares at best: samples are given by the seconds and
/// records of all that are no older.
fn explained_by_a_step(passed: &[(f64, f64)], before: f64) -> f64 {
    let by = |(seconds, records): &(f64, f64)| (records - before * seconds).powi(2) / seconds;
    passed.iter().map(by).fold(0.0, f64::max)
}

impl Hinge {
    fn of(newest: &Sums, before: Total, noise: &Noise) -> Self {
        let (rate, lasted) = (before.rate(), newest.seconds);
        let variance = |rate: f64| noise.dispersion(rate) * rate;
        // Sums over the time since it began, of which times that count back from now know nothing.
        let time = newest.time + lasted * lasted;
        let square = newest.time_square + lasted * (2.0 * newest.time + lasted * lasted);
        let product = newest.time_records + lasted * newest.records - rate * time;
        let slope = product / square;
        let explains = product * slope;
        let about = newest.rate_square - rate * (2.0 * newest.records - rate * lasted);
        let usual = (variance(rate) + variance((rate + slope * lasted).max(0.0))) / 2.0;
        Self {
            before: rate,
            lasted,
            slope,
            error: (variance(rate) * (1.0 / square + (time / square).powi(2) / before.seconds)).sqrt(),
            explains,
            spread: (about - explains) / usual / (newest.samples - 1.0),
        }
    }

    fn sigmas(&self) -> f64 {
        self.slope / self.error
    }

    fn holds(&self, least: f64) -> bool {
        self.sigmas() > least && self.spread < LACK_OF_FIT
    }

    /// The rate `ahead` from now.
    fn then(&self, ahead: Duration) -> f64 {
        let believed = 1.0 - (DOUBTED_SIGMAS / self.sigmas()).powi(2);
        self.before + self.slope * believed * (self.lasted + GOES_ON * ahead.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AHEAD: Duration = Duration::from_secs(20);

    /// Two minutes of 100 records a second, a tenth more or less by turns, and what is added in the seconds after.
    fn seen(added: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut noise = Noise::default();
        let chance = (0..).map(|second| if second * 7 % 13 % 2 == 0 { 10.0 } else { -10.0 });
        let rates = std::iter::repeat_n(100.0, 120).chain(added.into_iter().map(|more| 100.0 + more));
        let count = |(rate, by): (f64, f64)| Count { seconds: 1.0, records: rate + by };
        let window: VecDeque<Count> = rates.zip(chance).map(count).collect();
        window.iter().zip(window.iter().skip(1)).take(119).for_each(|(one, other)| noise.learn(*one, *other));
        rising(&window, &noise, &Hazard::default(), AHEAD)
    }

    #[test]
    fn a_rise_is_seen_in_its_first_minute_and_believed_to_go_on() {
        let then = seen((1..=40).map(f64::from)).unwrap();
        assert!((140.0..160.0).contains(&then), "{then}");
    }

    #[test]
    fn a_level_rate_a_fall_a_step_and_a_batch_are_no_rises() {
        assert_eq!(seen(std::iter::repeat_n(0.0, 40)), None);
        assert_eq!(seen((1..=40).map(|second| -f64::from(second))), None);
        assert_eq!(seen(std::iter::repeat_n(40.0, 12)), None);
        assert_eq!(seen([0.0, 0.0, 0.0, 400.0, 0.0, 0.0, 0.0, 0.0, 0.0]), None);
        assert_eq!(seen([]), None);
    }
}
