//! What must hold.

use crate::units::{ByteSize, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// From where it is proven that each accepted record arrived once. Names are nodes or queues of the topology.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofSpec {
    /// Raw nodes: each of them holds every accepted record.
    #[serde(default)]
    pub raw: Vec<String>,
    /// Tables of the warehouse (rows carry `producer` and `number`): each record is in one of them, in
    /// quarantine, in a dead-letter queue, or filtered.
    #[serde(default)]
    pub warehouse: Vec<String>,
    /// Dead-letter queues.
    #[serde(default)]
    pub dead_letter: Vec<String>,
    /// Longest wait for what is still on its way after the last stage. Default 60s.
    #[serde(default)]
    pub within: Option<Span>,
    /// Records of one key must lie in the order they were sent in. Default true.
    #[serde(default = "yes")]
    pub order: bool,
}

fn yes() -> bool {
    true
}

/// What ends the run with exit code 1 when it is passed. What is left out is not asked for, but losses,
/// duplicates and inversions are always none, and unsent records at most one in a thousand.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Latency from the planned send time to the answer that half of the accepted records have at most.
    #[serde(default)]
    pub p50: Option<Span>,
    /// The same of 99 in 100.
    #[serde(default)]
    pub p99: Option<Span>,
    /// The same of 999 in 1,000.
    #[serde(default)]
    pub p999: Option<Span>,
    /// Age of the oldest record that waits, in any node.
    #[serde(default)]
    pub age: Option<Span>,
    /// Share of records refused, 0 to 1.
    #[serde(default)]
    pub refused: Option<f64>,
    /// Share of records that could not be sent in time, 0 to 1. Default 0.001.
    #[serde(default)]
    pub unsent: Option<f64>,
    /// Accepted records that the proof does not find. Default none.
    #[serde(default)]
    pub losses: Option<u64>,
    /// Records that the proof finds more than once in a place. Default none.
    #[serde(default)]
    pub duplicates: Option<u64>,
    /// Records that the proof finds after a later one of their key. Default none.
    #[serde(default)]
    pub inversions: Option<u64>,
    /// Changes of desired capacity in all pools.
    #[serde(default)]
    pub scale_actions: Option<u64>,
    /// What all pools cost: workers in service times seconds.
    #[serde(default)]
    pub worker_seconds: Option<f64>,
    /// Resident memory of the daemon.
    #[serde(default)]
    pub memory: Option<ByteSize>,
    /// How far the daemon's memory may move while a stage does the same all the time, 0 to 1: of the longest
    /// stage, the mean of its third and of its last quarter against that of its second.
    #[serde(default)]
    pub memory_drift: Option<f64>,
    /// From the last planned record until nothing is on its way; needs a proof.
    #[serde(default)]
    pub drain: Option<Span>,
    /// A threshold that is not kept once the run has gone on for this long ends it at once. Without it, the run
    /// goes to its end.
    #[serde(default)]
    pub abort_after: Option<Span>,
}
