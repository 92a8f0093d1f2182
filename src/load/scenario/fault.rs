//! What goes wrong meanwhile.

use crate::units::{ByteSize, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// Something that goes wrong while a stage runs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
        #[serde(default)]
        down: Option<Span>,
    },
    /// A process of a pool of workers is killed.
    WorkerCrash { pool: String },
    /// Nobody takes from a queue or stream for so long: its pool is suspended at no workers.
    ConsumerOutage { pool: String, lasting: Span },
    /// The sink that the load test keeps for `http` workers (`${CAUDAL_LOAD_SINK}` in the topology)
    /// takes this long for each batch.
    SlowSink { delay: Span, lasting: Span },
    /// The same sink answers 503.
    SinkOutage { lasting: Span },
    /// The disk is filled up to so many free bytes: the data folder must be on a small file system of its own.
    DiskFull { free: ByteSize, lasting: Span },
    /// The shard with the most records is split.
    SplitShard { stream: String },
}
