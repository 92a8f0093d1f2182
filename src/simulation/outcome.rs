//! What a run has shown.

use super::Score;
use serde::Serialize;

/// One second of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// End of the second, counted from the start of the run.
    pub second: f64,
    pub arrivals_per_second: f64,
    /// Workers ordered at the end of the second.
    pub desired: u32,
    /// Workers that take records at the end of the second.
    pub in_service: u32,
    /// Records that wait at the end of the second.
    pub backlog: f64,
    /// Greatest age within the second of the oldest record not finished, seconds.
    pub oldest_age: f64,
    /// Workers that the arrivals keep busy for 80 % of their time, whole.
    pub needed: u32,
}

/// A change of what is ordered: second, from, to, and the reason where one was given.
pub type Change = (f64, u32, u32, String);

/// One sizing on one trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    pub sizing: String,
    pub trace: String,
    /// The oldest record should stay younger than this, seconds.
    pub goal: f64,
    pub samples: Vec<Sample>,
    pub score: Score,
    pub decisions: Vec<Change>,
}
