//! Whether a rate keeps rising, and where it will be.

use super::counts::Count;
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

/// A line through rates: the one at its end, and how fast it rises.
#[derive(Debug, Clone, Copy)]
struct Line {
    seconds: f64,
    mean: f64,
    slope: f64,
    error: f64,
}

/// The rate `ahead` from now, if the newest samples have been rising in a straight line.
pub fn ahead(recent: &VecDeque<Count>, dispersion: f64, ahead: Duration) -> Option<f64> {
    let of_span = |(span, sigmas): (f64, f64)| {
        let mut seconds = 0.0;
        let newest = recent.iter().rev().take_while(|sample| {
            seconds += sample.seconds;
            seconds <= span + 0.5
        });
        let line = line(&newest.copied().collect::<Vec<_>>(), dispersion)?;
        (line.seconds >= span - 1.5 && line.slope > sigmas * line.error).then_some(line)
    };
    let rising = SPANS.into_iter().filter_map(of_span);
    // A slope is believed for what it is at least.
    let then = |line: Line| {
        line.mean + line.slope * line.seconds / 2.0 + (line.slope - line.error) * ahead.as_secs_f64()
    };
    rising.map(then).reduce(f64::max)
}

/// The rate `ahead` from now, if it has been rising since it last changed: a faint slope is believed in part
/// (shrinkage after James and Stein).
pub fn drift(window: &VecDeque<Count>, dispersion: f64, ahead: Duration) -> Option<f64> {
    let line = line(&window.iter().rev().copied().collect::<Vec<_>>(), dispersion)?;
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

/// The line of least squares through samples, the newest first.
fn line(newest: &[Count], dispersion: f64) -> Option<Line> {
    let total: f64 = newest.iter().map(|sample| sample.seconds).sum();
    let records: f64 = newest.iter().map(|sample| sample.records).sum();
    if newest.len() < 4 || records <= 0.0 {
        return None;
    }
    let mean = records / total;
    // Times count from the middle, so that mean and slope do not depend on one another.
    let mut passed = 0.0;
    let mut placed = Vec::with_capacity(newest.len());
    for sample in newest {
        placed.push((total / 2.0 - passed - sample.seconds / 2.0, sample));
        passed += sample.seconds;
    }
    let square: f64 = placed.iter().map(|(time, sample)| time * time * sample.seconds).sum();
    let slope = placed.iter().map(|(time, sample)| time * sample.records).sum::<f64>() / square;
    let off = |(time, sample): &(f64, &Count)| {
        let expected = (mean + slope * time).max(mean / 10.0);
        (sample.rate() - expected).powi(2) * sample.seconds / (dispersion * expected)
    };
    let spread = placed.iter().map(off).sum::<f64>() / (placed.len() - 2) as f64;
    let error = (dispersion * mean / square).sqrt();
    (spread < LACK_OF_FIT).then_some(Line { seconds: total, mean, slope, error })
}
