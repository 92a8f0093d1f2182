//! What goes wrong meanwhile.

use crate::units::{ByteSize, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// Something that goes wrong while a stage runs. All but `split_shard` need a daemon that the load test itself
/// has started.
// Unknown fields are refused by the schema, for serde does not know which fields are the kind's.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Fault {
    /// The stage, by name.
    pub stage: String,
    /// Since the stage began. Default at once.
    #[serde(default)]
    pub after: Option<Span>,
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What goes wrong. All but `split_shard` need a daemon that the load test itself has started.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// `kill -9` of the daemon; it is started again after a while (default at once).
    KillDaemon {
        /// How long it stays down. Default not at all.
        #[serde(default)]
        down: Option<Span>,
    },
    /// A process of a pool of workers is killed.
    WorkerCrash {
        /// The pool, by name.
        pool: String,
    },
    /// Nobody takes from a queue or stream for so long: its pool is suspended at no workers.
    ConsumerOutage {
        /// The pool, by name.
        pool: String,
        /// How long.
        lasting: Span,
    },
    /// The sink that the load test keeps for `http` workers (`${CAUDAL_LOAD_SINK}` in the topology)
    /// takes this long for each batch.
    SlowSink {
        /// For each batch.
        delay: Span,
        /// How long.
        lasting: Span,
    },
    /// The same sink answers 503.
    SinkOutage {
        /// How long.
        lasting: Span,
    },
    /// The disk is filled up to so many free bytes: the data folder must be on a small file system of its own.
    DiskFull {
        /// What is left.
        free: ByteSize,
        /// How long.
        lasting: Span,
    },
    /// The shard with the most records is split, also at a Kinesis endpoint elsewhere: signed as the records are.
    SplitShard {
        /// The stream, by name.
        stream: String,
    },
}

impl Fault {
    /// The same with all its times multiplied, but for the time that a sink takes for a batch.
    #[must_use]
    pub fn shortened(&self, factor: f64) -> Self {
        let shorter = |span: Span| Span(span.0.mul_f64(factor));
        let kind = match self.kind.clone() {
            FaultKind::KillDaemon { down } => FaultKind::KillDaemon { down: down.map(shorter) },
            FaultKind::ConsumerOutage { pool, lasting } => {
                FaultKind::ConsumerOutage { pool, lasting: shorter(lasting) }
            }
            FaultKind::SlowSink { delay, lasting } => {
                FaultKind::SlowSink { delay, lasting: shorter(lasting) }
            }
            FaultKind::SinkOutage { lasting } => FaultKind::SinkOutage { lasting: shorter(lasting) },
            FaultKind::DiskFull { free, lasting } => FaultKind::DiskFull { free, lasting: shorter(lasting) },
            same @ (FaultKind::WorkerCrash { .. } | FaultKind::SplitShard { .. }) => same,
        };
        Self { stage: self.stage.clone(), after: self.after.map(shorter), kind }
    }
}
