//! The objects of a raw node as a table.

use super::{
    lines,
    objects::{Object, listed},
    sampling,
    trouble::Trouble,
};
use crate::pipeline::{catalog::RawPlace, object_stores::OpenedStore, raw::Format};
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::DataFusionError,
    datasource::{
        TableType,
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    execution::{SendableRecordBatchStream, TaskContext, context::SessionContext},
    logical_expr::Expr,
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchReceiverStream,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use object_store::ObjectStoreExt;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Batches between a reader and the query.
const AHEAD: usize = 2;

/// Opens the table of a raw node: its objects in every place that it wrote to, the latest last.
///
/// # Errors
/// When nothing was written yet, or what was written cannot be read.
pub async fn open(
    node: &str,
    places: &[(&RawPlace, OpenedStore)],
    session: &SessionContext,
) -> Result<Arc<dyn TableProvider>, Trouble> {
    let in_columns = places.last().is_some_and(|(place, _)| place.format == Format::Parquet);
    let (mut objects, mut folders) = (BTreeMap::new(), Vec::new());
    for (place, opened) in places {
        let (folder, found) = listed(node, place, opened).await?;
        if (place.format == Format::Parquet) != in_columns && !found.is_empty() {
            let (format, count) = (place.format.extension(), found.len());
            tracing::warn!(node, format, objects = count, "objects of another form than now are left out");
        } else if in_columns && !found.is_empty() {
            folders.push(folder);
        } else {
            let key = |object: &Object| format!("{}{}", folder.object_store(), object.meta.location);
            objects.extend(found.into_iter().map(|object| (key(&object), object)));
        }
    }
    if in_columns && !folders.is_empty() {
        return columns(folders, session).await.map_err(|error| Trouble::of(error, ""));
    }
    if objects.is_empty() {
        return Err(Trouble::NothingYet(format!(
            "nothing has been written to raw.{node} yet: an object appears when it is full or old enough \
             (see roll in the topology)"
        )));
    }
    let mut objects: Vec<Object> = objects.into_values().collect();
    objects.sort_by_key(|object| object.meta.last_modified);
    let schema = sampling::columns(&objects).await?;
    Ok(Arc::new(JsonLines { schema, objects: objects.into() }))
}

/// Parquet objects, whose columns are always the same.
async fn columns(
    mut folders: Vec<ListingTableUrl>,
    session: &SessionContext,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    folders.dedup();
    let mut tables: Vec<Arc<dyn TableProvider>> = Vec::new();
    for folder in folders {
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new(folder).with_listing_options(options);
        let config = config.infer_schema(&session.state()).await?;
        tables.push(Arc::new(ListingTable::try_new(config)?));
    }
    let mut rest = tables.into_iter();
    let Some(first) = rest.next() else { return Err(DataFusionError::Plan("no objects".to_owned())) };
    if rest.len() == 0 {
        return Ok(first);
    }
    let mut whole = session.read_table(first)?;
    for table in rest {
        whole = whole.union(session.read_table(table)?)?;
    }
    Ok(whole.into_view())
}

/// Objects of JSON lines.
struct JsonLines {
    schema: SchemaRef,
    objects: Arc<[Object]>,
}

/// Some of the objects, read one after the other.
struct Share {
    schema: SchemaRef,
    objects: Vec<Object>,
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
        let (schema, objects) = (Arc::clone(&self.schema), self.objects.clone());
        stream.spawn(async move {
            for Object { store, format, meta: object } in objects {
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
