//! Records given to rules, and what becomes of them.

use bytes::Bytes;
use datafusion::arrow::record_batch::RecordBatch;

/// Result columns that the rules add by themselves, always last: where the record came from.
pub const SHARD_COLUMN: &str = "_shard";
/// See [`SHARD_COLUMN`].
pub const SEQUENCE_COLUMN: &str = "_sequence";
/// Columns that SQL may use although no record has them.
pub(super) const ARRIVED_AT_COLUMN: &str = "_arrived_at";
pub(super) const KEY_COLUMN: &str = "_key";
/// A record's index among those given.
pub(super) const POSITION_COLUMN: &str = "_caudal_position";
/// The index of the first reject rule that a row meets.
pub(super) const REASON_COLUMN: &str = "_caudal_reason";

/// A record as it is given to rules.
#[derive(Debug, Clone)]
pub struct InputRecord {
    pub shard: u32,
    pub sequence: u64,
    pub arrived_at_ms: i64,
    pub key: Bytes,
    /// A JSON object; anything else is rejected.
    pub payload: Bytes,
}

/// What became of a batch of records: each is a row, rejected, or filtered.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// One row for each record that passed, in the order given, with the trailing columns
    /// `_shard: Int32` and `_sequence: Int64`. Columns of type Null have no known type yet.
    pub rows: RecordBatch,
    /// In the order given.
    pub rejected: Vec<Rejected>,
    /// Number of records that `where` left out.
    pub filtered: usize,
}

/// An [`Outcome`] whose rows are kept apart by the types of their columns, in no particular order.
#[derive(Debug, Clone)]
pub struct OutcomeApart {
    pub rows: Vec<RecordBatch>,
    /// In the order given.
    pub rejected: Vec<Rejected>,
    pub filtered: usize,
}

/// A record that goes to quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Index among the given records.
    pub index: usize,
    pub reason: String,
}

/// What a filter says of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    /// The condition is false or null.
    Drop,
    /// The condition cannot be judged, with the reason.
    Fault(String),
}
