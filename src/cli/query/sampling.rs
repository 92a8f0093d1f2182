//! The columns of raw objects, from a sample of their lines.

use super::{lines::text, trouble::Trouble};
use crate::pipeline::raw::Format;
use bytes::Bytes;
use datafusion::arrow::{
    datatypes::{DataType, Field, Fields, Schema, SchemaRef},
    error::ArrowError,
    json::reader::infer_json_schema_from_iterator,
};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde_json::Value;
use std::{
    io::{BufRead, Read},
    sync::Arc,
};

/// Objects looked into, spread evenly over all.
const MOST_OBJECTS: usize = 64;
/// Text looked at, shared by the objects.
const MOST_BYTES: usize = 32 << 20;

/// The columns of all objects: each field that the sample has. Numbers of both kinds become real
/// numbers, and different scalars become text.
///
/// # Errors
/// When an object cannot be read, or a field is an object in one record and a scalar in another.
pub async fn columns(
    store: &dyn ObjectStore,
    format: Format,
    objects: &[ObjectMeta],
) -> Result<SchemaRef, Trouble> {
    let step = objects.len().div_ceil(MOST_OBJECTS).max(1);
    // The newest are looked into for sure, as fields come rather than go.
    let sample: Vec<&ObjectMeta> = objects.iter().rev().step_by(step).collect();
    let share = MOST_BYTES / sample.len().max(1);
    let mut values = Vec::new();
    for object in sample {
        let failed = |error: object_store::Error| match error {
            object_store::Error::NotFound { .. } => Trouble::Vanished(error.to_string()),
            other => Trouble::Failed(other.to_string()),
        };
        let bytes = store.get(&object.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
        let read = records(format, bytes, share);
        values
            .extend(read.map_err(|cause| Trouble::Failed(format!("reading {}: {cause}", object.location)))?);
    }
    let schema = infer_json_schema_from_iterator(values.iter().map(Ok::<_, ArrowError>))
        .map_err(|error| Trouble::Failed(format!("the records have no common columns: {error}")))?;
    Ok(Arc::new(Schema::new(known(schema.fields()))))
}

/// Whole lines within the first `most` bytes of an object.
fn records(format: Format, bytes: Bytes, most: usize) -> std::io::Result<Vec<Value>> {
    let mut records = Vec::new();
    let mut line = String::new();
    let mut text = text(format, bytes)?.take(most as u64);
    loop {
        line.clear();
        if text.read_line(&mut line)? == 0 || (!line.ends_with('\n') && !records.is_empty()) {
            return Ok(records);
        }
        let cut = !line.ends_with('\n');
        match serde_json::from_str(&line) {
            Ok(record) => records.push(record),
            Err(_) if cut => return Ok(records),
            Err(error) => return Err(error.into()),
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
