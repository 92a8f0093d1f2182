//! What an autoscaler keeps across a restart.

pub use super::{
    changes::ChangesMemory,
    goal_age::PatienceMemory,
    load::{ArrivalsMemory, LimitMemory, StartsMemory},
    policies::PolicyMemory,
    profile::History,
    quiet::QuietMemory,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A capacity that was ordered longer ago says nothing of now.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// What was learned and ordered, to be kept by whoever runs the autoscaler: a few kilobytes, and some ten
/// more for each predictive policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Of this form; another one is ignored.
    pub version: u32,
    /// Wall clock when it was written, milliseconds since the epoch.
    pub at_ms: i64,
    pub desired: u32,
    /// What the topology said to begin with.
    pub stated: Option<u32>,
    /// Scaling was suspended by hand.
    pub suspended: bool,
    /// Records per second of one worker.
    pub per_worker_per_second: Option<f64>,
    /// Share of its time that a worker with enough to do is busy.
    pub efficiency: f64,
    /// What arrived of late.
    pub arrivals: ArrivalsMemory,
    /// How many workers were busy in the last seconds.
    pub busy_workers: Option<f64>,
    /// What all workers shared and was at its limit.
    pub limit: Option<LimitMemory>,
    /// How long workers take to start, and which do.
    pub starts: StartsMemory,
    /// The latest changes.
    pub changes: ChangesMemory,
    /// What `goal_age` policies wanted of late.
    pub patience: Vec<PatienceMemory>,
    /// What predictive policies know of earlier periods.
    pub histories: Vec<History>,
    /// What the other policies have seen of late, in the topology's order.
    pub policies: Vec<PolicyMemory>,
}

impl Memory {
    /// The form that is written now.
    pub const VERSION: u32 = 1;

    pub(super) fn of(now: Timestamp, desired: u32) -> Self {
        Self { version: Self::VERSION, at_ms: now.as_millisecond(), desired, ..Self::default() }
    }

    /// When it was written, if it says so.
    pub(super) fn written(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.at_ms).ok()
    }

    /// How long ago it was written, if that is a short while.
    pub(super) fn recent(&self, now: Timestamp) -> Option<Duration> {
        let age = now.duration_since(self.written()?);
        // A clock that was set back a little must not make the pool forget.
        (age.abs() <= RECENT).then(|| Duration::try_from(age).unwrap_or_default())
    }
}
