//! One Delta table: rows go in together with the positions they cover, and each position once.

use super::{error::LoadError, fitting::widened};
use crate::pipeline::{
    object_stores::OpenedStore,
    rules::{SEQUENCE_COLUMN, SHARD_COLUMN},
};
use datafusion::arrow::{
    array::{AsArray, BooleanArray},
    compute::filter_record_batch,
    datatypes::{Fields, Int32Type, Int64Type},
    error::ArrowError,
    record_batch::RecordBatch,
};
use deltalake_core::{
    DeltaTable, DeltaTableError,
    kernel::{
        StructType, Transaction, engine::arrow_conversion::TryIntoKernel, transaction::CommitProperties,
    },
    logstore::{LogStoreRef, StorageConfig, default_logstore},
    operations::create::CreateBuilder,
    parquet::{
        basic::{Compression, ZstdLevel},
        file::properties::{EnabledStatistics, WriterProperties},
        schema::types::ColumnPath,
    },
    writer::{DeltaWriter, RecordBatchWriter, WriteMode},
};
use object_store::{ObjectStore, prefix::PrefixStore};
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

/// Tries of one commit, with doubled waits in between.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What is particular to a table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Particulars {
    /// Columns to keep statistics of, comma separated; of all when absent.
    pub statistics: Option<&'static str>,
    /// Columns whose values are long and seldom alike.
    pub bulky: &'static [&'static str],
    /// How long the log remembers files that no longer belong to the table: beyond their removal.
    pub removed_files: Duration,
}

/// The last sequence that a commit covers of each shard.
pub type Covered = BTreeMap<u32, u64>;

/// A Delta table and what its log says of this loader's positions.
pub struct Table {
    /// Folder below the warehouse, as it is named in messages.
    pub name: String,
    log: LogStoreRef,
    pub(super) delta: Option<DeltaTable>,
    particulars: Particulars,
    /// Prefix of the application ids that positions are kept under, one for each shard.
    application: String,
    /// Positions in the table's log, read once for each shard and then followed.
    positions: BTreeMap<u32, Option<i64>>,
    /// Removed files that have been deleted, while the log still names them.
    pub(super) vacuumed: HashSet<String>,
}

impl fmt::Debug for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Table {
    /// The table in this folder of the warehouse, not read yet.
    ///
    /// # Errors
    /// When the folder has no URL.
    pub fn new(
        warehouse: &OpenedStore,
        folder: &str,
        application: String,
        particulars: Particulars,
    ) -> Result<Self, url::ParseError> {
        let prefix = folder.split('/').fold(warehouse.prefix.clone(), |path, part| path.join(part));
        let below = PrefixStore::new(Arc::clone(&warehouse.store), prefix);
        let below: Arc<dyn ObjectStore> = Arc::new(below);
        let url = warehouse.url.join(&format!("{folder}/"))?;
        let log = default_logstore(below, Arc::clone(&warehouse.store), &url, &StorageConfig::default());
        let positions = BTreeMap::new();
        Ok(Self {
            name: folder.to_owned(),
            log,
            delta: None,
            particulars,
            application,
            positions,
            vacuumed: HashSet::new(),
        })
    }

    /// The version read or written last.
    pub fn version(&self) -> Option<u64> {
        self.delta.as_ref().and_then(DeltaTable::version)
    }

    pub fn files(&self) -> usize {
        let snapshot = self.delta.as_ref().and_then(|delta| delta.snapshot().ok());
        snapshot.map_or(0, |snapshot| snapshot.log_data().num_files())
    }

    /// Columns of the table; none while it does not exist.
    pub fn columns(&self) -> Fields {
        let snapshot = self.delta.as_ref().and_then(|delta| delta.snapshot().ok());
        snapshot.map_or_else(Fields::empty, |state| state.snapshot().arrow_schema().fields().clone())
    }

    /// Reads the table's log as far as it is not known, if the table exists.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn refresh(&mut self) -> Result<(), LoadError> {
        let refreshed = match &mut self.delta {
            Some(delta) => delta.update_state().await,
            None => match self.log.is_delta_table_location().await {
                Ok(false) => Ok(()),
                Ok(true) => {
                    let mut delta = DeltaTable::new(Arc::clone(&self.log));
                    let loaded = delta.load().await;
                    self.delta = loaded.is_ok().then_some(delta);
                    loaded
                }
                Err(error) => Err(error),
            },
        };
        refreshed.map_err(|source| self.failed(source))
    }

    /// Appends rows that have the table's columns (new ones included) together with the positions they
    /// cover. Rows at or below a position that the table has already are left out. Returns how many
    /// rows were new.
    ///
    /// # Errors
    /// When the commit fails for longer than a few tries. Whether it happened is found out from the
    /// table's log by the next call with the same rows.
    pub async fn append(&mut self, rows: &[RecordBatch], covered: &Covered) -> Result<usize, LoadError> {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            match self.append_once(rows, covered).await {
                Err(error) if tries < TRIES => {
                    tracing::warn!(table = %self.name, %error, tries, "a commit failed and is tried again");
                    self.forget();
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    /// Forgets what is known of the table's log, which is then read from the start.
    pub fn forget(&mut self) {
        self.delta = None;
        self.positions.clear();
    }

    pub(super) fn failed(&self, source: DeltaTableError) -> LoadError {
        LoadError::Table { table: self.name.clone(), source }
    }

    fn application(&self, shard: u32) -> String {
        format!("{}/{shard}", self.application)
    }

    async fn append_once(&mut self, rows: &[RecordBatch], covered: &Covered) -> Result<usize, LoadError> {
        if self.delta.is_none() {
            self.refresh().await?;
        }
        for shard in covered.keys() {
            self.read_position(*shard).await?;
        }
        let arrow = |source: ArrowError| LoadError::Arrow { table: self.name.clone(), source };
        let fresh =
            rows.iter().map(|batch| self.fresh(batch)).collect::<Result<Vec<_>, _>>().map_err(arrow)?;
        let count = fresh.iter().map(RecordBatch::num_rows).sum();
        if count == 0 {
            return Ok(0);
        }
        let columns =
            fresh.iter().fold(self.columns(), |columns, batch| widened(&columns, batch.schema().fields()));
        let mut delta = match self.delta.take() {
            Some(delta) => delta,
            None => self.create(&columns).await.map_err(|source| self.failed(source))?,
        };
        let committed = self.commit(&mut delta, &fresh, covered).await;
        self.delta = Some(delta);
        committed?;
        for (shard, last) in covered {
            let last = i64::try_from(*last).map_err(|_| LoadError::Position(*last))?;
            let position = self.positions.entry(*shard).or_default();
            *position = (*position).max(Some(last));
        }
        Ok(count)
    }

    async fn commit(
        &self,
        delta: &mut DeltaTable,
        rows: &[RecordBatch],
        covered: &Covered,
    ) -> Result<(), LoadError> {
        let failed = |source| self.failed(source);
        let mut transactions = Vec::with_capacity(covered.len());
        for (shard, last) in covered {
            let last = i64::try_from(*last).map_err(|_| LoadError::Position(*last))?;
            if self.positions.get(shard).copied().flatten().is_none_or(|position| position < last) {
                transactions.push(Transaction::new(self.application(*shard), last));
            }
        }
        // Log files are cleaned up with the table's other care, not at every commit.
        let properties = CommitProperties::default()
            .with_application_transactions(transactions)
            .with_cleanup_expired_logs(Some(false));
        let mut writer = RecordBatchWriter::for_table(delta)
            .map_err(failed)?
            .with_writer_properties(self.writer_properties())
            .with_commit_properties(properties);
        for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
            writer.write_with_mode(batch.clone(), WriteMode::MergeSchema).await.map_err(failed)?;
        }
        writer.flush_and_commit(delta).await.map_err(failed)?;
        Ok(())
    }

    async fn create(&self, columns: &Fields) -> Result<DeltaTable, DeltaTableError> {
        let schema = datafusion::arrow::datatypes::Schema::new(columns.clone());
        let schema: StructType = (&schema).try_into_kernel()?;
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        let mut create = CreateBuilder::new()
            .with_log_store(Arc::clone(&self.log))
            .with_table_name(name)
            .with_columns(schema.fields().cloned());
        let remembered = format!("interval {} seconds", self.particulars.removed_files.as_secs());
        create = create.with_configuration([("delta.deletedFileRetentionDuration", Some(remembered))]);
        if let Some(statistics) = self.particulars.statistics {
            create = create.with_configuration([("delta.dataSkippingStatsColumns", Some(statistics))]);
        }
        create.await
    }

    /// How data files are written.
    pub(super) fn writer_properties(&self) -> WriterProperties {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        let bulky = |properties: deltalake_core::parquet::file::properties::WriterPropertiesBuilder,
                     column: &&str| {
            properties
                .set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::None)
                .set_column_dictionary_enabled(ColumnPath::from(*column), false)
        };
        self.particulars.bulky.iter().fold(properties, bulky).build()
    }

    async fn read_position(&mut self, shard: u32) -> Result<(), LoadError> {
        let Some(delta) = &self.delta else { return Ok(()) };
        if self.positions.contains_key(&shard) {
            return Ok(());
        }
        let snapshot = delta.snapshot().map_err(|source| self.failed(source))?;
        let position = snapshot.transaction_version(self.log.as_ref(), self.application(shard)).await;
        let position = position.map_err(|source| self.failed(source))?;
        self.positions.insert(shard, position);
        Ok(())
    }

    /// The rows beyond the positions that the table has.
    fn fresh(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.positions.values().all(Option::is_none) {
            return Ok(rows.clone());
        }
        let shards =
            rows.column_by_name(SHARD_COLUMN).and_then(|column| column.as_primitive_opt::<Int32Type>());
        let sequences =
            rows.column_by_name(SEQUENCE_COLUMN).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let (Some(shards), Some(sequences)) = (shards, sequences) else {
            return Err(ArrowError::SchemaError(format!("rows lack {SHARD_COLUMN} or {SEQUENCE_COLUMN}")));
        };
        let beyond = |(shard, sequence): (Option<i32>, Option<i64>)| {
            let shard = shard.and_then(|shard| u32::try_from(shard).ok());
            let position = shard.and_then(|shard| self.positions.get(&shard).copied().flatten());
            Some(position < sequence)
        };
        filter_record_batch(rows, &shards.iter().zip(sequences).map(beyond).collect::<BooleanArray>())
    }
}
