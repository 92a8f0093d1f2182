//! What feeds what: the edges that a topology's fields spell out.

use super::{
    TopologySpec,
    document::{KeyPath, Node, Position},
};
use crate::pipeline::{Kind, Source};
use indexmap::IndexMap;

/// Ending of the stream that a raw store or loader gets when workers or an ingress feed it.
pub const INBOX: &str = ".inbox";

/// Why records pass along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An ingress's `to`.
    Post,
    /// Workers' `to`.
    Output,
    /// `from` a stream.
    Read,
    /// Workers' `from`.
    Work,
    DeadLetter,
}

/// Records pass from one node to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub from: String,
    pub to: String,
    pub role: Role,
    /// The field that says so.
    pub path: KeyPath,
}

/// A node that a file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub kind: Kind,
    pub position: Position,
}

impl Edge {
    /// The name that the field at `path` holds.
    pub fn named(&self) -> &str {
        match self.role {
            Role::Post | Role::Output | Role::DeadLetter => &self.to,
            Role::Read | Role::Work => &self.from,
        }
    }

    /// The node whose field it is.
    pub fn owner(&self) -> &str {
        match self.role {
            Role::Post | Role::Output | Role::DeadLetter => &self.from,
            Role::Read | Role::Work => &self.to,
        }
    }
}

/// Each node that the tree names, whatever else is wrong with it; of two with one name the first.
pub fn named_nodes(tree: &Node) -> IndexMap<String, Named> {
    let mut nodes = IndexMap::new();
    for (kind, name, position) in all_nodes(tree) {
        nodes.entry(name).or_insert(Named { kind, position });
    }
    nodes
}

/// Each node that the tree names, also those that share a name.
pub fn all_nodes(tree: &Node) -> Vec<(Kind, String, Position)> {
    let tables = Kind::ALL.into_iter().filter_map(|kind| {
        let entry = tree.as_table()?.get(kind.name())?;
        Some((kind, entry.node.as_table()?))
    });
    tables
        .flat_map(|(kind, nodes)| nodes.iter().map(move |(name, entry)| (kind, name.clone(), entry.key)))
        .collect()
}

/// All edges that the topology spells out, kind by kind, in the order of the file.
pub fn edges(spec: &TopologySpec) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (name, section) in &spec.ingress {
        let path = KeyPath::of(["ingress", name, "to"]);
        let listed = matches!(section.to, crate::pipeline::ingress::Targets::Many(_));
        for (index, to) in section.to.names().iter().enumerate() {
            let path = if listed { path.item(index) } else { path.clone() };
            edges.push(Edge { from: name.clone(), to: to.clone(), role: Role::Post, path });
        }
    }
    for (name, section) in &spec.queue {
        edges.extend(read("queue", name, section.from.as_ref()));
        if let Some(letter) = &section.dead_letter {
            let path = KeyPath::of(["queue", name, "dead_letter", "queue"]);
            edges.push(Edge { from: name.clone(), to: letter.queue.clone(), role: Role::DeadLetter, path });
        }
    }
    for (name, section) in &spec.workers {
        let path = KeyPath::of(["workers", name]);
        edges.push(Edge {
            from: section.from.clone(),
            to: name.clone(),
            role: Role::Work,
            path: path.field("from"),
        });
        if let Some(to) = &section.to {
            let path = path.field("to");
            edges.push(Edge { from: name.clone(), to: to.clone(), role: Role::Output, path });
        }
    }
    for (name, section) in &spec.raw {
        edges.extend(read("raw", name, section.from.as_ref()));
    }
    for (name, section) in &spec.loader {
        edges.extend(read("loader", name, section.from.as_ref()));
    }
    edges
}

fn read(kind: &str, name: &str, source: Option<&Source>) -> Option<Edge> {
    let path = KeyPath::of([kind, name, "from"]);
    let path = match source? {
        Source::Node(_) => path,
        Source::Filtered(_) => path.field("node"),
    };
    Some(Edge { from: source?.node().to_owned(), to: name.to_owned(), role: Role::Read, path })
}
