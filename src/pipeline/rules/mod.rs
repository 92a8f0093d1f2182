//! Business rules in SQL over small batches of records.

mod columns;
mod engine;
mod error;
mod filter;
mod input;
mod json;
mod reading;
mod record;
mod references;
mod result;
mod rule_tests;
mod rulebook;
mod section;
mod shape;
mod source;
mod statement;
mod substitution;
#[cfg(test)]
mod tests;

pub(crate) use columns::{common_type, converted, utc_timestamp};
pub use error::{Place, Position, RuleError};
pub use filter::Filter;
pub(crate) use input::key_text;
pub use json::rows_as_json;
pub use record::{InputRecord, Outcome, OutcomeApart, Rejected, SEQUENCE_COLUMN, SHARD_COLUMN, Verdict};
pub use rule_tests::{TestResult, run_tests};
pub use rulebook::Rulebook;
pub use section::{Expectation, RejectRule, RuleTest};
