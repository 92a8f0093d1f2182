//! What a run has shown: the JSON that `caudal load` writes and compares. Times are seconds.

#[cfg(test)]
pub mod made;
mod recorder;
mod whole;

pub use recorder::Recorder;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    pub scenario: String,
    pub about: String,
    pub seed: u64,
    /// RFC 3339.
    pub began_at: String,
    pub machine: Machine,
    /// Version of Caudal that drove.
    pub version: String,
    /// Protocol and URL.
    pub target: String,
    pub seconds: f64,
    /// Why it ended before its plan did, such as `interrupted`; nothing when it went to its end.
    #[serde(default)]
    pub cut_short: Option<String>,
    pub totals: Totals,
    pub stages: Vec<StageOutcome>,
    /// From the planned send time to where a record is found, by place: `raw bronze`, `warehouse trips`.
    pub hops: BTreeMap<String, Latency>,
    pub samples: Vec<Sample>,
    pub faults: Vec<FaultOutcome>,
    pub proof: Option<Proof>,
    /// What all pools cost and did; nothing when the target tells no health.
    pub scaling: Option<Scaling>,
    pub verdicts: Vec<Verdict>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Machine {
    pub cores: usize,
    pub memory_bytes: u64,
    /// Such as `Linux 6.1 x86_64`.
    pub system: String,
}

/// Records by what became of them. `planned = sent + unsent`, `sent = accepted + refused + unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    pub planned: u64,
    pub unsent: u64,
    pub sent: u64,
    pub accepted: u64,
    pub refused: u64,
    pub unknown: u64,
    pub requests: u64,
    /// Payload bytes sent.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StageOutcome {
    pub name: String,
    /// Since the run began.
    pub from: f64,
    pub seconds: f64,
    pub totals: Totals,
    pub latency: Latency,
}

/// Latencies of accepted records from their planned send time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    /// Microseconds and how often, ascending: from these, histograms of several runs are joined.
    pub counts: Vec<(u64, u64)>,
}

/// One second of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// End of the second since the run began.
    pub second: f64,
    pub planned: u64,
    pub accepted: u64,
    pub refused: u64,
    pub unsent: u64,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
    /// Latest planned send time that still waits for its turn, as a delay: how far the generator is behind.
    pub behind: f64,
    pub daemon: Option<DaemonSample>,
}

/// What the daemon says of itself at the end of a second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DaemonSample {
    pub memory_bytes: u64,
    /// Processor seconds since it started.
    pub processor_seconds: f64,
    pub nodes: BTreeMap<String, NodeSample>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeSample {
    pub backlog: f64,
    pub oldest_age: f64,
    pub desired: u32,
    pub in_service: u32,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FaultOutcome {
    /// Since the run began.
    pub from: f64,
    pub seconds: f64,
    pub kind: String,
    /// What was done and seen, such as `killed, ready again after 0.21 s`.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Proof {
    pub accepted: u64,
    /// Records found, by place; each once.
    pub places: BTreeMap<String, u64>,
    pub losses: u64,
    pub duplicates: u64,
    pub inversions: u64,
    /// Records without an answer that are stored all the same.
    pub unknown_stored: u64,
    /// Records found that were answered as refused: always a fault.
    pub refused_stored: u64,
    /// The first few of each, in words: `lost: producer 3, number 17 (accepted; not in raw bronze)`.
    pub examples: Vec<String>,
    /// From the last planned record until nothing was on its way.
    pub drain_seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Scaling {
    pub actions: u64,
    pub worker_seconds: f64,
}

/// A threshold and what was measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Verdict {
    pub threshold: String,
    /// With units.
    pub limit: String,
    pub measured: String,
    pub is_met: bool,
    /// It is told, but fails no run.
    #[serde(default)]
    pub is_only_told: bool,
}
