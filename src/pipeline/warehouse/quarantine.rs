//! Rejected records as rows, with their original bytes.

use crate::pipeline::rules::{InputRecord, SEQUENCE_COLUMN, SHARD_COLUMN, key_text, utc_timestamp};
use datafusion::arrow::{
    array::{ArrayRef, BinaryArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Fields, Schema},
    error::ArrowError,
    record_batch::RecordBatch,
};
use std::sync::Arc;

const MICROSECONDS_IN_MILLISECOND: i64 = 1_000;

/// A rejected record and why.
#[derive(Debug, Clone)]
pub struct Reject {
    pub record: InputRecord,
    pub reason: String,
}

/// The columns of a quarantine table.
fn columns() -> Fields {
    Fields::from(vec![
        Field::new("reason", DataType::Utf8, true),
        Field::new("rule_version", DataType::Utf8, true),
        Field::new("arrived_at", utc_timestamp(), true),
        Field::new("key", DataType::Utf8, true),
        // The original bytes: as text, or in `payload_bytes` when they are no UTF-8.
        Field::new("payload", DataType::Utf8, true),
        Field::new("payload_bytes", DataType::Binary, true),
        Field::new(SHARD_COLUMN, DataType::Int32, true),
        Field::new(SEQUENCE_COLUMN, DataType::Int64, true),
    ])
}

/// Columns of the quarantine that statistics help to find rows by.
pub const STATISTICS: &str = "reason,rule_version,arrived_at,key,_shard,_sequence";
/// Columns whose values are long and seldom alike.
pub const BULKY: [&str; 2] = ["payload", "payload_bytes"];

/// Rejects as rows of a quarantine table.
///
/// # Errors
/// Only when arrow contradicts itself.
pub fn rows(rejects: &[Reject], rule_version: &str) -> Result<RecordBatch, ArrowError> {
    let text = |reject: &Reject| std::str::from_utf8(&reject.record.payload).ok().map(str::to_owned);
    let bytes = |reject: &Reject| match std::str::from_utf8(&reject.record.payload) {
        Ok(_) => None,
        Err(_) => Some(reject.record.payload.to_vec()),
    };
    let arrived =
        rejects.iter().map(|reject| reject.record.arrived_at_ms.saturating_mul(MICROSECONDS_IN_MILLISECOND));
    let columns_of: Vec<ArrayRef> = vec![
        Arc::new(rejects.iter().map(|reject| Some(reject.reason.as_str())).collect::<StringArray>()),
        Arc::new(rejects.iter().map(|_| Some(rule_version)).collect::<StringArray>()),
        Arc::new(TimestampMicrosecondArray::from_iter_values(arrived).with_timezone("UTC")),
        Arc::new(rejects.iter().map(|reject| Some(key_text(&reject.record.key))).collect::<StringArray>()),
        Arc::new(rejects.iter().map(text).collect::<StringArray>()),
        Arc::new(rejects.iter().map(bytes).collect::<BinaryArray>()),
        Arc::new(
            rejects.iter().map(|reject| i32::try_from(reject.record.shard).ok()).collect::<Int32Array>(),
        ),
        Arc::new(
            rejects.iter().map(|reject| i64::try_from(reject.record.sequence).ok()).collect::<Int64Array>(),
        ),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(columns())), columns_of)
}
