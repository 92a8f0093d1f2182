//! The stages of a plan, and the handles that join them.

use super::{BuildError, Foundation, Handles, sqs_place, terms};
use crate::{
    pipeline::{
        Context, Stage, Target,
        ingress::{IngressSection, IngressStage},
        queue::{Queue, QueueStage},
        raw::RawStage,
        rules::Filter,
        stream::{Stream, StreamStage},
        warehouse::LoaderStage,
        workers::{WorkersSection, WorkersStage},
    },
    supervisor::BuiltNode,
    topology::{Plan, PlannedNode, Section},
};
use std::{error::Error, sync::Arc};

/// Builds the nodes of a plan, beside those of a topology that runs.
pub struct Wiring<'a> {
    plan: &'a Plan,
    foundation: Foundation<'a>,
    running: &'a Handles,
    handles: Handles,
}

impl<'a> Wiring<'a> {
    /// Opens the streams and queues of the plan that do not run yet.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn open(
        plan: &'a Plan,
        foundation: Foundation<'a>,
        running: &'a Handles,
    ) -> Result<Self, BuildError> {
        let mut wiring = Self { plan, foundation, running, handles: Handles::default() };
        for node in &plan.nodes {
            match &node.section {
                Section::Stream(section) => {
                    let (name, metrics) = (&node.name, wiring.context(node).metrics);
                    let stream = match running.streams.get(name) {
                        Some(stream) => Arc::clone(stream),
                        None => wiring.foundation.directory.topology_stream(name, section, metrics).await?,
                    };
                    wiring.handles.streams.insert(name.clone(), stream);
                }
                Section::Queue(section) => {
                    let name = &node.name;
                    let queue = match running.queues.get(name) {
                        Some(queue) => Arc::clone(queue),
                        None => wiring.foundation.queues.topology_queue(name, section).await?,
                    };
                    wiring.handles.queues.insert(name.clone(), queue);
                }
                _ => {}
            }
        }
        Ok(wiring)
    }

    /// Constructs a node of the plan. Nothing of it runs yet.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn node(&mut self, node: &PlannedNode) -> Result<BuiltNode, BuildError> {
        let stage = self.stage(node)?;
        let metrics = self.context(node).metrics;
        Ok(BuiltNode::new(node.name.as_str().into(), stage, terms(self.plan, node), metrics))
    }

    /// Goes on with a node that runs.
    pub fn keep(&mut self, node: &PlannedNode) {
        self.handles.keep_door_of(&node.name, self.running);
    }

    pub fn into_handles(self) -> Handles {
        self.handles
    }

    fn context(&self, node: &PlannedNode) -> Context {
        Context {
            node: node.name.as_str().into(),
            store: self.foundation.store.clone(),
            metrics: self.foundation.metrics.node(&node.name, node.kind.name()),
            data: self.foundation.data.clone(),
        }
    }

    fn stage(&mut self, node: &PlannedNode) -> Result<Box<dyn Stage>, BuildError> {
        let context = self.context(node);
        Ok(match &node.section {
            Section::Ingress(section) => Box::new(self.ingress(node, context, section)?),
            Section::Stream(_) => Box::new(StreamStage::new(self.stream(node, &node.name)?)),
            Section::Queue(_) => {
                let feed = node.from.as_ref().map(|_| self.feed(node)).transpose()?;
                let queue = self.queue(node, &node.name)?;
                Box::new(QueueStage::new(context, queue, self.dead_letter(node)?, feed))
            }
            Section::Workers(section) => Box::new(self.workers(node, context, section)?),
            Section::Raw(section) => {
                let (stream, filter) = self.feed(node)?;
                let stage = RawStage::new(context, section.clone(), stream, filter);
                Box::new(stage.map_err(|cause| refused(node, cause))?)
            }
            Section::Loader(section) => {
                let (stream, filter) = self.feed(node)?;
                let stage = LoaderStage::new(context, section.clone(), stream, filter);
                Box::new(stage.map_err(|cause| refused(node, cause))?)
            }
        })
    }

    fn ingress(
        &mut self,
        node: &PlannedNode,
        context: Context,
        section: &IngressSection,
    ) -> Result<IngressStage, BuildError> {
        let public = |name: &String| Ok((Plan::public_name(name).to_owned(), self.target(node, name)?));
        let targets = node.to.iter().map(public).collect::<Result<Vec<_>, BuildError>>()?;
        let what = format!("ingress {}", node.name);
        if let Ok(address) = section.listen.parse() {
            self.foundation.settings.permit(&what, address)?;
        }
        let stays = |other: &str| self.plan.node(other).is_some();
        let stage = match self.running.door(&node.name, &section.listen, &self.handles, stays) {
            Some(door) => IngressStage::take_over(door, context, section, targets)?,
            None => IngressStage::bind(context, section, targets)?,
        };
        // A name of a host says only now what it stands for.
        self.foundation.settings.permit(&what, stage.door().address())?;
        self.handles.keep_door(&node.name, &section.listen, &stage);
        Ok(stage)
    }

    fn workers(
        &self,
        node: &PlannedNode,
        context: Context,
        section: &WorkersSection,
    ) -> Result<WorkersStage, BuildError> {
        let queue = self.queue(node, &section.from)?;
        // As planned: the handle of a queue that runs is redefined later.
        let letters = self.plan.node(&section.from).map(|from| self.dead_letter(from)).transpose()?;
        let target = node.to.first().map(|name| self.target(node, name)).transpose()?;
        let mut section = section.clone();
        if section.run.pulls {
            match self.foundation.aws {
                Some(bound) => {
                    sqs_place::tell(&mut section.run.env, &self.foundation.settings.aws, bound, &queue);
                }
                None => tracing::warn!(
                    node = %node.name,
                    "the AWS endpoint is off (--aws), so this program is told of no queue that it could receive from"
                ),
            }
        }
        Ok(WorkersStage::new(context, section, queue, letters.flatten(), target)?)
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
        self.handles.streams.get(name).cloned().ok_or_else(|| unknown(node, name, "stream"))
    }

    fn queue(&self, node: &PlannedNode, name: &str) -> Result<Arc<Queue>, BuildError> {
        self.handles.queues.get(name).cloned().ok_or_else(|| unknown(node, name, "queue"))
    }

    fn target(&self, node: &PlannedNode, name: &str) -> Result<Target, BuildError> {
        let stream = self.handles.streams.get(name).map(|stream| Target::Stream(Arc::clone(stream)));
        let queue = || self.handles.queues.get(name).map(|queue| Target::Queue(Arc::clone(queue)));
        stream.or_else(queue).ok_or_else(|| unknown(node, name, "stream or queue"))
    }
}

fn unknown(node: &PlannedNode, named: &str, wanted: &'static str) -> BuildError {
    BuildError::Unknown { node: node.name.clone(), named: named.to_owned(), wanted }
}

fn refused(node: &PlannedNode, cause: impl Into<Box<dyn Error + Send + Sync>>) -> BuildError {
    BuildError::Stage { kind: node.kind.name(), node: node.name.clone(), cause: cause.into() }
}
