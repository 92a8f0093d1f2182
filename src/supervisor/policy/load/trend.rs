//! Whether a rate keeps rising, and where it will be.

use super::{counts::Count, hazard::Hazard, noise::Noise};
use std::{collections::VecDeque, time::Duration};

/// Seconds that a line is laid through, the newest, and the standard errors that its slope must be greater than:
/// short ones are tried more often.
const SPANS: [(f64, f64); 6] =
    [(20.0, 5.5), (30.0, 5.5), (45.0, 5.2), (60.0, 4.8), (90.0, 4.3), (120.0, 3.9)];
/// A slope since the rate last changed counts from so many times its standard error on, the more the greater.
const FAINT_SIGMAS: f64 = 2.5;
/// From so many on it is believed to go on.
const SURE_SIGMAS: f64 = 5.0;
/// Seconds since then before a faint slope counts.
const FAINT_SECONDS: f64 = 30.0;
/// A line counts when the samples vary about it no more than so many times the usual: a step or a batch does not.
const LACK_OF_FIT: f64 = 2.0;

/// A line through rates: the one at its middle, and how fast it rises.
#[derive(Debug, Clone, Copy)]
struct Line {
    seconds: f64,
    mean: f64,
    slope: f64,
    error: f64,
    /// What it takes from the sum of squares about the mean.
    explains: f64,
}

/// The rate `ahead` from now, if the newest samples have been rising in a straight line.
pub fn ahead(recent: &VecDeque<Count>, noise: &Noise, hazard: &Hazard, ahead: Duration) -> Option<f64> {
    let mut passed = Vec::with_capacity(recent.len());
    let mut sums = Sums::default();
    let mut spans = SPANS.into_iter().peekable();
    let mut most: Option<f64> = None;
    let mut newest = recent.iter().rev().peekable();
    while let Some(sample) = newest.next() {
        sums.add(*sample);
        passed.push((sums.seconds, sums.records));
        let with_next = newest.peek().map_or(f64::INFINITY, |next| sums.seconds + next.seconds);
        // A span ends with the last sample that does not lead beyond it.
        while let Some((span, sigmas)) = spans.next_if(|(span, _)| with_next > span + 0.5) {
            let line = sums.line(noise).filter(|line| line.seconds >= span - 1.5);
            let rising = line.filter(|line| line.slope > hazard.eased(sigmas) * line.error);
            let rising = rising.filter(|line| line.explains > explained_by_a_step(&passed));
            // A slope is believed for what it is at least.
            let then = rising.map(|line| {
                line.mean + line.slope * line.seconds / 2.0 + (line.slope - line.error) * ahead.as_secs_f64()
            });
            most = most.into_iter().chain(then).reduce(f64::max);
        }
    }
    most
}

/// What the best single step takes from the sum of squares: samples are given by the seconds and records of all
/// that are no older.
fn explained_by_a_step(passed: &[(f64, f64)]) -> f64 {
    let Some((seconds, records)) = passed.last().copied() else { return 0.0 };
    let by = |newer: &(f64, f64)| {
        let older = (seconds - newer.0, records - newer.1);
        newer.1.powi(2) / newer.0 + older.1.powi(2) / older.0 - records.powi(2) / seconds
    };
    passed.iter().take(passed.len() - 1).map(by).fold(0.0, f64::max)
}

/// The rate `ahead` from now, if it has been rising since it last changed: a faint slope is believed in part
/// (shrinkage after James and Stein).
pub fn drift(window: &VecDeque<Count>, noise: &Noise, ahead: Duration) -> Option<f64> {
    let mut sums = Sums::default();
    window.iter().rev().for_each(|sample| sums.add(*sample));
    let line = sums.line(noise)?;
    let sigmas = line.slope / line.error;
    if line.seconds < FAINT_SECONDS || sigmas < FAINT_SIGMAS {
        return None;
    }
    let believed = |sure: f64| (1.0 - (sure / sigmas).powi(2)).max(0.0);
    // Where it is now follows from what was seen; that it goes on is one more thing to believe.
    let now = believed(FAINT_SIGMAS) * line.seconds / 2.0;
    let then = believed(SURE_SIGMAS) * ahead.as_secs_f64();
    Some(line.mean + line.slope * (now + then))
}

/// Sums for a line of least squares, over samples that are added the newest first. Times count back from now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub samples: f64,
    pub seconds: f64,
    pub records: f64,
    pub time: f64,
    pub time_square: f64,
    pub time_records: f64,
    pub rate_square: f64,
}

impl Sums {
    pub fn add(&mut self, sample: Count) {
        let time = -(self.seconds + sample.seconds / 2.0);
        self.samples += 1.0;
        self.seconds += sample.seconds;
        self.records += sample.records;
        self.time += time * sample.seconds;
        self.time_square += time * time * sample.seconds;
        self.time_records += time * sample.records;
        self.rate_square += sample.records * sample.rate();
    }

    /// None where there are too few samples, or they vary about it by more than chance.
    fn line(&self, noise: &Noise) -> Option<Line> {
        if self.samples < 4.0 || self.records <= 0.0 {
            return None;
        }
        let mean = self.records / self.seconds;
        let square = self.time_square - self.time * self.time / self.seconds;
        let slope = (self.time_records - self.time * mean) / square;
        let variance = noise.dispersion(mean) * mean;
        let explains = slope * slope * square;
        let residual = self.rate_square - self.records * mean - explains;
        let spread = residual / variance / (self.samples - 2.0);
        let error = (variance / square).sqrt();
        (spread < LACK_OF_FIT).then_some(Line { seconds: self.seconds, mean, slope, error, explains })
    }
}
