//! Whether a rate keeps rising, and where it will be.

use super::counts::Count;
use std::{collections::VecDeque, time::Duration};

/// Seconds that a line is laid through, the newest; each a try of its own.
const SPANS: [f64; 4] = [20.0, 30.0, 45.0, 60.0];
/// A slope counts when it is so many times its standard error.
const SIGMAS: f64 = 4.0;
/// A line counts when the samples vary about it no more than so many times the usual: a step or a batch does not.
const LACK_OF_FIT: f64 = 2.0;

/// A line through rates: the one at its end, and how fast it rises.
#[derive(Debug, Clone, Copy)]
struct Line {
    now: f64,
    slope: f64,
    error: f64,
}

/// The rate `ahead` from now, if it has been rising in a straight line.
pub fn ahead(samples: &VecDeque<Count>, dispersion: f64, ahead: Duration) -> Option<f64> {
    let lines = SPANS.into_iter().filter_map(|span| line(samples, dispersion, span));
    let rising = lines.filter(|line| line.slope > SIGMAS * line.error);
    // A slope is believed for what it is at least.
    let then = rising.map(|line| line.now + (line.slope - line.error) * ahead.as_secs_f64());
    then.reduce(f64::max)
}

fn line(samples: &VecDeque<Count>, dispersion: f64, span: f64) -> Option<Line> {
    let mut seconds = 0.0;
    let newest = samples.iter().rev().take_while(|sample| {
        seconds += sample.seconds;
        seconds <= span + 0.5
    });
    let newest: Vec<Count> = newest.copied().collect();
    let total: f64 = newest.iter().map(|sample| sample.seconds).sum();
    let records: f64 = newest.iter().map(|sample| sample.records).sum();
    if total < span - 1.5 || records <= 0.0 || newest.len() < 4 {
        return None;
    }
    let mean = records / total;
    // Times count from the middle, so that mean and slope do not depend on one another.
    let mut passed = 0.0;
    let placed: Vec<(f64, Count)> = newest
        .iter()
        .map(|sample| {
            let time = total / 2.0 - passed - sample.seconds / 2.0;
            passed += sample.seconds;
            (time, *sample)
        })
        .collect();
    let square: f64 = placed.iter().map(|(time, sample)| time * time * sample.seconds).sum();
    let slope = placed.iter().map(|(time, sample)| time * sample.records).sum::<f64>() / square;
    let off = |(time, sample): &(f64, Count)| {
        let expected = (mean + slope * time).max(mean / 10.0);
        (sample.rate() - expected).powi(2) * sample.seconds / (dispersion * expected)
    };
    let spread = placed.iter().map(off).sum::<f64>() / (placed.len() - 2) as f64;
    let error = (dispersion * mean / square).sqrt();
    (spread < LACK_OF_FIT).then_some(Line { now: mean + slope * total / 2.0, slope, error })
}
