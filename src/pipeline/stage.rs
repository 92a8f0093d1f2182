//! What every kind of node can do, and what it tells of itself.

use super::Tasks;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// The kinds of node a topology can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Ingress,
    Stream,
    Queue,
    Workers,
    Raw,
    Loader,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Ingress, Self::Stream, Self::Queue, Self::Workers, Self::Raw, Self::Loader];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Stream => "stream",
            Self::Queue => "queue",
            Self::Workers => "workers",
            Self::Raw => "raw",
            Self::Loader => "loader",
        }
    }
}

/// How many workers a pool should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Capacity(pub u32);

/// Where records that a node read have gone, durably counted:
/// `read = finished + quarantined + filtered` once nothing is in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Tally {
    /// Stored or handed on.
    pub finished: u64,
    pub quarantined: u64,
    /// Left out by a filter or a rule, on purpose.
    pub filtered: u64,
}

/// What a node shows to the supervisor: plain numbers, no decisions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Observation {
    /// Records that wait for this node.
    pub backlog: u64,
    pub in_flight: u64,
    /// Age of the oldest waiting record.
    pub oldest_age: Option<Duration>,
    /// Records that ever came to this node since start.
    pub arrived: u64,
    /// Records that this node ever finished since start.
    pub processed: u64,
    /// Seconds that workers spent working since start, summed over the pool; a batch that is not full counts as
    /// the share that its records would have of a full one.
    pub busy_seconds: f64,
    /// Workers in service now.
    pub in_service: u32,
    /// Workers that have been started and are not in service yet.
    pub pending: u32,
    /// Workers that take nothing new and finish what they hold.
    pub draining: u32,
    /// Most workers that can be useful at once: shards, active message groups. Absent: any number.
    pub limit: Option<u32>,
    /// Durable counts, for nodes that end or hand on records.
    pub tally: Option<Tally>,
    /// Anything else worth showing on `/health`, by name.
    pub detail: BTreeMap<String, serde_json::Value>,
}

/// One node of the topology: its tasks follow the desired capacity.
pub trait Stage: Send + 'static {
    fn kind(&self) -> Kind;
    /// Makes the tasks match the desired capacity; called every tick, so it must be idempotent and
    /// must not block. Start, restart after a failure and scaling are this one call.
    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks);
    fn observe(&mut self, tasks: &Tasks) -> Observation;
    /// Takes no new input and finishes what is held; tasks end by themselves.
    /// `reconcile` is not called any more; `tasks` shows who has not ended.
    fn drain(&mut self, tasks: &mut Tasks);
}
