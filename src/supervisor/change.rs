//! A change of the running topology, as the supervisor applies it.

use super::{drain::Straggler, node::BuiltNode, terms::NodeTerms};
use std::{fmt, sync::Arc, time::Duration};

/// How a node is handed over from its old stage to its new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Handover {
    /// The new one serves, then the old one drains: no port closes.
    Overlap,
    /// Worker by worker, as an instance refresh; back to the old stage when the new workers fail.
    Rolling,
    /// The old one drains, then the new one starts: two would read the same checkpoint.
    #[default]
    Sequential,
}

/// From the topology that runs to another one. Nodes that are not named stay as they are.
pub struct Change {
    /// Name of the new topology.
    pub topology: String,
    /// All nodes of the new topology, upstream first.
    pub order: Vec<Arc<str>>,
    pub added: Vec<BuiltNode>,
    /// Nodes of the same name that run already.
    pub replaced: Vec<BuiltNode>,
    /// Pools whose terms change, and nothing else; their workers run on.
    pub rescaled: Vec<Rescaled>,
    pub removed: Vec<Arc<str>>,
    /// What drains for longer is cut off, now and when the daemon stops.
    pub deadline: Duration,
}

/// A pool goes on under other terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescaled {
    pub name: Arc<str>,
    pub terms: NodeTerms,
}

impl fmt::Debug for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |nodes: &[BuiltNode]| nodes.iter().map(|node| Arc::clone(&node.name)).collect::<Vec<_>>();
        out.debug_struct("Change")
            .field("topology", &self.topology)
            .field("order", &self.order)
            .field("added", &names(&self.added))
            .field("replaced", &names(&self.replaced))
            .field("rescaled", &self.rescaled)
            .field("removed", &self.removed)
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// What became of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    pub added: Vec<Arc<str>>,
    /// The new stage works, and the old one has ended.
    pub replaced: Vec<Arc<str>>,
    pub rescaled: Vec<Arc<str>>,
    pub removed: Vec<Arc<str>>,
    /// Their workers are still being replaced, or the new ones watched, at the deadline; it goes on.
    pub refreshing: Vec<Arc<str>>,
    /// Back to the old stage, and why.
    pub rolled_back: Vec<(Arc<str>, String)>,
    /// Cut off at the deadline. What they held is still in the log.
    pub stragglers: Vec<Straggler>,
}

/// Why a change was not applied; everything runs as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApplied {
    #[error("the daemon is {0}; wait until it runs")]
    NotRunning(&'static str),
    #[error("another change is being applied; try again when it is done")]
    Busy,
    #[error("node {0} does not run")]
    Unknown(Arc<str>),
    #[error("node {0} runs already")]
    Exists(Arc<str>),
    #[error("the order of the new topology does not name node {0}")]
    Unordered(Arc<str>),
    #[error("the control plane has ended")]
    Gone,
}
