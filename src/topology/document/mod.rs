//! A topology file as it was written: TOML or YAML, one tree, every value with its place.

mod deserialize;
mod environment;
mod file;
mod lines;
mod node;
mod path;
mod toml_reader;
mod yaml_reader;

#[cfg(test)]
mod tests;

pub use environment::{Environment, Secrets};
pub use file::{Document, Language};
pub use node::{Entry, Node, Text, Value};
pub use path::{KeyPath, Position, Step};
