//! What becomes of each node when another plan takes the place of the one that runs: a pure comparison.

mod fields;
#[cfg(test)]
mod tests;

use super::{Plan, PlannedNode, Section, document::KeyPath};
use crate::pipeline::Kind;
use fields::{changed_fields, is_definition, is_scaling};
use std::net::SocketAddr;

/// From one plan to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Every node of the new plan in its order, then those that are removed, upstream first.
    pub nodes: Vec<NodeChange>,
    /// Fields of `[topology]` that differ.
    pub topology: Vec<&'static str>,
    /// What cannot be changed while it runs. Unless empty, nothing may be changed.
    pub refusals: Vec<Refusal>,
}

/// What becomes of one node, and because of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeChange {
    pub node: String,
    pub kind: Kind,
    pub fate: Fate,
    /// The fields that differ, and what differs in nodes that it depends on.
    pub fields: Vec<String>,
}

/// What becomes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It runs on, untouched.
    Kept,
    /// Its workers run on under other terms: bounds, policies, restarts, how they are replaced.
    Rescaled,
    /// Its definition changes under those who use it; its tasks run on.
    Redefined,
    /// A new stage takes over from the one that runs.
    Replaced,
    Added,
    Removed,
}

/// What cannot be changed while it runs, and what can be done instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The field of the new topology.
    pub key: KeyPath,
    pub message: String,
}

impl Changes {
    /// Compares two plans. `uncertain` are nodes of which it is not known which of their stages runs:
    /// they are replaced in any case.
    pub fn between(running: &Plan, wanted: &Plan, uncertain: &[String]) -> Self {
        let mut changes = Self { topology: topology_fields(running, wanted), ..Self::default() };
        for node in &wanted.nodes {
            let Some(before) = running.node(&node.name) else {
                changes.nodes.push(NodeChange::new(node, Fate::Added, Vec::new()));
                continue;
            };
            if let Some(refusal) = refusal(before, node) {
                changes.refusals.push(refusal);
                continue;
            }
            let mut fields = changed_fields(before, node);
            fields.extend(neighbours(running, wanted, node));
            let fate = match fate(node.kind, &fields) {
                Fate::Kept | Fate::Rescaled if uncertain.contains(&node.name) => Fate::Replaced,
                fate => fate,
            };
            changes.nodes.push(NodeChange::new(node, fate, fields));
        }
        let gone = running.nodes.iter().filter(|node| wanted.node(&node.name).is_none());
        changes.nodes.extend(gone.map(|node| NodeChange::new(node, Fate::Removed, Vec::new())));
        changes
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        let kept = |node: &NodeChange| node.fate == Fate::Kept;
        self.topology.is_empty() && self.refusals.is_empty() && self.nodes.iter().all(kept)
    }

    pub fn fate(&self, node: &str) -> Option<Fate> {
        self.nodes.iter().find(|change| change.node == node).map(|change| change.fate)
    }

    /// The nodes that fare so.
    pub fn of(&self, fate: Fate) -> impl Iterator<Item = &NodeChange> {
        self.nodes.iter().filter(move |node| node.fate == fate)
    }

    /// Streams and queues that go on by another definition, whether or not their stages are replaced.
    pub fn redefined(&self) -> impl Iterator<Item = &NodeChange> {
        let defines = |node: &&NodeChange| match node.fate {
            Fate::Redefined | Fate::Replaced => is_definition(node.kind),
            Fate::Kept | Fate::Rescaled | Fate::Added | Fate::Removed => false,
        };
        self.nodes.iter().filter(defines)
    }
}

impl NodeChange {
    fn new(node: &PlannedNode, fate: Fate, fields: Vec<String>) -> Self {
        Self { node: node.name.clone(), kind: node.kind, fate, fields }
    }

    /// More than the terms of its tasks differs: its stage was built from another definition.
    pub fn is_defined_anew(&self) -> bool {
        !self.fields.iter().all(|field| is_scaling(field))
    }
}

fn topology_fields(running: &Plan, wanted: &Plan) -> Vec<&'static str> {
    let name = (running.name != wanted.name).then_some("name");
    let deadline = (running.drain_deadline != wanted.drain_deadline).then_some("drain_deadline");
    name.into_iter().chain(deadline).collect()
}

fn fate(kind: Kind, fields: &[String]) -> Fate {
    if fields.is_empty() {
        return Fate::Kept;
    }
    match kind {
        Kind::Stream => Fate::Redefined,
        Kind::Queue if fields.iter().all(|field| fields::is_in_place(field)) => Fate::Redefined,
        _ if fields.iter().all(|field| is_scaling(field)) => Fate::Rescaled,
        Kind::Queue | Kind::Ingress | Kind::Workers | Kind::Raw | Kind::Loader => Fate::Replaced,
    }
}

fn refusal(running: &PlannedNode, wanted: &PlannedNode) -> Option<Refusal> {
    let (old, new) = (running.kind.name(), wanted.kind.name());
    if old != new {
        let key = KeyPath::of([new, &wanted.name]);
        let message = format!(
            "a node of kind {old} runs under this name and cannot become one of kind {new} while it runs; \
             choose another name, or stop the daemon and start it with this topology"
        );
        return Some(Refusal { key, message });
    }
    match (&running.section, &wanted.section) {
        (Section::Stream(before), Section::Stream(after)) if before.shards != after.shards => Some(Refusal {
            key: KeyPath::of(["stream", &wanted.name, "shards"]),
            message: format!(
                "{} is wanted and {} run; the shards of a running stream stay as they are: restore shards = {}, \
                 or choose another stream name",
                after.shards, before.shards, before.shards
            ),
        }),
        (Section::Queue(before), Section::Queue(after)) if before.fifo != after.fifo => Some(Refusal {
            key: KeyPath::of(["queue", &wanted.name, "fifo"]),
            message: format!(
                "a queue keeps the order of its messages all its life or never: restore fifo = {}, or choose \
                 another queue name",
                before.fifo
            ),
        }),
        (Section::Ingress(before), Section::Ingress(after)) if shares_port(&before.listen, &after.listen) => {
            let message = format!(
                "{} cannot be bound beside {}, where it listens now; choose another port, or stop the daemon \
                 and start it with this topology",
                after.listen, before.listen
            );
            Some(Refusal { key: KeyPath::of(["ingress", &wanted.name, "listen"]), message })
        }
        _ => None,
    }
}

/// Two different addresses of which one is all addresses, on one port: they cannot be bound together.
fn shares_port(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (one.parse::<SocketAddr>(), other.parse::<SocketAddr>()) else { return false };
    let all = one.ip().is_unspecified() || other.ip().is_unspecified();
    one != other && all && one.port() == other.port() && one.port() != 0
}

/// What differs in nodes whose sections the stage of `node` is built from beside its own.
fn neighbours(running: &Plan, wanted: &Plan, node: &PlannedNode) -> Vec<String> {
    match &node.section {
        Section::Ingress(_) => {
            let differs = |to: &&String| partition_key(running, to) != partition_key(wanted, to);
            node.to.iter().filter(differs).map(|to| format!("partition_key of {to}")).collect()
        }
        Section::Workers(section) => {
            let letters = |plan: &Plan| {
                let letters = plan.node(&section.from).and_then(PlannedNode::dead_letter);
                letters.map(|letters| letters.queue.clone())
            };
            let differs = running.node(&section.from).is_some() && letters(running) != letters(wanted);
            differs.then(|| format!("dead_letter of {}", section.from)).into_iter().collect()
        }
        Section::Stream(_) | Section::Queue(_) | Section::Raw(_) | Section::Loader(_) => Vec::new(),
    }
}

fn partition_key<'p>(plan: &'p Plan, stream: &str) -> Option<&'p str> {
    match &plan.node(stream)?.section {
        Section::Stream(section) => section.partition_key.as_deref(),
        _ => None,
    }
}
