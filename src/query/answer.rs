//! The answer, drawn for a person or written for a program.

use datafusion::arrow::{
    array::{Array, ArrayRef, RecordBatch, StringArray},
    csv,
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
    json,
    util::pretty::pretty_format_batches_with_schema,
};
use std::{sync::Arc, time::Duration};

/// Rows of one schema.
#[derive(Debug)]
pub struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl Answer {
    /// Drawn as a table, with the number of rows and how long it took.
    ///
    /// # Errors
    /// When a value cannot be written as text.
    pub fn table(&self, took: Duration) -> Result<String, ArrowError> {
        let rows: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        let ending = if rows == 1 { "" } else { "s" };
        let table = pretty_format_batches_with_schema(Arc::clone(&self.schema), &self.batches)?;
        Ok(format!("{table}\n{rows} row{ending} in {:.3} s\n", took.as_secs_f64()))
    }

    /// One JSON object a line, nulls written out so that every line has every column.
    ///
    /// # Errors
    /// When a value has no form in JSON.
    pub fn json_lines(&self) -> Result<String, ArrowError> {
        lines_of(&self.batches)
    }

    /// CSV with a line of names; nested columns are JSON text, which CSV has no form for.
    ///
    /// # Errors
    /// When a value has no form in CSV or JSON.
    pub fn csv(&self) -> Result<String, ArrowError> {
        let mut out = Vec::new();
        let mut writer = csv::WriterBuilder::new().with_header(true).build(&mut out);
        if self.batches.is_empty() {
            writer.write(&flat(&RecordBatch::new_empty(Arc::clone(&self.schema)))?)?;
        }
        for batch in &self.batches {
            writer.write(&flat(batch)?)?;
        }
        drop(writer);
        text(out)
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ArrowError> {
    String::from_utf8(bytes).map_err(|error| ArrowError::CastError(error.to_string()))
}

fn lines_of(batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let mut out = Vec::new();
    let mut writer = json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, json::writer::LineDelimited>(&mut out);
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    drop(writer);
    text(out)
}

/// Nested columns as JSON text, which CSV has no form for.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        match column.data_type().is_nested() {
            false => {
                fields.push(Arc::clone(field));
                columns.push(Arc::clone(column));
            }
            true => {
                fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
                columns.push(Arc::new(as_json(column)?));
            }
        }
    }
    let rows = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)
}

fn as_json(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let lines = lines_of(&[RecordBatch::try_from_iter([("v", Arc::clone(column))])?])?;
    let value = |line: &str| {
        let value = line.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}'));
        value.filter(|value| *value != "null").map(str::to_owned)
    };
    Ok(lines.lines().map(value).collect())
}
