//! Whether one sizing is better than another on the same trace.
//!
//! The question is cost *at equal or better age*: records that are let lie are always cheap. Ages are equal when
//! both sizings keep the age targets of the trace (p99 and greatest), for that is what was asked of them.

use super::{
    Score,
    targets::{Measure, Target},
};

/// How the first sizing does against the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not dearer, and neither p99 nor greatest age is worse.
    Better,
    /// Not dearer, and it keeps the age targets; the other keeps them too, with lower ages.
    Cheaper,
    /// It keeps the age targets, which the other misses: what that saves is no saving at equal age.
    InTime,
    /// Dearer, both miss the age targets, and neither its p99 nor its greatest age is worse than the other's.
    Younger,
    /// None of these: the other is cheaper at equal or better age, or in time where it is not.
    Worse,
}

impl Verdict {
    /// In a table.
    pub fn text(self) -> &'static str {
        match self {
            Self::Better => "cheaper and younger",
            Self::Cheaper => "cheaper, both in time",
            Self::InTime => "in time, the other late",
            Self::Younger => "younger, both late",
            Self::Worse => "WORSE",
        }
    }
}

/// Compares two scores of one trace, given its targets.
pub fn compare(own: &Score, other: &Score, targets: &[Target]) -> Verdict {
    let ages = || targets.iter().filter(|target| matches!(target.measure, Measure::P99Age | Measure::MaxAge));
    let keeps = |score: &Score| ages().all(|target| target.is_met(score));
    let is_cheaper = own.cost <= other.cost;
    let is_younger = own.max_age <= other.max_age && own.p99_age <= other.p99_age;
    match (is_cheaper, keeps(own), keeps(other)) {
        (true, _, _) if is_younger => Verdict::Better,
        (_, true, false) => Verdict::InTime,
        (true, true, true) => Verdict::Cheaper,
        (false, false, false) if is_younger => Verdict::Younger,
        _ => Verdict::Worse,
    }
}
