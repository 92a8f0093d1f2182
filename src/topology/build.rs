//! A plan becomes wired nodes: streams and queues first, then the stages between them.

use super::{Plan, PlannedNode, Section};
use crate::{
    pipeline::{
        Context, Scale, Stage, Target,
        ingress::{IngressError, IngressSection, IngressStage},
        queue::{Queue, QueueError, QueueStage},
        raw::RawStage,
        rules::Filter,
        stream::{Stream, StreamError, StreamStage},
        warehouse::LoaderStage,
        workers::{WorkersError, WorkersSection, WorkersStage},
    },
    settings::{Settings, SettingsError},
    storage::Store,
    supervisor::BuiltNode,
    telemetry::Metrics,
};
use std::{collections::BTreeMap, error::Error, net::SocketAddr, path::PathBuf, sync::Arc};

/// What nodes are built with.
#[derive(Debug, Clone)]
pub struct Foundation<'a> {
    pub store: &'a Store,
    pub metrics: &'a Arc<Metrics>,
    pub settings: &'a Settings,
    /// The data folder.
    pub data: PathBuf,
    /// Takes the place of the first ingress's `listen`.
    pub ingress: Option<SocketAddr>,
}

/// A wired topology that has not begun to run.
pub struct Built {
    /// Upstream first.
    pub nodes: Vec<BuiltNode>,
    /// Where each ingress listens, by node.
    pub listening: Vec<(String, SocketAddr)>,
    /// The streams by name, for whoever asks about their readers.
    pub streams: BTreeMap<String, Arc<Stream>>,
}

/// Why a plan cannot be wired.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Queue(#[from] QueueError),
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

impl BuildError {
    /// True when the store failed, and the plan is not to blame.
    pub fn is_of_the_store(&self) -> bool {
        use StreamError::{Commit, Definition};
        matches!(self, Self::Stream(Commit { .. } | Definition { .. }) | Self::Queue(_))
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
    let mut wiring = Wiring::open(plan, foundation).await?;
    let mut nodes = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let (stage, scale) = wiring.stage(node)?;
        let metrics = wiring.context(node).metrics;
        let mut built = BuiltNode::new(node.name.as_str().into(), stage, scale, metrics);
        if let Section::Workers(section) = &node.section {
            built.refresh = section.refresh.clone();
        }
        nodes.push(built);
    }
    Ok(Built { nodes, listening: wiring.listening, streams: wiring.streams })
}

struct Wiring<'a> {
    foundation: Foundation<'a>,
    streams: BTreeMap<String, Arc<Stream>>,
    queues: BTreeMap<String, Arc<Queue>>,
    listening: Vec<(String, SocketAddr)>,
}

type Wired = (Box<dyn Stage>, Option<Scale>);

fn fixed(stage: impl Stage) -> Wired {
    (Box::new(stage), None)
}

impl<'a> Wiring<'a> {
    async fn open(plan: &Plan, foundation: Foundation<'a>) -> Result<Self, BuildError> {
        let (streams, queues, listening) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut wiring = Self { foundation, streams, queues, listening };
        for node in &plan.nodes {
            let (name, store) = (node.name.as_str(), wiring.foundation.store.clone());
            if let Section::Stream(section) = &node.section {
                let metrics = wiring.context(node).metrics;
                let stream = Stream::open(name, section, store, metrics).await?;
                wiring.streams.insert(name.to_owned(), stream);
            } else if let Section::Queue(section) = &node.section {
                wiring.queues.insert(name.to_owned(), Queue::open(name, section, store).await?);
            }
        }
        Ok(wiring)
    }

    fn context(&self, node: &PlannedNode) -> Context {
        Context {
            node: node.name.as_str().into(),
            store: self.foundation.store.clone(),
            metrics: self.foundation.metrics.node(&node.name, node.kind.name()),
            data: self.foundation.data.clone(),
        }
    }

    fn stage(&mut self, node: &PlannedNode) -> Result<Wired, BuildError> {
        let context = self.context(node);
        match &node.section {
            Section::Ingress(section) => self.ingress(node, context, section),
            Section::Stream(_) => Ok(fixed(StreamStage::new(self.stream(node, &node.name)?))),
            Section::Queue(_) => {
                let feed = node.from.as_ref().map(|_| self.feed(node)).transpose()?;
                let queue = self.queue(node, &node.name)?;
                Ok(fixed(QueueStage::new(context, queue, self.dead_letter(node)?, feed)))
            }
            Section::Workers(section) => self.workers(node, context, section),
            Section::Raw(section) => {
                let (stream, filter) = self.feed(node)?;
                let stage = RawStage::new(context, section.clone(), stream, filter);
                Ok(fixed(stage.map_err(|cause| refused(node, cause))?))
            }
            Section::Loader(section) => {
                let (stream, filter) = self.feed(node)?;
                let stage = LoaderStage::new(context, section.clone(), stream, filter);
                Ok(fixed(stage.map_err(|cause| refused(node, cause))?))
            }
        }
    }

    fn ingress(
        &mut self,
        node: &PlannedNode,
        context: Context,
        section: &IngressSection,
    ) -> Result<Wired, BuildError> {
        let public = |name: &String| Ok((Plan::public_name(name).to_owned(), self.target(node, name)?));
        let targets = node.to.iter().map(public).collect::<Result<Vec<_>, BuildError>>()?;
        let instead = self.foundation.ingress.take().map(|address| address.to_string());
        let listen = instead.unwrap_or_else(|| section.listen.clone());
        let section = &IngressSection { listen, ..section.clone() };
        let (stage, address) = IngressStage::bind(context, section, targets)?;
        self.foundation.settings.permit(&format!("ingress {}", node.name), address)?;
        self.listening.push((node.name.clone(), address));
        Ok((Box::new(stage), Some(section.pool_scale())))
    }

    fn workers(
        &self,
        node: &PlannedNode,
        context: Context,
        section: &WorkersSection,
    ) -> Result<Wired, BuildError> {
        let queue = self.queue(node, &section.from)?;
        let queue_section = queue.section();
        let letters = queue_section.dead_letter.as_ref();
        let letters = letters.map(|letters| self.queue(node, &letters.queue)).transpose()?;
        let target = node.to.first().map(|name| self.target(node, name)).transpose()?;
        let stage = WorkersStage::new(context, section.clone(), queue, letters, target)?;
        Ok((Box::new(stage), Some(section.scale.clone())))
    }

    /// The stream that a node reads, and which of its records.
    fn feed(&self, node: &PlannedNode) -> Result<(Arc<Stream>, Option<Filter>), BuildError> {
        let Some(from) = &node.from else {
            return Err(unknown(node, "", "stream"));
        };
        let filter = from.condition.as_deref().map(Filter::compile).transpose();
        Ok((self.stream(node, &from.node)?, filter.map_err(|cause| refused(node, cause))?))
    }

    fn dead_letter(&self, node: &PlannedNode) -> Result<Option<Arc<Queue>>, BuildError> {
        node.dead_letter().map(|letters| self.queue(node, &letters.queue)).transpose()
    }

    fn stream(&self, node: &PlannedNode, name: &str) -> Result<Arc<Stream>, BuildError> {
        self.streams.get(name).cloned().ok_or_else(|| unknown(node, name, "stream"))
    }

    fn queue(&self, node: &PlannedNode, name: &str) -> Result<Arc<Queue>, BuildError> {
        self.queues.get(name).cloned().ok_or_else(|| unknown(node, name, "queue"))
    }

    fn target(&self, node: &PlannedNode, name: &str) -> Result<Target, BuildError> {
        let stream = self.streams.get(name).map(|stream| Target::Stream(Arc::clone(stream)));
        let queue = || self.queues.get(name).map(|queue| Target::Queue(Arc::clone(queue)));
        stream.or_else(queue).ok_or_else(|| unknown(node, name, "stream or queue"))
    }
}

fn unknown(node: &PlannedNode, named: &str, wanted: &'static str) -> BuildError {
    BuildError::Unknown { node: node.name.clone(), named: named.to_owned(), wanted }
}

fn refused(node: &PlannedNode, cause: impl Into<Box<dyn Error + Send + Sync>>) -> BuildError {
    BuildError::Stage { kind: node.kind.name(), node: node.name.clone(), cause: cause.into() }
}
