//! Loaders: rules, then a table of the warehouse, with the position in the same commit.

mod error;
mod examine;
mod fitting;
mod held;
mod journal;
mod judge;
mod lanes;
mod loader;
mod log_gap;
mod progress;
mod quarantine;
mod section;
mod stage;
mod table;
#[cfg(test)]
mod tests;
mod upkeep;

pub use error::{LoadError, LoaderError};
pub use examine::{examine_table, open_table};
pub use log_gap::missing_commit;
pub use section::{Commit, Compact, LoaderSection};
pub use stage::{LoaderStage, QUARANTINE};
