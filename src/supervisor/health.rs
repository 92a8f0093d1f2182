//! What the supervisor shows of the system, as one snapshot a second.

use super::{activity::Activities, policy::Learned, refresh::RefreshReport};
use crate::pipeline::{Kind, Observation, ScaleMode, Tally, WorkerReport};
use indexmap::IndexMap;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// What a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    Starting,
    Running,
    /// A task failed and rests before it starts again; the others run.
    Degraded,
    /// It failed too often and starts no task until it has rested.
    Failed,
    Draining,
    Drained,
}

/// What the daemon is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    #[default]
    Starting,
    Running,
    Draining,
    Drained,
}

/// The state of the whole, at one moment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Health {
    pub topology: String,
    pub phase: Phase,
    /// Every node has come up and none is draining.
    pub ready: bool,
    pub started_at_ms: i64,
    /// When the nodes were asked for what is shown of them: nothing of it is older. 0 before they were.
    pub observed_at_ms: i64,
    /// In flow order.
    pub nodes: IndexMap<String, NodeHealth>,
    /// What has a page of its own, by pool.
    #[serde(skip)]
    pub pools: BTreeMap<String, PoolPages>,
}

/// What is shown of a pool on pages of their own.
#[derive(Debug, Clone, Default)]
pub struct PoolPages {
    pub activities: Activities,
    pub workers: Arc<[WorkerReport]>,
    /// Oldest first.
    pub refreshes: Vec<RefreshReport>,
}

impl Health {
    pub fn has_failed_node(&self) -> bool {
        self.nodes.values().any(|node| node.state == NodeState::Failed)
    }
}

/// One node's part of [`Health`].
#[derive(Debug, Clone, Serialize)]
pub struct NodeHealth {
    pub kind: Kind,
    pub state: NodeState,
    pub observation: Observed,
    /// Tasks that have not ended.
    pub tasks: Vec<String>,
    /// Tasks started again after a failure.
    pub restarts: u64,
    pub last_error: Option<String>,
    pub pool: Option<PoolHealth>,
}

/// An [`Observation`] in plain numbers.
#[derive(Debug, Clone, Serialize)]
pub struct Observed {
    pub backlog: u64,
    pub in_flight: u64,
    pub oldest_age_seconds: Option<f64>,
    pub arrived: u64,
    pub processed: u64,
    pub busy_seconds: f64,
    pub in_service: u32,
    pub pending: u32,
    pub draining: u32,
    /// Most workers that can be useful at once.
    pub limit: Option<u32>,
    pub tally: Option<Tally>,
    pub detail: BTreeMap<String, serde_json::Value>,
}

impl From<Observation> for Observed {
    fn from(seen: Observation) -> Self {
        Self {
            backlog: seen.backlog,
            in_flight: seen.in_flight,
            oldest_age_seconds: seen.oldest_age.map(|age| age.as_secs_f64()),
            arrived: seen.arrived,
            processed: seen.processed,
            busy_seconds: seen.busy_seconds,
            in_service: seen.in_service,
            pending: seen.pending,
            draining: seen.draining,
            limit: seen.limit,
            tally: seen.tally,
            detail: seen.detail,
        }
    }
}

/// A pool: its bounds, what was ordered, what runs, and what the policy has learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PoolHealth {
    /// The bounds in force: those of the topology, or of a schedule.
    pub min: u32,
    pub max: u32,
    pub goal_age_seconds: f64,
    pub mode: ScaleMode,
    /// Policies decide nothing until resumed.
    pub suspended: bool,
    pub desired: u32,
    pub in_service: u32,
    pub pending: u32,
    pub draining: u32,
    /// Busy, and so kept from scale-in.
    pub protected: u32,
    #[serde(flatten)]
    pub learned: Learned,
}
