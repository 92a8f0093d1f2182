//! Records counted over time, and how much such counts vary.

use std::collections::VecDeque;

/// Records of one sample.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    pub seconds: f64,
    pub records: f64,
}

impl Count {
    pub fn rate(self) -> f64 {
        self.records / self.seconds
    }
}

/// Records of several samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Total {
    pub seconds: f64,
    pub records: f64,
}

impl Total {
    pub fn of(sample: Count) -> Self {
        Self { seconds: sample.seconds, records: sample.records }
    }

    pub fn add(&mut self, sample: Count) {
        self.seconds += sample.seconds;
        self.records += sample.records;
    }

    pub fn without(self, part: Self) -> Self {
        Self { seconds: self.seconds - part.seconds, records: self.records - part.records }
    }

    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.records / self.seconds } else { 0.0 }
    }
}

/// The median of a squared normal variable of variance one.
const MEDIAN_OF_SQUARE: f64 = 0.455;
/// Fewer samples say nothing of how they vary.
const LEAST_SAMPLES: usize = 6;

/// Variance over mean of the records of a second, from the differences of neighbours. As a median it does not
/// see a step of the rate, nor a batch now and then.
pub fn dispersion(samples: &VecDeque<Count>) -> Option<f64> {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let mut squares: Vec<f64> = pairs.filter_map(|(one, other)| square(*one, *other)).collect();
    if squares.len() < LEAST_SAMPLES {
        return None;
    }
    let middle = squares.len() / 2;
    let (_, median, _) = squares.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median / MEDIAN_OF_SQUARE)
}

/// The squared difference of two rates, over the one to be expected of single records.
fn square(one: Count, other: Count) -> Option<f64> {
    let mean = (one.records + other.records) / (one.seconds + other.seconds);
    let expected = mean * (1.0 / one.seconds + 1.0 / other.seconds);
    (expected > 0.0).then(|| (one.rate() - other.rate()).powi(2) / expected)
}
