//! The objects of a raw node: found by their names, which tell shard and range, and read in the order
//! in which their records lie in the stream.

use super::{lines, trouble::Trouble};
use crate::pipeline::{
    catalog::{Catalog, RawPlace},
    object_stores::{OpenedStore, open_store},
    raw::{Format, PathTemplate, object_pattern, ranged},
};
use bytes::{Buf, Bytes};
use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        datatypes::SchemaRef,
    },
    common::DataFusionError,
    datasource::listing::ListingTableUrl,
    parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::{future::ready, io::BufRead, path::Path, sync::Arc};

/// The column of a Parquet object that holds records as they came.
const PAYLOAD: &str = "data";

/// An object of a raw node.
#[derive(Debug, Clone)]
pub struct Object {
    pub store: Arc<dyn ObjectStore>,
    pub format: Format,
    pub meta: ObjectMeta,
}

/// An object with the place of its records.
#[derive(Debug, Clone)]
pub struct RangedObject {
    object: Object,
    pub shard: u32,
    /// The sequence of its first record, or of one before it that a filter left out.
    pub first: u64,
}

/// What a node has written to a place, in no order, with the folder and pattern of the names.
///
/// # Errors
/// When it cannot be listed, or an object is empty.
pub async fn listed(
    node: &str,
    place: &RawPlace,
    opened: &OpenedStore,
) -> Result<(ListingTableUrl, Vec<Object>), Trouble> {
    let folder = folder(place, opened)?;
    let belongs = |object: &ObjectMeta| folder.contains(&object.location, false);
    let found = opened.store.list(Some(folder.prefix())).try_filter(|object| ready(belongs(object)));
    let found: Vec<ObjectMeta> = found
        .try_collect()
        .await
        .map_err(|error| Trouble::Failed(format!("listing the objects of raw.{node}: {error}")))?;
    if let Some(empty) = found.iter().find(|object| object.size == 0) {
        // An object has at least one record; an engine would pass over this one.
        let name = &empty.location;
        return Err(Trouble::Failed(format!("reading {name}: it is empty; restore it from a copy")));
    }
    let object = |meta| Object { store: Arc::clone(&opened.store), format: place.format, meta };
    let objects = found.into_iter().map(object).collect();
    Ok((folder, objects))
}

/// The folder and the names of a node's objects, so that other nodes' objects beside them are left out.
fn folder(place: &RawPlace, opened: &OpenedStore) -> Result<ListingTableUrl, Trouble> {
    let template = PathTemplate::parse(&place.path).map_err(|error| Trouble::Failed(error.to_string()))?;
    let pattern = format!("{}/{}", template.pattern(&place.stream), object_pattern(place.format));
    let parts: Vec<&str> = pattern.split('/').collect();
    let fixed: String =
        parts.iter().take_while(|part| !part.contains('[')).map(|part| format!("{part}/")).collect();
    // The listing leaves out folders such as `day=01` when it matches names.
    let varying = parts.iter().skip_while(|part| !part.contains('[')).filter(|part| !part.contains('='));
    let varying: Vec<&str> = varying.copied().collect();
    let failed = |error: DataFusionError| Trouble::of(error, "");
    let url = ListingTableUrl::parse(format!("{}{fixed}", opened.url)).map_err(failed)?;
    url.with_glob(&varying.join("/")).map_err(failed)
}

/// All objects of a raw node by shard and range; none when it has written nothing yet.
///
/// # Errors
/// When there is no such node, or its objects cannot be listed.
pub async fn objects_in_order(data: &Path, node: &str) -> Result<Vec<RangedObject>, Trouble> {
    let catalog = Catalog::load(data)?;
    let Some(entry) = catalog.raw.get(node) else {
        let known: Vec<&str> = catalog.raw.keys().map(String::as_str).collect();
        return Err(Trouble::Unknown(format!("no raw node {node:?}; known are {}", known.join(", "))));
    };
    let mut ordered = Vec::new();
    for place in entry.places() {
        let opened = open_store(&place.store, data)?;
        let (_, objects) = listed(node, place, &opened).await?;
        for object in objects {
            let range = object.meta.location.filename().and_then(ranged);
            let Some((shard, (first, _))) = range else { continue };
            ordered.push(RangedObject { object, shard, first });
        }
    }
    ordered.sort_by_key(|object| (object.shard, object.first));
    // A place that was named twice holds each of its objects once.
    ordered.dedup_by(|later, earlier| later.object.meta.location == earlier.object.meta.location);
    Ok(ordered)
}

impl RangedObject {
    /// When it was written, milliseconds since the epoch.
    pub fn written_at_ms(&self) -> i64 {
        self.object.meta.last_modified.timestamp_millis()
    }

    pub fn name(&self) -> String {
        self.object.meta.location.to_string()
    }

    /// Its records in their order, as batches of the fields asked for; a field that a record lacks is null.
    ///
    /// # Errors
    /// When the object is damaged, or a record does not fit the columns.
    pub async fn read(&self, columns: &SchemaRef) -> Result<Vec<RecordBatch>, Trouble> {
        let Object { store, format, meta } = &self.object;
        let failed = |error: object_store::Error| match error {
            object_store::Error::NotFound { .. } => Trouble::Vanished(error.to_string()),
            other => Trouble::Failed(other.to_string()),
        };
        let bytes = store.get(&meta.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
        let (format, columns) = (*format, Arc::clone(columns));
        let read = tokio::task::spawn_blocking(move || {
            let text = match format {
                Format::Parquet => payloads(bytes)?,
                lines => lines::text(lines, bytes)?,
            };
            let mut all = Vec::new();
            lines::batches(text, &columns, |batch| {
                all.push(batch);
                true
            })?;
            Ok::<_, DataFusionError>(all)
        });
        let told =
            |error: &dyn std::fmt::Display| Trouble::Failed(format!("reading {}: {error}", self.name()));
        read.await.map_err(|error| told(&error))?.map_err(|error| told(&error))
    }
}

/// The records of a Parquet object as lines.
fn payloads(object: Bytes) -> Result<Box<dyn BufRead + Send>, DataFusionError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(object)?;
    let payload = ProjectionMask::columns(reader.parquet_schema(), [PAYLOAD]);
    let mut text = Vec::new();
    for batch in reader.with_projection(payload).build()? {
        let batch = batch?;
        for payload in batch.column(0).as_string::<i32>().iter().flatten() {
            // A line break within JSON is between tokens.
            text.extend(payload.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            text.push(b'\n');
        }
    }
    Ok(Box::new(Bytes::from(text).reader()))
}
