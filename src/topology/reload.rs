//! From the topology that runs to another one: built beside, then switched.

#[cfg(test)]
mod tests;

use super::{
    BuildError, Changes, Fate, Foundation, Handles, Plan, Refusal, Section,
    build::{Wiring, terms},
    change::NodeChange,
    document::{Document, Language, Position},
    fault::{Fault, sorted},
};
use crate::{
    pipeline::{
        queue::{Queue, QueueError, QueueSection},
        stream::{Stream, StreamSection},
    },
    supervisor::{Applied, BuiltNode, Change, ControlPlane, NotApplied, Rescaled},
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// What runs: the plan, and what its nodes share.
#[derive(Debug, Clone)]
pub struct Running {
    plan: Plan,
    handles: Handles,
    /// Nodes of which it is not known which of their stages runs.
    uncertain: Vec<String>,
    /// How often each node was defined anew. A node that is on its way to what is wanted knows it by this.
    definitions: BTreeMap<String, u64>,
}

/// Everything that another topology needs, built and not begun. Dropped, it leaves no trace.
pub struct Prepared {
    pub changes: Changes,
    change: Change,
    redefinitions: Vec<Redefinition>,
    next: Running,
}

/// The other topology runs.
#[derive(Debug)]
pub struct Switched {
    pub changes: Changes,
    pub applied: Applied,
    pub running: Running,
}

/// Why another topology is not built.
#[derive(Debug, thiserror::Error)]
pub enum NotPrepared {
    #[error("{} of the changes cannot be made while the topology runs", .0.len())]
    Refused(Vec<Refusal>),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Why a built topology does not run; the one before does.
#[derive(Debug, thiserror::Error)]
pub enum NotSwitched {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    NotApplied(#[from] NotApplied),
}

/// A stream or queue that goes on by another section, and the one it had.
enum Redefinition {
    Stream(Arc<Stream>, StreamSection, StreamSection),
    Queue(Arc<Queue>, QueueSection, QueueSection),
}

impl Running {
    pub fn new(plan: Plan, handles: Handles) -> Self {
        Self { plan, handles, uncertain: Vec::new(), definitions: BTreeMap::new() }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn handles(&self) -> &Handles {
        &self.handles
    }

    /// Builds what another plan needs beside what runs, which is not touched.
    ///
    /// # Errors
    /// [`NotPrepared`]: every change that is refused, or the first part that cannot be built.
    pub async fn prepare(&self, wanted: Plan, foundation: Foundation<'_>) -> Result<Prepared, NotPrepared> {
        let mut changes = Changes::between(&self.plan, &wanted, &self.uncertain);
        if !changes.refusals.is_empty() {
            return Err(NotPrepared::Refused(std::mem::take(&mut changes.refusals)));
        }
        let definitions = self.defined_by(&changes);
        let mut wiring = Wiring::open(&wanted, foundation, &self.handles).await?;
        let (mut added, mut replaced) = (Vec::new(), Vec::new());
        for node in &wanted.nodes {
            match changes.fate(&node.name) {
                Some(Fate::Added) => added.push(wiring.node(node)?),
                Some(Fate::Replaced) => {
                    let definition = definitions.get(&node.name).copied().unwrap_or_default();
                    replaced.push(BuiltNode { definition, ..wiring.node(node)? });
                }
                _ => wiring.keep(node),
            }
        }
        let handles = wiring.into_handles();
        let change = change_to(&wanted, &changes, added, replaced);
        let redefinitions = self.redefinitions(&wanted, &changes);
        let next = Self { plan: wanted, handles, uncertain: Vec::new(), definitions };
        Ok(Prepared { changes, change, redefinitions, next })
    }

    fn defined_by(&self, changes: &Changes) -> BTreeMap<String, u64> {
        let mut definitions = self.definitions.clone();
        for change in changes.of(Fate::Replaced).filter(|change| change.is_defined_anew()) {
            *definitions.entry(change.node.clone()).or_default() += 1;
        }
        definitions
    }

    fn redefinitions(&self, wanted: &Plan, changes: &Changes) -> Vec<Redefinition> {
        let redefinition = |change: &NodeChange| {
            let name = change.node.as_str();
            match (&self.plan.node(name)?.section, &wanted.node(name)?.section) {
                (Section::Stream(before), Section::Stream(after)) => {
                    let stream = Arc::clone(self.handles.streams.get(name)?);
                    Some(Redefinition::Stream(stream, before.clone(), after.clone()))
                }
                (Section::Queue(before), Section::Queue(after)) => {
                    let queue = Arc::clone(self.handles.queues.get(name)?);
                    Some(Redefinition::Queue(queue, before.clone(), after.clone()))
                }
                _ => None,
            }
        };
        changes.redefined().filter_map(redefinition).collect()
    }
}

fn change_to(wanted: &Plan, changes: &Changes, added: Vec<BuiltNode>, replaced: Vec<BuiltNode>) -> Change {
    let rescaled = changes.of(Fate::Rescaled).filter_map(|change| {
        let terms = terms(wanted, wanted.node(&change.node)?);
        Some(Rescaled { name: change.node.as_str().into(), terms })
    });
    Change {
        topology: wanted.name.clone(),
        order: wanted.nodes.iter().map(|node| node.name.as_str().into()).collect(),
        added,
        replaced,
        rescaled: rescaled.collect(),
        removed: changes.of(Fate::Removed).map(|change| change.node.as_str().into()).collect(),
        deadline: wanted.drain_deadline,
    }
}

impl Prepared {
    /// Switches to the new topology.
    ///
    /// # Errors
    /// [`NotSwitched`]: everything runs as before.
    pub async fn switch(self, before: &Running, control: &ControlPlane) -> Result<Switched, NotSwitched> {
        let Self { changes, change, redefinitions, next } = self;
        redefine(&redefinitions).await?;
        let applied = match control.apply(change).await {
            Ok(applied) => applied,
            Err(refused) => {
                undo(&redefinitions).await;
                return Err(refused.into());
            }
        };
        let running = next.settled(before, &applied);
        Ok(Switched { changes, applied, running })
    }
}

/// Redefines all streams and queues, or none.
async fn redefine(redefinitions: &[Redefinition]) -> Result<(), QueueError> {
    for (done, redefinition) in redefinitions.iter().enumerate() {
        if let Err(error) = redefinition.apply().await {
            undo(redefinitions.get(..done).unwrap_or_default()).await;
            return Err(error);
        }
    }
    Ok(())
}

async fn undo(redefinitions: &[Redefinition]) {
    for redefinition in redefinitions {
        if let Err(error) = redefinition.revert().await {
            tracing::warn!(%error, "a queue keeps its new definition although the topology stays");
        }
    }
}

impl Redefinition {
    async fn apply(&self) -> Result<(), QueueError> {
        match self {
            Self::Stream(stream, _, after) => stream.redefine(after),
            Self::Queue(queue, _, after) => queue.redefine(after).await?,
        }
        Ok(())
    }

    async fn revert(&self) -> Result<(), QueueError> {
        match self {
            Self::Stream(stream, before, _) => stream.redefine(before),
            Self::Queue(queue, before, _) => queue.redefine(before).await?,
        }
        Ok(())
    }
}

impl Running {
    /// What runs in truth: a node that was rolled back runs as before, and one whose workers are still
    /// being replaced may be.
    fn settled(mut self, before: &Self, applied: &Applied) -> Self {
        for node in &mut self.plan.nodes {
            let rolled_back = applied.rolled_back.iter().any(|(name, _)| **name == *node.name);
            if let Some(old) = before.plan.node(&node.name).filter(|_| rolled_back) {
                *node = old.clone();
            }
        }
        self.uncertain = applied.refreshing.iter().map(ToString::to_string).collect();
        self
    }
}

/// Refusals as faults of the topology's file, with their lines.
pub fn refused(file: &Path, refusals: &[Refusal]) -> Vec<Fault> {
    let document = std::fs::read_to_string(file).ok().and_then(|text| {
        let language = Language::of(file)?;
        Document::read(file, &text, language, &|name| std::env::var(name).ok()).ok()
    });
    let fault = |refusal: &Refusal| Fault {
        file: file.to_owned(),
        position: document.as_ref().map_or_else(Position::default, |(read, _)| read.locate(&refusal.key)),
        key: refusal.key.clone(),
        rule: "fixed-while-running",
        message: refusal.message.clone(),
    };
    sorted(refusals.iter().map(fault).collect())
}
