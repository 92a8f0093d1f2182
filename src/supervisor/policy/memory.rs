//! What an autoscaler keeps across a restart.

pub use super::profile::History;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A capacity that was ordered longer ago says nothing of now.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// What was learned and ordered, to be kept by whoever runs the autoscaler: some hundred bytes, and
/// some ten kilobytes for each predictive policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Of this form; another one is ignored.
    pub version: u32,
    /// Wall clock when it was written, milliseconds since the epoch.
    pub at_ms: i64,
    pub desired: u32,
    /// Records per second of one worker.
    pub per_worker_per_second: Option<f64>,
    /// Share of its time that a worker with enough to do is busy.
    pub efficiency: f64,
    /// Records per second that arrived.
    pub arrivals_per_second: f64,
    /// From the order of a worker to its service, milliseconds.
    pub start_ms: Option<u64>,
    /// What predictive policies know of earlier periods.
    pub histories: Vec<History>,
}

impl Memory {
    /// The form that is written now.
    pub const VERSION: u32 = 1;

    pub(super) fn of(now: Timestamp, desired: u32) -> Self {
        Self { version: Self::VERSION, at_ms: now.as_millisecond(), desired, ..Self::default() }
    }

    /// It was written a short while ago.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        let Ok(at) = Timestamp::from_millisecond(self.at_ms) else { return false };
        now.duration_since(at).abs() <= RECENT
    }
}
