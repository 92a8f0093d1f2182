//! Sudden rises and falls of the load, found in the trace itself.

use crate::simulation::{PoolModel, run::NEEDED_LOAD, traces::Trace};

/// Seconds that a load is compared with those before it.
const BEFORE: usize = 60;
/// Least factor of a rise, and greatest of a fall, in the workers needed.
const RISE: f64 = 1.5;
const FALL: f64 = 0.7;
/// Least change of a rise or fall, in workers.
const LEAST: f64 = 2.0;
/// Seconds that a rise lasts, to be one; a shorter one is one if its records would fill the goal.
const LASTING: usize = 10;
/// Standard deviations of the minute before by which the first second of a rise shows it beyond doubt.
const PLAIN: f64 = 5.0;
/// Seconds that a load stays low, to be a fall.
const LOW: usize = 120;

/// Workers needed in each second at 80 % load, parts too.
pub(super) fn needs(trace: &Trace, model: &PoolModel) -> Vec<f64> {
    trace.expected.iter().map(|load| model.needed(*load, NEEDED_LOAD)).collect()
}

/// A sudden rise of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rise {
    /// The second with which it begins.
    pub at: usize,
    /// Records of that second.
    pub records: u64,
    /// Whether it lasts for 10 s.
    pub lasts: bool,
}

/// Seconds in which the need is suddenly half as great again as in the minute before, and stays so for 10 s or
/// comes with more records than `min` workers finish within the goal. A rise that the noise hides in its first
/// second is none.
pub(super) fn rises(trace: &Trace, model: &PoolModel, needs: &[f64]) -> Vec<Rise> {
    let flood = f64::from(model.min.max(1)) * model.rate() * model.goal.as_secs_f64();
    let rise = |at: usize| {
        let before = greatest(needs, at - BEFORE, at);
        let least = (before * RISE).max(before + LEAST);
        let lasts = least_of(needs, at, at + LASTING) >= least;
        let records = *trace.arrivals.get(at)?;
        let (noise, level) = (deviation(trace, at), *trace.expected.get(at - 1)?);
        let shows = records as f64 >= level + PLAIN * noise.max(level.sqrt());
        let is_rise = *needs.get(at)? >= least && shows && (lasts || records as f64 >= flood);
        is_rise.then_some(Rise { at, records, lasts })
    };
    (BEFORE..needs.len()).filter_map(rise).collect()
}

/// Seconds in which the need suddenly falls by 30 % or more, and does not rise by a tenth for two minutes.
pub(super) fn falls(needs: &[f64]) -> Vec<usize> {
    let is_fall = |at: &usize| {
        let (Some(before), Some(after)) = (needs.get(at - 1), needs.get(*at)) else { return false };
        let falls = *after <= before * FALL && *after <= before - LEAST;
        falls && at + LOW <= needs.len() && greatest(needs, *at, at + LOW) <= after * 1.1
    };
    (1..needs.len()).filter(is_fall).collect()
}

/// Standard deviation of the arrivals about the load in the minute before a second.
fn deviation(trace: &Trace, at: usize) -> f64 {
    let pairs = trace.arrivals.iter().zip(&trace.expected).take(at).skip(at - BEFORE);
    let square = |(records, load): (&u64, &f64)| (*records as f64 - load).powi(2);
    (pairs.map(square).sum::<f64>() / BEFORE as f64).sqrt()
}

fn greatest(values: &[f64], from: usize, to: usize) -> f64 {
    values.get(from..to.min(values.len())).unwrap_or_default().iter().copied().fold(0.0, f64::max)
}

fn least_of(values: &[f64], from: usize, to: usize) -> f64 {
    let part = values.get(from..to.min(values.len())).unwrap_or_default();
    part.iter().copied().fold(f64::INFINITY, f64::min)
}
