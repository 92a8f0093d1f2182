//! What an autoscaler keeps across a restart.

use serde::{Deserialize, Serialize};

/// What was learned and ordered, to be kept by whoever runs the autoscaler.
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
}

impl Memory {
    /// The form that is written now.
    pub const VERSION: u32 = 1;
}
