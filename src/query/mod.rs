//! SQL over warehouse, quarantine and raw objects, beside a running daemon: it only reads files and takes
//! no lock.

mod answer;
mod ask;
mod lake;
mod lines;
mod raw_table;
mod sampling;
mod statement;
mod tables;
mod trouble;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use ask::ask;
pub use trouble::Trouble;
