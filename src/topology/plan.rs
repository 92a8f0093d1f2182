//! The checked graph, upstream first, with what the topology leaves to be understood spelled out.

use super::{
    TopologySpec,
    wiring::{INBOX, Role, edges},
};
use crate::pipeline::{
    Kind, Source,
    ingress::IngressSection,
    queue::{DeadLetter, QueueSection},
    raw::RawSection,
    stream::StreamSection,
    warehouse::LoaderSection,
    workers::WorkersSection,
};
use crate::units::Span;
use indexmap::IndexMap;
use std::{net::SocketAddr, time::Duration};

/// How long a dead-letter queue keeps messages that the topology does not define itself: SQS's longest.
const DEAD_LETTERS_KEPT: Span = Span(Duration::from_secs(14 * 86_400));

/// How long an inbox keeps what its owner has read: nobody else can read it.
const INBOX_KEPT: Span = Span(Duration::from_secs(60));

/// What is to be built.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub name: String,
    /// Longest time that a stop may take.
    pub drain_deadline: Duration,
    /// Upstream first; ingress nodes lead.
    pub nodes: Vec<PlannedNode>,
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedNode {
    pub name: String,
    pub kind: Kind,
    pub section: Section,
    /// What it reads: a stream, or the queue that workers work off. The section's own `from` is
    /// absent where an implicit stream stands between.
    pub from: Option<PlannedSource>,
    /// The streams and queues that an ingress or workers write to. A raw store or loader is fed
    /// through its inbox, which stands here in its place.
    pub to: Vec<String>,
    /// Not in the file: an inbox, or a dead-letter queue that the file only names.
    pub implicit: bool,
}

/// What a node reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSource {
    pub node: String,
    /// SQL condition: other records are counted as filtered.
    pub condition: Option<String>,
}

/// What the topology says of a node, by kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Section {
    Ingress(IngressSection),
    Stream(StreamSection),
    Queue(QueueSection),
    Workers(Box<WorkersSection>),
    Raw(RawSection),
    Loader(LoaderSection),
}

impl Section {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ingress(_) => Kind::Ingress,
            Self::Stream(_) => Kind::Stream,
            Self::Queue(_) => Kind::Queue,
            Self::Workers(_) => Kind::Workers,
            Self::Raw(_) => Kind::Raw,
            Self::Loader(_) => Kind::Loader,
        }
    }
}

impl PlannedNode {
    fn new(name: &str, section: Section) -> Self {
        let kind = section.kind();
        Self { name: name.to_owned(), kind, section, from: None, to: Vec::new(), implicit: false }
    }

    fn implicit(name: &str, section: Section) -> Self {
        Self { implicit: true, ..Self::new(name, section) }
    }

    /// Where its messages go that were received too often.
    pub fn dead_letter(&self) -> Option<&DeadLetter> {
        match &self.section {
            Section::Queue(queue) => queue.dead_letter.as_ref(),
            _ => None,
        }
    }
}

impl Plan {
    pub fn node(&self, name: &str) -> Option<&PlannedNode> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Shards of the stream that a node reads.
    pub fn shards_read(&self, node: &PlannedNode) -> u32 {
        let stream = node.from.as_ref().and_then(|from| self.node(&from.node));
        match stream.map(|stream| &stream.section) {
            Some(Section::Stream(section)) => section.shards,
            _ => 1,
        }
    }

    /// Puts an address in the place of what the first ingress says.
    pub fn listen_at(&mut self, address: SocketAddr) {
        let sections = self.nodes.iter_mut().map(|node| &mut node.section);
        let mut ingresses = sections.filter_map(|section| match section {
            Section::Ingress(ingress) => Some(ingress),
            _ => None,
        });
        if let Some(first) = ingresses.next() {
            first.listen = address.to_string();
        }
    }

    /// The name that clients and people know a target by: an inbox goes by its owner's name.
    pub fn public_name(target: &str) -> &str {
        target.strip_suffix(INBOX).unwrap_or(target)
    }

    /// Plans a topology that has passed its checks.
    pub(super) fn of(spec: TopologySpec) -> Self {
        let fed: Vec<_> = edges(&spec).into_iter().filter(|edge| edge.role != Role::Read).collect();
        let ends = |name: &str| spec.raw.contains_key(name) || spec.loader.contains_key(name);
        let inboxes: Vec<String> = fed.iter().map(|edge| &edge.to).filter(|to| ends(to)).cloned().collect();
        let letters = fed.iter().filter(|edge| edge.role == Role::DeadLetter).map(|edge| edge.to.clone());
        let letters: Vec<String> = letters.filter(|queue| !spec.queue.contains_key(queue)).collect();

        let mut nodes = IndexMap::new();
        for node in explicit_nodes(spec.clone(), &inboxes) {
            nodes.insert(node.name.clone(), node);
        }
        for owner in &inboxes {
            let name = format!("{owner}{INBOX}");
            let section = Section::Stream(StreamSection { retention: INBOX_KEPT, ..Default::default() });
            nodes.insert(name.clone(), PlannedNode::implicit(&name, section));
        }
        for name in &letters {
            let leads_here =
                |queue: &QueueSection| queue.dead_letter.as_ref().is_some_and(|letter| &letter.queue == name);
            let fifo = spec.queue.values().any(|queue| queue.fifo && leads_here(queue));
            let section =
                Section::Queue(QueueSection { retention: DEAD_LETTERS_KEPT, fifo, ..Default::default() });
            nodes.insert(name.clone(), PlannedNode::implicit(name, section));
        }
        Self {
            name: spec.topology.name,
            drain_deadline: spec.topology.drain_deadline.0,
            nodes: upstream_first(nodes),
        }
    }
}

fn explicit_nodes(spec: TopologySpec, inboxes: &[String]) -> Vec<PlannedNode> {
    let target = |name: &String| match inboxes.contains(name) {
        true => format!("{name}{INBOX}"),
        false => name.clone(),
    };
    let source = |name: &str, from: Option<&Source>| match from {
        Some(from) => Some(PlannedSource {
            node: from.node().to_owned(),
            condition: from.condition().map(str::to_owned),
        }),
        None if inboxes.iter().any(|owner| owner == name) => {
            Some(PlannedSource { node: format!("{name}{INBOX}"), condition: None })
        }
        None => None,
    };
    let mut nodes = Vec::new();
    for (name, section) in spec.ingress {
        let to = section.to.names().iter().map(target).collect();
        nodes.push(PlannedNode { to, ..PlannedNode::new(&name, Section::Ingress(section)) });
    }
    for (name, section) in spec.stream {
        nodes.push(PlannedNode::new(&name, Section::Stream(section)));
    }
    for (name, section) in spec.queue {
        let from = source(&name, section.from.as_ref());
        nodes.push(PlannedNode { from, ..PlannedNode::new(&name, Section::Queue(section)) });
    }
    for (name, section) in spec.workers {
        let from = Some(PlannedSource { node: section.from.clone(), condition: None });
        let to = section.to.iter().map(target).collect();
        nodes.push(PlannedNode { from, to, ..PlannedNode::new(&name, Section::Workers(Box::new(section))) });
    }
    for (name, section) in spec.raw {
        let from = source(&name, section.from.as_ref());
        nodes.push(PlannedNode { from, ..PlannedNode::new(&name, Section::Raw(section)) });
    }
    for (name, section) in spec.loader {
        let from = source(&name, section.from.as_ref());
        nodes.push(PlannedNode { from, ..PlannedNode::new(&name, Section::Loader(section)) });
    }
    nodes
}

/// Each node after all that feed it; among those that could stand next, the earliest given.
fn upstream_first(mut waiting: IndexMap<String, PlannedNode>) -> Vec<PlannedNode> {
    let mut ordered: Vec<PlannedNode> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let next = waiting.values().position(|node| !waiting.values().any(|other| feeds(other, node)));
        // A graph without cycles always has a next one; the check refused all others.
        let Some((_, node)) = waiting.shift_remove_index(next.unwrap_or_default()) else { break };
        ordered.push(node);
    }
    ordered
}

fn feeds(upstream: &PlannedNode, node: &PlannedNode) -> bool {
    let letters = upstream.dead_letter().is_some_and(|letter| letter.queue == node.name);
    let read = node.from.as_ref().is_some_and(|from| from.node == upstream.name);
    letters || read || upstream.to.contains(&node.name)
}
