//! What a run has shown, for people and for machines.

mod charts;
mod compare;
mod file;
mod page;
mod seconds;
mod summary;
mod terminal;
#[cfg(test)]
mod tests;

pub use compare::{Comparison, compare};
pub use file::{FileError, json, read};
pub use page::html;
pub use seconds::csv;
pub use summary::summary;
pub use terminal::terminal;
