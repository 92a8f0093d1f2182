//! Every rule that a topology must obey, beyond the shape of its values. All faults are gathered.

mod edges;
mod flow;
mod graph;
mod life_cycle;
mod names;
mod numbers;
mod order;
mod places;
mod programs;
mod rules;
mod scale;
mod templates;

use super::{TopologySpec, fault::Faults, shape::Shaped};
use graph::Graph;

/// Checks the topology, or what of it could be read.
pub(super) fn check(spec: &TopologySpec, shaped: &Shaped, faults: &mut Faults<'_>) {
    let graph = Graph::of(spec, shaped, faults.document());
    names::check(faults);
    edges::check(&graph, faults);
    flow::check(&graph, faults);
    numbers::check(spec, faults);
    order::check(spec, faults);
    scale::check(spec, faults);
    life_cycle::check(spec, faults);
    places::check(spec, faults);
    programs::check(spec, faults);
    rules::check(spec, faults);
}
