//! A file becomes a checked plan, and a plan becomes a running system.

mod build;
mod change;
mod check;
mod document;
mod fault;
mod graph;
mod inventory;
mod left_readers;
mod load;
mod plan;
mod problem;
mod reading;
mod reference;
mod reload;
mod schema;
mod shape;
mod spec;
mod suggestion;
mod wiring;

#[cfg(test)]
mod tests;

pub use build::{BuildError, Built, Foundation, Handles, build};
pub use change::{Changes, Fate, NodeChange, Refusal};
pub use document::{Environment, KeyPath, Language, Position, Step};
pub use fault::{Fault, Faults, Problem};
pub use graph::{mermaid, text};
pub use inventory::record;
pub use left_readers::{LeftReader, forget, left_readers};
pub use load::{load, load_text};
pub use plan::{Plan, PlannedNode, PlannedSource, Section};
pub use reading::{read_file, read_text};
pub use reference::{fields, reference};
pub use reload::{NotPrepared, NotSwitched, Prepared, Running, Switched, refused};
pub use schema::{Definitions, schema};
pub use shape::Shaped;
pub use spec::{TopologySection, TopologySpec};
pub use suggestion::closest;
