//! The measures of a run, each from the same few series, so that anything can be scored the same way.
//!
//! Ages, workers and backlog are taken each second; an age is the greatest within its second. What is *needed*
//! is what the load of the trace (without its noise) keeps busy for 80 % of the time, within the bounds of the
//! pool and of its sink.
//!
//! A *rise* is a second that needs half as many workers again as any of the minute before, and at least two more;
//! that lasts for 10 s or brings more records than `min` workers finish within the goal; and that shows at once:
//! its records are five standard deviations of the minute before above the load before. A *fall* is a second that
//! needs at most 70 % of the one before it, and at least two workers fewer, and is followed by two minutes that
//! need no more than a tenth above it.

mod episodes;
mod judge;
mod steadiness;
#[cfg(test)]
mod tests;
mod times;

pub(super) use judge::Judge;
pub use judge::Least;

use serde::Serialize;

/// How well a pool was sized. Absent: the trace has no occasion for that measure, or the sizing does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Score {
    /// From a sudden rise of the load to the first new worker in service, seconds; the slowest.
    pub reaction: Option<f64>,
    /// From a sudden rise until the oldest record stays under the goal, seconds; the slowest.
    pub drain: Option<f64>,
    /// Age that the oldest record exceeds for 1 % of the seconds.
    pub p99_age: f64,
    /// Greatest age of the oldest record, seconds.
    pub max_age: f64,
    /// Worker-seconds of all workers: starting, in service, draining.
    pub cost: f64,
    /// Worker-seconds over those of the clairvoyant oracle.
    pub cost_ratio: f64,
    /// Share of the seconds with more than 110 % of the workers needed.
    pub over: f64,
    /// Share of the seconds with less than 95 % of the workers needed.
    pub under: f64,
    /// Changes of what is ordered, per hour.
    pub actions_per_hour: f64,
    /// Changes of direction, per hour.
    pub reversals_per_hour: f64,
    /// From a sudden fall of the load to 110 % of the workers then needed, seconds; the slowest.
    pub idle_tail: Option<f64>,
    /// Cost ratio where a sink takes less than what arrives: workers beyond what it takes do not help.
    pub futile: Option<f64>,
    /// Records handed back by workers that left, over records finished.
    pub lost_to_scale_in: f64,
    /// Greatest change of what is ordered in the minute after a restart, as a share; an order that comes up to 5 s
    /// sooner or later is the same one.
    pub amnesia: Option<f64>,
    /// Reckoned over needed workers while the load is steady: 95th percentile of the error, as a share.
    pub estimator_error: Option<f64>,
}
