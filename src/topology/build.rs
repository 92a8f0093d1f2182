//! A plan becomes wired nodes: streams and queues first, then the stages between them.

mod handles;
mod sqs_place;
mod wiring;

use super::{Plan, PlannedNode, Section};
use crate::{
    pipeline::{
        ingress::IngressError,
        queue::{
            QueueError,
            directory::{QueueDirectory, QueueIdentity},
        },
        stream::{StreamError, directory::Directory},
        workers::WorkersError,
    },
    settings::{Settings, SettingsError},
    storage::{CommitError, Store},
    supervisor::{BuiltNode, NodeTerms},
    telemetry::Metrics,
};
use std::{error::Error, net::SocketAddr, path::PathBuf, sync::Arc};

pub use handles::Handles;
pub(super) use wiring::Wiring;

/// What nodes are built with.
#[derive(Debug, Clone)]
pub struct Foundation<'a> {
    pub store: &'a Store,
    pub metrics: &'a Arc<Metrics>,
    pub settings: &'a Settings,
    /// All streams, those that were made at run time included.
    pub directory: &'a Arc<Directory>,
    /// All queues, likewise.
    pub queues: &'a Arc<QueueDirectory>,
    /// The data folder.
    pub data: PathBuf,
    /// Where the AWS endpoint listens, unless it is off.
    pub aws: Option<SocketAddr>,
}

/// A wired topology that has not begun to run.
pub struct Built {
    /// Upstream first.
    pub nodes: Vec<BuiltNode>,
    /// What they share.
    pub handles: Handles,
}

/// Why a plan cannot be wired.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Queue(QueueError),
    /// The store has a queue of the name that is of the other kind.
    #[error(
        "queue.{name}.fifo: the topology wants a {} queue, but the data folder has a {} queue of this name, made by \
         CreateQueue or by a topology before, and a queue stays what it is for its life; set fifo = {is_fifo}, \
         choose another name, or delete that queue (DeleteQueue of {}, while no topology names it)",
        kind(!.is_fifo), kind(*.is_fifo), QueueIdentity::name_of(.name, *.is_fifo)
    )]
    QueueKind { name: String, is_fifo: bool },
    #[error(transparent)]
    Ingress(#[from] IngressError),
    #[error(transparent)]
    Workers(#[from] WorkersError),
    #[error("{kind} {node}: {cause}")]
    Stage { kind: &'static str, node: String, cause: Box<dyn Error + Send + Sync> },
    #[error("{node} names {named:?}, which is no {wanted}")]
    Unknown { node: String, named: String, wanted: &'static str },
    #[error(transparent)]
    Remote(#[from] SettingsError),
}

fn kind(fifo: bool) -> &'static str {
    if fifo { "FIFO" } else { "standard" }
}

impl From<QueueError> for BuildError {
    fn from(error: QueueError) -> Self {
        match error.cause {
            CommitError::OtherKind { fifo, .. } => Self::QueueKind { name: error.name, is_fifo: fifo },
            _ => Self::Queue(error),
        }
    }
}

impl BuildError {
    /// True when the store failed, and the plan is not to blame.
    pub fn is_of_the_store(&self) -> bool {
        use StreamError::{Commit, Definition, Holes, Version};
        matches!(
            self,
            Self::Stream(Commit { .. } | Definition { .. } | Version { .. } | Holes { .. }) | Self::Queue(_)
        )
    }

    /// True when the machine could not give what the plan asks for, such as a port.
    pub fn is_of_the_machine(&self) -> bool {
        matches!(self, Self::Ingress(IngressError::Bind { .. }))
    }
}

/// Wires the plan: opens its streams and queues and constructs a stage for each node. Nothing runs yet.
///
/// # Errors
/// See [`BuildError`]; the first that is met.
pub async fn build(plan: &Plan, foundation: Foundation<'_>) -> Result<Built, BuildError> {
    let none = Handles::default();
    let mut wiring = Wiring::open(plan, foundation, &none).await?;
    let nodes = plan.nodes.iter().map(|node| wiring.node(node)).collect::<Result<_, _>>()?;
    Ok(Built { nodes, handles: wiring.into_handles() })
}

/// The terms that a node's tasks live by.
pub(super) fn terms(plan: &Plan, node: &PlannedNode) -> NodeTerms {
    let scale = match &node.section {
        Section::Ingress(section) => Some(section.pool_scale()),
        Section::Workers(section) => {
            let scale = Some(section.scale.clone());
            return NodeTerms { scale, refresh: section.refresh.clone(), restart: section.restart.clone() };
        }
        Section::Raw(section) => Some(section.scale.pool_scale(plan.shards_read(node))),
        Section::Loader(section) => Some(section.scale.pool_scale(plan.shards_read(node))),
        Section::Stream(_) | Section::Queue(_) => None,
    };
    scale.into()
}
