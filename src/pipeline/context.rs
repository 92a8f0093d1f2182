//! What every stage is built with.

use crate::{storage::Store, telemetry::NodeMetrics};
use std::{path::PathBuf, sync::Arc};

/// Handles that a stage needs to do its work.
#[derive(Debug, Clone)]
pub struct Context {
    /// The node's name in the topology; also the name of its reader and checkpoints.
    pub node: Arc<str>,
    pub store: Store,
    pub metrics: NodeMetrics,
    /// The data folder: relative `file://` stores lie below it.
    pub data: PathBuf,
}
