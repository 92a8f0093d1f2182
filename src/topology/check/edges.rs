//! Whether each field that names a node names one that is there and of the right kind.

use super::{graph::Graph, names};
use crate::{
    pipeline::Kind,
    topology::{
        fault::{Faults, Problem},
        suggestion::closest,
        wiring::{Edge, Role},
    },
};

pub(super) fn check(graph: &Graph, faults: &mut Faults<'_>) {
    for (index, edge) in graph.edges.iter().enumerate() {
        let earlier = graph.edges.iter().take(index);
        if earlier.into_iter().any(|other| same_field(edge, other)) {
            let name = edge.named().to_owned();
            faults.add(&edge.path, &Problem::DuplicateTarget { name });
            continue;
        }
        if let Some(problem) = wrong_name(graph, edge) {
            faults.add(&edge.path, &problem);
        }
    }
}

/// The same node twice in one list.
fn same_field(edge: &Edge, other: &Edge) -> bool {
    edge.role == Role::Post
        && other.role == Role::Post
        && edge.owner() == other.owner()
        && edge.named() == other.named()
}

fn wrong_name(graph: &Graph, edge: &Edge) -> Option<Problem> {
    let (kinds, wanted, remedy) = wanted(edge.role);
    let name = edge.named().to_owned();
    match graph.kind(&name) {
        Some(kind) if kinds.contains(&kind) => (edge.role == Role::DeadLetter)
            .then(|| names::refused(&name).or_else(|| names::refused_queue(&name)))
            .flatten()
            .map(|why| Problem::BadName { name, why }),
        Some(kind) => Some(Problem::WrongKind { name, kind, wanted: remedy }),
        None => {
            let suggestion = suggestion(graph, edge);
            Some(Problem::UnknownTarget { name, wanted, suggestion })
        }
    }
}

/// Whether the edge names a node of a kind that it may lead to.
pub(super) fn is_sound(graph: &Graph, edge: &Edge) -> bool {
    let (kinds, ..) = wanted(edge.role);
    graph.kind(edge.named()).is_some_and(|kind| kinds.contains(&kind)) && !graph.is_ambiguous(edge)
}

/// The node that a wrong name was meant for, if one is like it.
pub(super) fn suggestion(graph: &Graph, edge: &Edge) -> Option<String> {
    let (kinds, ..) = wanted(edge.role);
    closest(edge.named(), graph.named(kinds).filter(|name| *name != edge.owner()))
}

/// The kinds that a field may name; what they are called; the remedy for any other.
fn wanted(role: Role) -> (&'static [Kind], &'static str, &'static str) {
    match role {
        Role::Post | Role::Output => (
            &[Kind::Stream, Kind::Queue, Kind::Raw, Kind::Loader],
            "stream, queue, raw store or loader",
            "name a stream, a queue, a raw store or a loader",
        ),
        Role::Read => {
            (&[Kind::Stream], "stream", "name a stream, or let workers or an ingress feed this node")
        }
        Role::Work => (&[Kind::Queue], "queue", "workers work off a queue; put one between"),
        Role::DeadLetter => (&[Kind::Queue], "queue", "dead letters go to a queue"),
    }
}
