//! How much counts of arrivals vary by chance.
//!
//! Records that come one by one vary by their number, those that come in batches by a multiple of it, and a rate
//! that is rough from second to second by its square: the variance of a second's records at a rate `r` is
//! `r (1 + b + q r)`. Both are learned from the differences of neighbours by least squares, so that what is
//! expected by chance is right as soon as the rate changes, and not a minute later.

use super::counts::Count;
use serde::{Deserialize, Serialize};

/// Pairs of samples that are remembered, about.
const REMEMBERED: f64 = 200.0;
/// One or two differences in a row that are so many times what is expected are a step or a batch, and say nothing.
const STRANGE: f64 = 12.0;
const MOST_STRANGE: u32 = 2;
/// Others count for no more than so many times; the mean of what is left of a normal variable's square.
const MOST: f64 = 6.0;
const MEAN_OF_COUNTED: f64 = 0.96;
/// What is assumed at first is worth so many pairs like the first one: that they vary by a little more than single
/// records.
const FIRST: f64 = 4.0;
const FIRST_EXCESS: f64 = 0.5;
/// What is added for so few pairs that they may be alike by chance: this over their number, until there would be
/// so many.
const DOUBT: f64 = 12.0;
const DOUBTLESS: f64 = 333.0;
/// Pairs at high rates vary more, and weigh less: by the square of what 15 % of roughness would make of them.
const WEIGHED_ROUGHNESS: f64 = 0.0225;
/// What may be batches or roughness is roughness until another rate has shown which it is: rates that spread by less
/// than this share (the standard deviation over the mean, squared) are one rate seen with its chance.
const ONE_RATE: f64 = 0.25;

/// Sums over pairs of neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noise {
    pairs: f64,
    weight: f64,
    rate: f64,
    square: f64,
    excess: f64,
    excess_by_rate: f64,
    /// Strange differences in a row.
    strange: u32,
    /// Found so far: the variance over mean above one, the same at any rate, and for each record per second.
    batches: f64,
    roughness: f64,
}

impl Noise {
    /// Variance over mean of a second's records at a rate; one for records that come singly and at random.
    pub fn dispersion(&self, rate: f64) -> f64 {
        if self.pairs <= 0.0 {
            return 1.0 + FIRST_EXCESS;
        }
        (1.0 + self.batches + self.roughness * rate) * (1.0 + DOUBT * (1.0 / self.pairs - 1.0 / DOUBTLESS))
    }

    /// Takes in two samples that follow one another.
    pub fn learn(&mut self, one: Count, other: Count) {
        let rate = (one.records + other.records) / (one.seconds + other.seconds);
        let single = rate * (1.0 / one.seconds + 1.0 / other.seconds);
        if single <= 0.0 {
            return;
        }
        let weight = (1.0 + WEIGHED_ROUGHNESS * rate).powi(-2);
        if self.pairs <= 0.0 {
            self.add(rate, FIRST_EXCESS, FIRST * weight);
            self.pairs = FIRST;
        }
        let expected = 1.0 + self.batches + self.roughness * rate;
        let square = (one.rate() - other.rate()).powi(2) / single;
        self.strange = if square > STRANGE * expected { self.strange.saturating_add(1) } else { 0 };
        if (1..=MOST_STRANGE).contains(&self.strange) {
            return;
        }
        let kept = 1.0 - 1.0 / REMEMBERED;
        let sums = [&mut self.pairs, &mut self.weight, &mut self.rate, &mut self.square, &mut self.excess];
        sums.into_iter().chain([&mut self.excess_by_rate]).for_each(|sum| *sum *= kept);
        self.add(rate, square.min(MOST * expected) / MEAN_OF_COUNTED - 1.0, weight);
        self.pairs += 1.0;
        self.solve();
    }

    fn add(&mut self, rate: f64, excess: f64, weight: f64) {
        self.weight += weight;
        self.rate += weight * rate;
        self.square += weight * rate * rate;
        self.excess += weight * excess;
        self.excess_by_rate += weight * excess * rate;
    }

    /// The least squares of both, neither below zero. Weight that speaks for single records, and so against
    /// batches, vanishes as the rates spread.
    fn solve(&mut self) {
        let spread = (self.weight * self.square / (self.rate * self.rate) - 1.0).max(f64::EPSILON);
        let constant = self.weight * (1.0 + ONE_RATE * ONE_RATE / spread);
        let determinant = constant * self.square - self.rate * self.rate;
        let both = |batches: f64, roughness: f64| (batches / determinant, roughness / determinant);
        let (batches, roughness) = both(
            self.excess * self.square - self.excess_by_rate * self.rate,
            self.excess_by_rate * constant - self.excess * self.rate,
        );
        let is_within = determinant > 0.0 && batches >= 0.0 && roughness >= 0.0;
        (self.batches, self.roughness) = if is_within {
            (batches, roughness)
        } else if batches >= 0.0 || self.square <= 0.0 {
            ((self.excess / constant).max(0.0), 0.0)
        } else {
            (0.0, (self.excess_by_rate / self.square).max(0.0))
        };
    }

    /// Whether it can have been learned: what is read from outside may be anything.
    pub fn is_sound(&self) -> bool {
        let all = [self.pairs, self.weight, self.rate, self.square, self.excess, self.excess_by_rate];
        let found = [self.batches, self.roughness];
        all.iter().chain(&found).all(|value| value.is_finite())
            && self.pairs >= 0.0
            && found.iter().all(|value| *value >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts about a rate whose variance is `rate * (1 + batches) + (rate * rough)^2`, from the sum of twelve.
    fn watch(noise: &mut Noise, rate: f64, batches: f64, rough: f64, seconds: u64) {
        let mut state = 7_u64;
        let mut unit = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let deviation = (rate * (1.0 + batches) + (rate * rough).powi(2)).sqrt();
        let mut before: Option<Count> = None;
        for _ in 0..seconds {
            let normal = (0..12).map(|_| unit()).sum::<f64>() - 6.0;
            let sample = Count { seconds: 1.0, records: (rate + deviation * normal).max(0.0) };
            before.replace(sample).into_iter().for_each(|one| noise.learn(one, sample));
        }
    }

    fn near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 0.35, "{found} and not {expected}");
    }

    #[test]
    fn roughness_that_was_learned_at_one_rate_is_known_at_another() {
        let mut noise = Noise::default();
        watch(&mut noise, 30.0, 0.0, 0.3, 300);
        near(noise.dispersion(30.0), 1.0 + 0.09 * 30.0);
        near(noise.dispersion(300.0), 1.0 + 0.09 * 300.0);
    }

    #[test]
    fn batches_are_told_from_roughness_by_a_second_rate() {
        let mut noise = Noise::default();
        for _ in 0..4 {
            watch(&mut noise, 20.0, 9.0, 0.0, 60);
            watch(&mut noise, 400.0, 9.0, 0.0, 60);
        }
        near(noise.dispersion(20.0), 10.0);
        near(noise.dispersion(400.0), 10.0);
    }

    #[test]
    fn single_records_and_steps_of_their_rate_are_no_noise() {
        let mut noise = Noise::default();
        for rate in [40.0, 400.0, 40.0, 5.0, 300.0] {
            watch(&mut noise, rate, 0.0, 0.0, 120);
        }
        near(noise.dispersion(40.0), 1.15);
        assert!(noise.is_sound());
        assert!(!Noise { weight: f64::NAN, ..noise }.is_sound());
    }
}
