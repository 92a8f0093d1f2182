//! Whether records can come to every node, and come to an end.

use super::{
    edges::{is_sound, suggestion},
    graph::Graph,
};
use crate::{
    pipeline::Kind,
    topology::{
        document::KeyPath,
        fault::{Faults, Problem},
        wiring::{Edge, Role},
    },
};

pub(super) fn check(graph: &Graph, faults: &mut Faults<'_>) {
    check_cycles(graph, faults);
    check_double_sources(graph, faults);
    if graph.nodes.values().any(|node| node.kind == Kind::Ingress) {
        check_fed(graph, faults);
    } else {
        faults.add(&KeyPath::default(), &Problem::NoIngress);
    }
}

/// Walks the graph depth first; an edge back onto the way closes a cycle.
fn check_cycles(graph: &Graph, faults: &mut Faults<'_>) {
    let mut walk = Walk { graph, done: Vec::new(), way: Vec::new(), closing: Vec::new() };
    for name in graph.nodes.keys() {
        walk.visit(name);
    }
    for cycle in walk.closing {
        let Some(last) = cycle.last() else { continue };
        let nodes = cycle.iter().map(|edge| edge.from.clone()).chain([last.to.clone()]).collect();
        let problem = match cycle.iter().all(|edge| edge.role == Role::DeadLetter) {
            true => Problem::DeadLetterLoop { queues: nodes },
            false => Problem::Cycle { nodes },
        };
        faults.add(&last.path, &problem);
    }
}

struct Walk<'a> {
    graph: &'a Graph,
    done: Vec<&'a str>,
    way: Vec<&'a Edge>,
    closing: Vec<Vec<&'a Edge>>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, name: &'a str) {
        if self.done.contains(&name) {
            return;
        }
        let onward = self.graph.edges.iter().filter(|edge| edge.from == name);
        for edge in onward.filter(|edge| is_sound(self.graph, edge)) {
            let on_way = self.way.iter().position(|earlier| earlier.from == edge.to);
            if let Some(start) = on_way.or_else(|| (edge.to == name).then_some(self.way.len())) {
                let cycle = self.way.iter().skip(start).copied().chain([edge]).collect();
                self.closing.push(cycle);
                continue;
            }
            self.way.push(edge);
            self.visit(&edge.to);
            self.way.pop();
        }
        self.done.push(name);
    }
}

/// A raw store or loader keeps one position for each shard it reads, so it reads one stream.
fn check_double_sources(graph: &Graph, faults: &mut Faults<'_>) {
    for edge in graph.edges.iter().filter(|edge| edge.role == Role::Read) {
        if !matches!(graph.kind(&edge.to), Some(Kind::Raw | Kind::Loader)) {
            continue;
        }
        let feeding = |other: &&Edge| matches!(other.role, Role::Post | Role::Output) && other.to == edge.to;
        let feeders: Vec<String> =
            graph.edges.iter().filter(feeding).map(|other| format!("{:?}", other.from)).collect();
        if !feeders.is_empty() {
            faults.add(&edge.path, &Problem::TwoSources { from: edge.from.clone(), feeders });
        }
    }
}

fn check_fed(graph: &Graph, faults: &mut Faults<'_>) {
    for (name, node) in &graph.nodes {
        let fed = graph.edges.iter().any(|edge| edge.to == *name || meant_for(graph, edge, name));
        if fed || node.kind == Kind::Ingress || graph.may_be_fed(name, node.kind) {
            continue;
        }
        let remedy = match node.kind {
            Kind::Stream => "name it in the \"to\" of an ingress or of workers, or remove it",
            _ => "give it a \"from\", or name it in the \"to\" of an ingress or of workers",
        };
        let path = KeyPath::of([node.kind.name(), name]);
        faults.add_at(node.position, &path, &Problem::Unfed { kind: node.kind, remedy });
    }
}

/// A misspelt name was reported as such; the node it meant is not unfed for that.
fn meant_for(graph: &Graph, edge: &Edge, name: &str) -> bool {
    matches!(edge.role, Role::Post | Role::Output)
        && graph.kind(&edge.to).is_none()
        && suggestion(graph, edge).as_deref() == Some(name)
}
