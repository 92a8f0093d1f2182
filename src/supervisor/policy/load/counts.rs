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

/// Share of the squares that are counted, the smallest, and their mean for a normal variable of variance one.
const COUNTED: f64 = 0.8;
const MEAN_OF_COUNTED: f64 = 0.438;
/// What is added for so few samples that they may be alike by chance: this over their number.
const DOUBT: f64 = 10.0;
/// Fewer samples say nothing of how they vary.
const LEAST_SAMPLES: usize = 6;

/// Variance over mean of the records of a second, from the differences of neighbours. As the greatest are not
/// counted, it does not see a step of the rate, nor a batch now and then.
pub fn dispersion(samples: &VecDeque<Count>) -> Option<f64> {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let mut squares: Vec<f64> = pairs.filter_map(|(one, other)| square(*one, *other)).collect();
    if squares.len() < LEAST_SAMPLES {
        return None;
    }
    squares.sort_by(f64::total_cmp);
    let counted = (squares.len() as f64 * COUNTED).round() as usize;
    let sum: f64 = squares.iter().take(counted).sum();
    // A few samples may vary less than they usually do.
    let doubt = 1.0 + DOUBT / squares.len() as f64;
    Some(doubt * sum / counted as f64 / MEAN_OF_COUNTED)
}

/// The squared difference of two rates, over the one to be expected of single records.
fn square(one: Count, other: Count) -> Option<f64> {
    let mean = (one.records + other.records) / (one.seconds + other.seconds);
    let expected = mean * (1.0 / one.seconds + 1.0 / other.seconds);
    (expected > 0.0).then(|| (one.rate() - other.rate()).powi(2) / expected)
}
