//! Records as columns: payloads decoded under one shape, with the hidden columns beside them.

use super::{
    InputRecord,
    record::{ARRIVED_AT_COLUMN, KEY_COLUMN, POSITION_COLUMN, SEQUENCE_COLUMN, SHARD_COLUMN},
    references::HIDDEN,
};
use datafusion::arrow::{
    array::{ArrayRef, Int32Array, Int64Array, StringArray, TimestampNanosecondArray, UInt32Array},
    datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
    json::ReaderBuilder,
    record_batch::RecordBatch,
};
use std::sync::Arc;

const NANOSECONDS_IN_MILLISECOND: i64 = 1_000_000;

/// The schema of `input`: a record's fields, then the hidden columns.
pub(super) fn input_schema(columns: &Fields) -> SchemaRef {
    let hidden = [
        Field::new(SHARD_COLUMN, DataType::Int32, false),
        Field::new(SEQUENCE_COLUMN, DataType::Int64, false),
        Field::new(ARRIVED_AT_COLUMN, DataType::Timestamp(TimeUnit::Nanosecond, None), false),
        Field::new(KEY_COLUMN, DataType::Utf8, false),
        Field::new(POSITION_COLUMN, DataType::UInt32, false),
    ];
    let fields = columns.iter().filter(|field| !HIDDEN.contains(&field.name().as_str())).cloned();
    Arc::new(Schema::new(fields.chain(hidden.map(Arc::new)).collect::<Fields>()))
}

/// Decodes the records at `positions`; those that do not decode come back with the reason.
pub(super) fn decode(
    records: &[InputRecord],
    positions: &[u32],
    schema: &SchemaRef,
) -> (Vec<RecordBatch>, Vec<(u32, String)>) {
    let payload_fields: Fields =
        schema.fields().iter().filter(|field| !HIDDEN.contains(&field.name().as_str())).cloned().collect();
    let payload_schema = Arc::new(Schema::new(payload_fields));
    let (mut batches, mut faults) = (Vec::new(), Vec::new());
    let mut open = vec![positions];
    while let Some(part) = open.pop() {
        match (decode_all(records, part, &payload_schema, schema), part) {
            (Ok(batch), _) => batches.push(batch),
            (Err(error), [position]) => {
                faults.push((*position, format!("the record does not decode: {error}")))
            }
            (Err(_), _) => {
                let (left, right) = part.split_at(part.len() / 2);
                open.extend([right, left]);
            }
        }
    }
    (batches, faults)
}

fn decode_all(
    records: &[InputRecord],
    positions: &[u32],
    payload_schema: &SchemaRef,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let given: Vec<&InputRecord> = positions
        .iter()
        .filter_map(|position| records.get(usize::try_from(*position).unwrap_or(usize::MAX)))
        .collect();
    let mut columns = payload_columns(&given, payload_schema)?;
    columns.extend(hidden_columns(&given, positions)?);
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn payload_columns(given: &[&InputRecord], schema: &SchemaRef) -> Result<Vec<ArrayRef>, ArrowError> {
    if schema.fields().is_empty() {
        return Ok(Vec::new());
    }
    let mut decoder = ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(given.len())
        .with_coerce_primitive(true)
        .build_decoder()?;
    for record in given {
        let taken = decoder.decode(&record.payload)?;
        if taken != record.payload.len() || decoder.has_partial_record() {
            return Err(ArrowError::JsonError("it is not one complete object".to_owned()));
        }
    }
    match decoder.flush()? {
        Some(batch) if batch.num_rows() == given.len() => Ok(batch.columns().to_vec()),
        _ => Err(ArrowError::JsonError("it is not one complete object".to_owned())),
    }
}

fn hidden_columns(given: &[&InputRecord], positions: &[u32]) -> Result<[ArrayRef; 5], ArrowError> {
    let shards: Result<Int32Array, _> =
        given.iter().map(|record| i32::try_from(record.shard).map(Some)).collect();
    let sequences: Result<Int64Array, _> =
        given.iter().map(|record| i64::try_from(record.sequence).map(Some)).collect();
    let overflow = |_| ArrowError::JsonError("its shard or sequence is out of range".to_owned());
    let arrived = given.iter().map(|record| record.arrived_at_ms.saturating_mul(NANOSECONDS_IN_MILLISECOND));
    let keys = given.iter().map(|record| Some(key_text(&record.key)));
    Ok([
        Arc::new(shards.map_err(overflow)?),
        Arc::new(sequences.map_err(overflow)?),
        Arc::new(TimestampNanosecondArray::from_iter_values(arrived)),
        Arc::new(keys.collect::<StringArray>()),
        Arc::new(UInt32Array::from_iter_values(positions.iter().copied())),
    ])
}

/// A partition key as text; keys that are no UTF-8 are written as `0x` and hexadecimal digits.
pub(crate) fn key_text(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) => text.to_owned(),
        Err(_) => key.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}
