//! The objects of a raw node as a table.

use super::{lines, sampling, trouble::Trouble};
use crate::pipeline::{
    catalog::RawEntry,
    object_stores::OpenedStore,
    raw::{Format, PathTemplate, object_pattern},
};
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::DataFusionError,
    datasource::{
        TableType,
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    execution::{SendableRecordBatchStream, SessionState, TaskContext},
    logical_expr::Expr,
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchReceiverStream,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::{fmt, sync::Arc};

/// Batches between a reader and the query.
const AHEAD: usize = 2;

/// Opens the table of a raw node.
///
/// # Errors
/// When nothing was written yet, or what was written cannot be read.
pub async fn open(
    node: &str,
    entry: &RawEntry,
    opened: OpenedStore,
    state: &SessionState,
) -> Result<Arc<dyn TableProvider>, Trouble> {
    let place = place(entry, &opened)?;
    let mut objects: Vec<ObjectMeta> = opened
        .store
        .list(Some(place.prefix()))
        .try_filter(|object| std::future::ready(place.contains(&object.location, false)))
        .try_collect()
        .await
        .map_err(|error| Trouble::Failed(format!("listing the objects of raw.{node}: {error}")))?;
    objects.retain(|object| object.size > 0);
    objects.sort_by(|left, right| left.location.cmp(&right.location));
    if objects.is_empty() {
        return Err(Trouble::NothingYet(format!(
            "nothing has been written to raw.{node} yet: an object appears when it is full or old enough (see roll in the topology)"
        )));
    }
    let failed = |error: DataFusionError| Trouble::of(error, "");
    if entry.format == Format::Parquet {
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new(place).with_listing_options(options);
        let config = config.infer_schema(state).await.map_err(failed)?;
        return Ok(Arc::new(ListingTable::try_new(config).map_err(failed)?));
    }
    let schema = sampling::columns(&*opened.store, entry.format, &objects).await?;
    let objects = objects.into();
    Ok(Arc::new(JsonLines { schema, format: entry.format, store: opened.store, objects }))
}

/// The folder and the names of a node's objects, so that other nodes' objects beside them are left out.
fn place(entry: &RawEntry, opened: &OpenedStore) -> Result<ListingTableUrl, Trouble> {
    let template = PathTemplate::parse(&entry.path).map_err(|error| Trouble::Failed(error.to_string()))?;
    let pattern = format!("{}/{}", template.pattern(&entry.stream), object_pattern(entry.format));
    let (fixed, varying): (Vec<&str>, Vec<&str>) = {
        let parts: Vec<&str> = pattern.split('/').collect();
        let cut = parts.iter().position(|part| part.contains('[')).unwrap_or(parts.len());
        let (fixed, varying) = parts.split_at(cut);
        (fixed.to_vec(), varying.to_vec())
    };
    let folder: String = fixed.iter().map(|part| format!("{part}/")).collect();
    // The listing leaves out folders such as `day=01` when it matches names.
    let matched: Vec<&str> = varying.into_iter().filter(|part| !part.contains('=')).collect();
    let failed = |error: DataFusionError| Trouble::of(error, "");
    let url = ListingTableUrl::parse(format!("{}{folder}", opened.url)).map_err(failed)?;
    url.with_glob(&matched.join("/")).map_err(failed)
}

/// Objects of JSON lines.
struct JsonLines {
    schema: SchemaRef,
    format: Format,
    store: Arc<dyn ObjectStore>,
    objects: Arc<[ObjectMeta]>,
}

/// Some of the objects, read one after the other.
struct Share {
    schema: SchemaRef,
    format: Format,
    store: Arc<dyn ObjectStore>,
    objects: Vec<ObjectMeta>,
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JsonLines").field("objects", &self.objects.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Share").field("objects", &self.objects.len()).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl TableProvider for JsonLines {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let shares = state.config().target_partitions().clamp(1, self.objects.len().max(1));
        let share = |nth: usize| -> Arc<dyn PartitionStream> {
            Arc::new(Share {
                schema: Arc::clone(&schema),
                format: self.format,
                store: Arc::clone(&self.store),
                objects: self.objects.iter().skip(nth).step_by(shares).cloned().collect(),
            })
        };
        let partitions = (0..shares).map(share).collect();
        let plan = StreamingTableExec::try_new(Arc::clone(&schema), partitions, None, None, false, limit)?;
        Ok(Arc::new(plan))
    }
}

impl PartitionStream for Share {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), AHEAD);
        let sender = stream.tx();
        let (store, format) = (Arc::clone(&self.store), self.format);
        let (schema, objects) = (Arc::clone(&self.schema), self.objects.clone());
        stream.spawn(async move {
            for object in objects {
                let bytes = store.get(&object.location).await?.bytes().await?;
                let (schema, batches, name) = (Arc::clone(&schema), sender.clone(), object.location.clone());
                let read = tokio::task::spawn_blocking(move || {
                    let text = lines::text(format, bytes)?;
                    lines::batches(text, &schema, |batch| batches.blocking_send(Ok(batch)).is_ok())
                });
                let read = read.await.map_err(|error| DataFusionError::External(Box::new(error)))?;
                read.map_err(|error| Trouble::Failed(format!("reading {name}: {error}")))?;
                if sender.is_closed() {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}
