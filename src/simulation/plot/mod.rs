//! What runs have shown, as pictures: in the terminal and as a page of its own.

pub mod chart;
mod page;
mod shown;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub use page::html;
pub use terminal::terminal;

use super::targets::Target;
use std::collections::BTreeMap;

/// The targets of traces, by the names of these.
pub type Targets = BTreeMap<String, Vec<Target>>;
