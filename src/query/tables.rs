//! `show tables`.

use super::{answer::Answer, trouble::Trouble};
use crate::pipeline::catalog::Catalog;
use datafusion::arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    error::ArrowError,
};
use std::sync::Arc;

/// Names of everything that can be queried, with where it lies.
struct Row {
    schema: &'static str,
    name: String,
    node: String,
    format: String,
    place: String,
}

fn rows(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (node, entry) in &catalog.loaders {
        let tables = [("warehouse", &entry.warehouse), ("quarantine", &entry.quarantine)];
        rows.extend(tables.map(|(schema, place)| Row {
            schema,
            name: entry.table.clone(),
            node: node.clone(),
            format: "delta".to_owned(),
            place: place.clone(),
        }));
    }
    rows.extend(catalog.raw.iter().map(|(node, entry)| Row {
        schema: "raw",
        name: node.clone(),
        node: node.clone(),
        format: entry.place.format.extension().to_owned(),
        place: format!("{}/{}", entry.place.store.trim_end_matches('/'), entry.place.path),
    }));
    rows.sort_by(|left, right| (left.schema, &left.name).cmp(&(right.schema, &right.name)));
    rows
}

/// The answer to `show tables`.
///
/// # Errors
/// None that is known; the columns are of one length.
pub fn all(catalog: &Catalog) -> Result<Answer, Trouble> {
    let rows = rows(catalog);
    let column = |value: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(value(row))).collect::<StringArray>())
    };
    let batch = RecordBatch::try_from_iter([
        ("schema", column(|row| row.schema)),
        ("table", column(|row| &row.name)),
        ("node", column(|row| &row.node)),
        ("format", column(|row| &row.format)),
        ("place", column(|row| &row.place)),
    ]);
    let batch = batch.map_err(|error: ArrowError| Trouble::Failed(error.to_string()))?;
    Ok(Answer { schema: batch.schema(), batches: vec![batch] })
}
