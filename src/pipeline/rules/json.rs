//! Result rows as JSON.

use super::{
    RuleError,
    error::Place,
    record::{SEQUENCE_COLUMN, SHARD_COLUMN},
};
use bytes::Bytes;
use datafusion::arrow::{
    error::ArrowError,
    json::{WriterBuilder, writer::LineDelimited},
    record_batch::RecordBatch,
};

/// Each row as one JSON object; nulls are written, `_shard` and `_sequence` are left out.
///
/// # Errors
/// [`RuleError`] when a column has a type that JSON cannot show.
pub fn rows_as_json(rows: &RecordBatch) -> Result<Vec<Bytes>, RuleError> {
    let broken = |error: ArrowError| RuleError::new(Place::Select, error.to_string());
    let schema = rows.schema();
    let shown = schema.fields().iter().enumerate();
    let shown = shown.filter(|(_, field)| ![SHARD_COLUMN, SEQUENCE_COLUMN].contains(&field.name().as_str()));
    let shown: Vec<usize> = shown.map(|(index, _)| index).collect();
    if shown.is_empty() {
        return Ok(vec![Bytes::from_static(b"{}"); rows.num_rows()]);
    }
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(&rows.project(&shown).map_err(broken)?).map_err(broken)?;
    writer.finish().map_err(broken)?;
    let text = Bytes::from(writer.into_inner());
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(|line| text.slice_ref(line)).collect())
}
