//! The parts of the admin server's pages that a load test looks at.

use crate::pipeline::Tally;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `/health`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Health {
    pub ready: bool,
    /// Milliseconds since the epoch; nothing that is shown is older.
    pub observed_at_ms: i64,
    pub nodes: BTreeMap<String, Node>,
}

/// A node of `/health`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Node {
    /// Such as `stream` or `workers`.
    pub kind: String,
    pub observation: Observation,
    #[serde(default)]
    pub pool: Option<Pool>,
}

/// What a node shows.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Observation {
    pub backlog: u64,
    pub in_flight: u64,
    #[serde(default)]
    pub oldest_age_seconds: Option<f64>,
    #[serde(default)]
    pub in_service: u32,
    #[serde(default)]
    pub draining: u32,
    #[serde(default)]
    pub tally: Option<Tally>,
    #[serde(default)]
    pub detail: BTreeMap<String, serde_json::Value>,
}

/// A pool of `/health`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Pool {
    pub min: u32,
    pub max: u32,
    pub desired: u32,
    pub in_service: u32,
    #[serde(default)]
    pub draining: u32,
    #[serde(default)]
    pub suspended: bool,
}

/// One entry of a pool's history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Activity {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Desired workers before and after.
    pub from: u32,
    pub to: u32,
    /// Such as `policy`, `schedule` or `manual`.
    pub cause: String,
}

impl Node {
    /// Records that have come to the node, and on which it is not done yet. A stream waits for nobody:
    /// what it retains is its readers' backlog.
    pub fn unfinished(&self) -> u64 {
        if self.kind == "stream" {
            return 0;
        }
        let unread = self.observation.detail.get("unread").and_then(serde_json::Value::as_u64).unwrap_or(0);
        self.observation.backlog + self.observation.in_flight + unread
    }
}
