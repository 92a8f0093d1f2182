//! Rows made to fit a table: new columns are added, values take the table's types, and a value
//! that would change on the way refuses its row.

use crate::pipeline::rules::{SEQUENCE_COLUMN, SHARD_COLUMN, common_type, converted};
use datafusion::arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::{DataType, Field, FieldRef, Fields, Schema},
    error::ArrowError,
    record_batch::RecordBatch,
    util::display::{ArrayFormatter, FormatOptions},
};
use std::{collections::BTreeMap, sync::Arc};

/// Characters that Parquet and other engines refuse in names of columns.
const REFUSED_IN_NAMES: &str = " ,;{}()\n\t=";
/// Longest value shown in a reason.
const LONGEST_VALUE: usize = 80;

/// Rows that fit, and the others by row with the reason.
#[derive(Debug)]
pub struct Fitted {
    pub rows: RecordBatch,
    pub misfits: BTreeMap<usize, String>,
}

/// A name that a table may have for a column.
pub fn column_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if REFUSED_IN_NAMES.contains(c) { '_' } else { c }).collect();
    if plain.is_empty() { "_".to_owned() } else { plain }
}

/// The columns of the table after these rows: the table's own first and unchanged, save that objects
/// may get more fields. Columns whose values are all null so far have no type and wait for one.
pub fn widened(table: &Fields, rows: &Fields) -> Fields {
    let mut columns: Vec<FieldRef> = table.iter().cloned().collect();
    for field in rows {
        let name = column_name(field.name());
        let Some(known) = typed(field.data_type()) else { continue };
        match columns.iter_mut().find(|column| column.name().eq_ignore_ascii_case(&name)) {
            Some(column) => {
                let data_type = with_new_fields(column.data_type(), &known);
                *column = Arc::new(Field::new(column.name(), data_type, true));
            }
            None => columns.push(Arc::new(Field::new(name, known, true))),
        }
    }
    columns.into()
}

/// The columns of several batches together; where types cannot be joined, the first stays.
pub fn gathered<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> Fields {
    let mut columns: Vec<FieldRef> = Vec::new();
    for batch in batches {
        for field in batch.schema().fields() {
            match columns.iter_mut().find(|column| column.name() == field.name()) {
                Some(column) => {
                    if let Some(common) = common_type(column.data_type(), field.data_type()) {
                        *column = Arc::new(Field::new(field.name(), common, true));
                    }
                }
                None => columns.push(Arc::clone(field)),
            }
        }
    }
    // Where a record came from stands last, also when a later batch brought more columns.
    columns.sort_by_key(|column| [SHARD_COLUMN, SEQUENCE_COLUMN].iter().position(|own| own == column.name()));
    columns.into()
}

/// The part of a type that is known; none when no value has been seen.
fn typed(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Null => None,
        DataType::Struct(fields) => {
            let known: Fields = widened(&Fields::empty(), fields);
            (!known.is_empty()).then_some(DataType::Struct(known))
        }
        DataType::List(item) => {
            let item = typed(item.data_type())?;
            Some(DataType::List(Arc::new(Field::new("element", item, true))))
        }
        other => Some(other.clone()),
    }
}

/// The table's type, with the fields added that its objects have only in the rows.
fn with_new_fields(table: &DataType, rows: &DataType) -> DataType {
    match (table, rows) {
        (DataType::Struct(table), DataType::Struct(rows)) => DataType::Struct(widened(table, rows)),
        (DataType::List(table), DataType::List(rows)) => {
            let item = with_new_fields(table.data_type(), rows.data_type());
            DataType::List(Arc::new(table.as_ref().clone().with_data_type(item)))
        }
        (table, _) => table.clone(),
    }
}

/// Gives rows the columns and types of a table.
///
/// # Errors
/// Only when arrow contradicts itself.
pub fn fitted(rows: &RecordBatch, columns: &Fields) -> Result<Fitted, ArrowError> {
    let mut misfits = BTreeMap::new();
    let mut fitting = Vec::with_capacity(columns.len());
    let schema = rows.schema();
    for column in columns {
        let same_name = |field: &FieldRef| column_name(field.name()).eq_ignore_ascii_case(column.name());
        let mut sources = schema.fields().iter().zip(rows.columns()).filter(|(field, _)| same_name(field));
        let values = match sources.next() {
            Some((_, values)) => fit_column(values, column, &mut misfits)?,
            None => datafusion::arrow::array::new_null_array(column.data_type(), rows.num_rows()),
        };
        fitting.push(values);
        for (field, values) in sources {
            let doubled = (0..values.len()).filter(|row| values.is_valid(*row));
            let reason = format!(
                "column {}: the table has {}, which differs by case only",
                field.name(),
                column.name()
            );
            misfits.extend(doubled.map(|row| (row, reason.clone())));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let fitting =
        RecordBatch::try_new_with_options(Arc::new(Schema::new(columns.clone())), fitting, &options)?;
    if misfits.is_empty() {
        return Ok(Fitted { rows: fitting, misfits });
    }
    let keep: BooleanArray = (0..rows.num_rows()).map(|row| Some(!misfits.contains_key(&row))).collect();
    Ok(Fitted { rows: filter_record_batch(&fitting, &keep)?, misfits })
}

fn fit_column(
    values: &ArrayRef,
    column: &Field,
    misfits: &mut BTreeMap<usize, String>,
) -> Result<ArrayRef, ArrowError> {
    if let Some(fitting) = exactly(values, column.data_type()) {
        return Ok(fitting);
    }
    let mut pieces = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        let value = values.slice(row, 1);
        pieces.push(exactly(&value, column.data_type()).unwrap_or_else(|| {
            misfits.entry(row).or_insert_with(|| {
                format!("column {}: {} is no {}", column.name(), shown(&value), noun(column.data_type()))
            });
            datafusion::arrow::array::new_null_array(column.data_type(), 1)
        }));
    }
    let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    datafusion::arrow::compute::concat(&pieces)
}

/// The values in another type, if none of them changes on the way.
fn exactly(values: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    let fitting = converted(values, wanted).ok()?;
    if !may_change(values.data_type(), wanted) {
        return Some(fitting);
    }
    let back = converted(&fitting, values.data_type()).ok()?;
    (back.as_ref() == values.as_ref()).then_some(fitting)
}

/// Whether converting can give another value without an error.
fn may_change(given: &DataType, wanted: &DataType) -> bool {
    match (given, wanted) {
        (given, wanted) if given == wanted => false,
        (DataType::Null, _) => false,
        (DataType::Struct(given), DataType::Struct(wanted)) => given.iter().any(|field| {
            wanted
                .find(field.name())
                .is_none_or(|(_, other)| may_change(field.data_type(), other.data_type()))
        }),
        (DataType::List(given), DataType::List(wanted)) => may_change(given.data_type(), wanted.data_type()),
        (DataType::Utf8, wanted) => wanted.is_integer(),
        (given, wanted) => !(wanted == &DataType::Utf8 && common_type(given, wanted).is_some()),
    }
}

fn shown(value: &ArrayRef) -> String {
    let options = FormatOptions::default().with_null("null");
    let text = ArrayFormatter::try_new(value.as_ref(), &options).map(|value| value.value(0).to_string());
    text.unwrap_or_default().chars().take(LONGEST_VALUE).collect()
}

/// What a type is called in a reason.
fn noun(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "whole number".to_owned(),
        DataType::Float32 | DataType::Float64 => "number".to_owned(),
        DataType::Utf8 => "text".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Struct(_) => "object of the table's form".to_owned(),
        DataType::List(_) => "array of the table's form".to_owned(),
        other => other.to_string(),
    }
}
