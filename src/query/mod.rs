//! SQL over warehouse, quarantine and raw objects, beside a running daemon: it only reads files and takes
//! no lock.

mod answer;
mod ask;
mod commits;
mod lake;
mod lines;
mod objects;
mod raw_table;
mod rows;
mod sampling;
mod statement;
mod tables;
mod trouble;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use ask::ask;
pub use commits::{Commits, commits};
pub use objects::{RangedObject, objects_in_order};
pub use rows::{Rows, rows};
pub use trouble::Trouble;
