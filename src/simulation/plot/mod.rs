//! What runs have shown, as pictures: in the terminal and as a page of its own.

mod aligned;
pub mod chart;
pub mod document;
mod page;
mod shown;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub use aligned::Table;
pub use page::html;
pub use terminal::terminal;

use super::targets::Target;
use std::collections::BTreeMap;

/// The targets of traces, by the names of these.
pub type Targets = BTreeMap<String, Vec<Target>>;
