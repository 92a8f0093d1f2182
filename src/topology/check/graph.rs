//! The nodes and edges of a topology that may still have faults.

use crate::{
    pipeline::Kind,
    topology::{
        TopologySpec,
        document::{Document, KeyPath, Position, Step},
        shape::Shaped,
        suggestion::closest,
        wiring::{Edge, Named, Role, all_nodes, edges, named_nodes},
    },
};
use indexmap::IndexMap;

/// What feeds what, as far as it could be read.
pub(super) struct Graph {
    pub nodes: IndexMap<String, Named>,
    pub edges: Vec<Edge>,
    /// Nodes of which a field that names other nodes could not be read.
    uncertain: Vec<(Kind, String)>,
    shared_names: Vec<String>,
}

impl Graph {
    pub(super) fn of(spec: &TopologySpec, shaped: &Shaped, document: &Document) -> Self {
        let edges = edges(spec);
        let mut nodes = named_nodes(&document.root);
        for edge in edges.iter().filter(|edge| edge.role == Role::DeadLetter) {
            // A dead-letter queue need not be defined.
            let implicit = Named { kind: Kind::Queue, position: Position::default() };
            nodes.entry(edge.to.clone()).or_insert(implicit);
        }
        let uncertain = shaped.removed.iter().filter_map(node_with_unread_edge).collect();
        let all = all_nodes(&document.root);
        let shared = |name: &String| all.iter().filter(|(_, other, _)| other == name).count() > 1;
        let shared_names = nodes.keys().filter(|name| shared(name)).cloned().collect();
        Self { nodes, edges, uncertain, shared_names }
    }

    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        self.nodes.get(name).map(|node| node.kind)
    }

    /// Whether two nodes share a name that the edge uses: that was reported, and a way along it means nothing.
    pub(super) fn is_ambiguous(&self, edge: &Edge) -> bool {
        self.shared_names.iter().any(|name| *name == edge.from || *name == edge.to)
    }

    /// Names of nodes of these kinds.
    pub(super) fn named<'a>(&'a self, kinds: &'a [Kind]) -> impl Iterator<Item = &'a str> {
        self.nodes.iter().filter(|(_, node)| kinds.contains(&node.kind)).map(|(name, _)| name.as_str())
    }

    /// Whether an edge that could not be read may lead to this node.
    pub(super) fn may_be_fed(&self, name: &str, kind: Kind) -> bool {
        self.uncertain.iter().any(|(other, node)| {
            node == name
                || matches!(other, Kind::Ingress | Kind::Workers)
                || (*other == Kind::Queue && kind == Kind::Queue)
        })
    }
}

fn node_with_unread_edge(removed: &KeyPath) -> Option<(Kind, String)> {
    let [Step::Field(kind), Step::Field(name), rest @ ..] = removed.steps() else { return None };
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
    let names_nodes = match rest.first() {
        None => true,
        Some(Step::Field(field)) => closest(field, ["from", "to", "dead_letter"]).is_some(),
        Some(Step::Item(_)) => false,
    };
    names_nodes.then(|| (kind, name.clone()))
}
