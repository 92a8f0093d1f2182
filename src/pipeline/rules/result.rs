//! Result batches of several shapes as one batch, in the order of the records.

use super::{
    columns::{common_fields, converted, plain_field},
    record::{POSITION_COLUMN, REASON_COLUMN, SEQUENCE_COLUMN, SHARD_COLUMN},
};
use datafusion::arrow::{
    array::{ArrayRef, AsArray, BooleanArray, RecordBatchOptions, new_empty_array},
    compute::{concat_batches, filter_record_batch, sort_to_indices, take_record_batch},
    datatypes::{DataType, Field, Fields, Int64Type, Schema, SchemaRef},
    error::ArrowError,
    record_batch::RecordBatch,
};
use std::sync::Arc;

const OWN: [&str; 4] = [SHARD_COLUMN, SEQUENCE_COLUMN, POSITION_COLUMN, REASON_COLUMN];

/// Positions of records with the reason why they are refused.
pub(super) type Faults = Vec<(u32, String)>;

/// A result batch in plain types; rows with a value that none of them holds become faults.
pub(super) fn plain(batch: &RecordBatch, faults: &mut Faults) -> Vec<RecordBatch> {
    let fields: Fields = batch.schema().fields().iter().map(plain_field).collect();
    let mut parts = Vec::new();
    conform(batch, &Arc::new(Schema::new(own_last(&fields))), &mut parts, faults);
    parts
}

/// The rows that meet no reject rule, and the others with their reasons.
///
/// # Errors
/// Only when arrow contradicts itself.
pub(super) fn split(rows: &RecordBatch, reasons: &[String]) -> Result<(RecordBatch, Faults), ArrowError> {
    let met = integers(rows, REASON_COLUMN);
    let refused = integers(rows, POSITION_COLUMN).into_iter().zip(&met).filter_map(|(position, rule)| {
        let reason = reasons.get(usize::try_from((*rule)?).ok()?)?;
        Some((u32::try_from(position?).ok()?, reason.clone()))
    });
    let refused = refused.collect();
    let kept = match met.iter().any(Option::is_some) {
        true => {
            filter_record_batch(rows, &met.iter().map(|rule| Some(rule.is_none())).collect::<BooleanArray>())?
        }
        false => rows.clone(),
    };
    Ok((without(&kept, REASON_COLUMN)?, refused))
}

/// Joins plain batches in the order of their records, under the columns `names` at least. Rows that
/// cannot lie in one column with the others become faults.
///
/// # Errors
/// Only when arrow contradicts itself.
pub(super) fn joined(
    names: &[String],
    batches: &[RecordBatch],
    faults: &mut Faults,
) -> Result<RecordBatch, ArrowError> {
    let mut fields: Fields = names.iter().map(|name| Field::new(name, DataType::Null, true)).collect();
    let mut fitting = Vec::with_capacity(batches.len());
    for batch in batches {
        if let Some(common) = common_fields(&fields, batch.schema().fields()) {
            fields = common;
            fitting.push(batch);
        } else {
            let reason = "a result column is an object here but not in other records; cast it to one type";
            let positions = integers(batch, POSITION_COLUMN).into_iter();
            let positions = positions.filter_map(|position| u32::try_from(position?).ok());
            faults.extend(positions.map(|position| (position, reason.to_owned())));
        }
    }
    let schema = Arc::new(Schema::new(own_last(&fields)));
    let mut parts = Vec::with_capacity(fitting.len());
    for batch in fitting {
        conform(batch, &schema, &mut parts, faults);
    }
    in_order(&concat_batches(&schema, &parts)?)
}

/// The rows without the column of their positions.
///
/// # Errors
/// Only when arrow contradicts itself.
pub(super) fn without_positions(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    without(rows, POSITION_COLUMN)
}

fn without(rows: &RecordBatch, name: &str) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let shown = schema.fields().iter().enumerate().filter(|(_, field)| field.name() != name);
    rows.project(&shown.map(|(index, _)| index).collect::<Vec<_>>())
}

/// Where a record came from, and the columns of work, stand after the result columns.
fn own_last(fields: &Fields) -> Fields {
    let (own, mut ordered): (Vec<_>, Vec<_>) =
        fields.iter().cloned().partition(|field| OWN.contains(&field.name().as_str()));
    let place = |name: &str| OWN.iter().position(|own| *own == name);
    let mut own = own;
    if own.is_empty() {
        own.push(Arc::new(Field::new(SHARD_COLUMN, DataType::Int32, true)));
        own.push(Arc::new(Field::new(SEQUENCE_COLUMN, DataType::Int64, true)));
    }
    own.sort_by_key(|field| place(field.name()));
    ordered.extend(own);
    ordered.into()
}

/// Converts a batch to the schema; halves it when that fails, until the guilty rows are alone.
fn conform(batch: &RecordBatch, schema: &SchemaRef, parts: &mut Vec<RecordBatch>, faults: &mut Faults) {
    let mut open = vec![batch.clone()];
    while let Some(part) = open.pop() {
        match conformed(&part, schema) {
            Ok(part) => parts.push(part),
            Err(error) if part.num_rows() <= 1 => {
                let position = integers(&part, POSITION_COLUMN).first().copied().flatten();
                let position = position.and_then(|position| u32::try_from(position).ok());
                faults.extend(position.map(|position| (position, error.to_string())));
            }
            Err(_) => {
                let half = part.num_rows() / 2;
                open.push(part.slice(half, part.num_rows() - half));
                open.push(part.slice(0, half));
            }
        }
    }
}

fn conformed(part: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| match part.column_by_name(field.name()) {
        Some(column) => converted(column, field.data_type())
            .map_err(|error| ArrowError::CastError(format!("column {}: {error}", field.name()))),
        None => converted(&null_column(part.num_rows()), field.data_type()),
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(part.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

fn null_column(rows: usize) -> ArrayRef {
    Arc::new(datafusion::arrow::array::NullArray::new(rows))
}

fn in_order(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if integers(rows, POSITION_COLUMN).is_sorted() {
        return Ok(rows.clone());
    }
    let empty = new_empty_array(&DataType::Int64);
    let positions = rows.column_by_name(POSITION_COLUMN).unwrap_or(&empty);
    take_record_batch(rows, &sort_to_indices(positions, None, None)?)
}

/// A column of Caudal's own as numbers; nulls when there is no such column.
fn integers(rows: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = rows.column_by_name(name).and_then(|column| converted(column, &DataType::Int64).ok());
    match column.as_ref().and_then(|column| column.as_primitive_opt::<Int64Type>()) {
        Some(column) => column.iter().collect(),
        None => vec![None; rows.num_rows()],
    }
}
