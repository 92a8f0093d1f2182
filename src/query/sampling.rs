//! The columns of raw objects, from a sample of their lines.

use super::{lines::text, objects::Object, trouble::Trouble};
use crate::pipeline::raw::Format;
use bytes::Bytes;
use datafusion::arrow::{
    datatypes::{DataType, Field, Fields, Schema, SchemaRef},
    error::ArrowError,
    json::reader::infer_json_schema_from_iterator,
};
use object_store::ObjectStoreExt;
use serde_json::Value;
use std::{
    io::{self, BufRead, Read},
    sync::Arc,
};

/// Objects looked into, spread evenly over all.
const MOST_OBJECTS: usize = 32;
/// Text looked at, shared by the objects.
const MOST_BYTES: u64 = 48 << 20;

/// The columns of all objects: each field that the sample has. Numbers of both kinds become real
/// numbers, and different scalars become text.
///
/// # Errors
/// When an object cannot be read, or a field is an object in one record and a scalar in another.
pub async fn columns(objects: &[Object]) -> Result<SchemaRef, Trouble> {
    let step = objects.len().div_ceil(MOST_OBJECTS).max(1);
    // The newest, which lie last, are looked into for sure, as fields come rather than go.
    let sample: Vec<&Object> = objects.iter().rev().step_by(step).collect();
    let share = MOST_BYTES / (sample.len() as u64).max(1);
    let mut values = Vec::new();
    for Object { store, format, meta: object } in sample {
        let failed = |error: object_store::Error| match error {
            object_store::Error::NotFound { .. } => Trouble::Vanished(error.to_string()),
            other => Trouble::Failed(other.to_string()),
        };
        let part = store.get_range(&object.location, 0..object.size.min(share)).await.map_err(failed)?;
        let read = records(*format, part, share, object.size <= share);
        values
            .extend(read.map_err(|cause| Trouble::Failed(format!("reading {}: {cause}", object.location)))?);
    }
    let schema = infer_json_schema_from_iterator(values.iter().map(Ok::<_, ArrowError>))
        .map_err(|error| Trouble::Failed(format!("the records have no common columns: {error}")))?;
    Ok(Arc::new(Schema::new(known(schema.fields()))))
}

/// Whole lines within the first `most` bytes of an object, of which perhaps only a part was read.
fn records(format: Format, part: Bytes, most: u64, whole: bool) -> io::Result<Vec<Value>> {
    let mut records = Vec::new();
    let mut line = String::new();
    let mut text = text(format, part)?.take(most);
    loop {
        line.clear();
        match text.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => records.push(serde_json::from_str(&line)?),
            Err(error) if whole => return Err(error),
            // The end, or where the part was cut.
            _ => return Ok(records),
        }
    }
}

/// Fields that were null wherever they were seen are taken for text.
fn known(fields: &Fields) -> Fields {
    fields.iter().map(|field| Field::new(field.name(), known_type(field.data_type()), true)).collect()
}

fn known_type(seen: &DataType) -> DataType {
    match seen {
        DataType::Null => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(known(fields)),
        DataType::List(field) => {
            DataType::List(Arc::new(Field::new(field.name(), known_type(field.data_type()), true)))
        }
        other => other.clone(),
    }
}
