//! A loader as a node: one task that commits, and a pool of writers that judge for it.

use super::{
    error::LoaderError,
    journal::Journal,
    judge::Judge,
    loader::Loader,
    progress::Progress,
    quarantine,
    section::LoaderSection,
    table::{Particulars, Table},
};
use crate::{
    pipeline::{
        Capacity, Context, Kind, Observation, Retire, Stage, TaskError, Tasks, Writers, now_ms,
        object_stores::{OpenedStore, open_store},
        queue::sum_tallies,
        rules::Filter,
        stream::Stream,
    },
    telemetry::ShardMetrics,
    units::Span,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use url::Url;

/// Folder of the warehouse where rejects lie.
pub const QUARANTINE: &str = "quarantine";
/// Removed files stay at least this long for those who still read the version before.
const LEAST_VACUUM: Duration = Duration::from_secs(1);
/// How much longer than `vacuum_after` the log remembers removed files.
const REMEMBERED_BEYOND: Duration = Duration::from_secs(86_400);
/// How often backlog and ages are measured.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// A `[loader.NAME]` node.
pub struct LoaderStage {
    loading: Loading,
    table_url: Url,
    quarantine_url: Url,
}

/// What the task of a loader is started with.
#[derive(Clone)]
pub(super) struct Loading {
    pub context: Context,
    pub section: LoaderSection,
    pub stream: Arc<Stream>,
    pub warehouse: OpenedStore,
    pub judge: Arc<Judge>,
    pub progress: Arc<Progress>,
    pub writers: Arc<Writers>,
}

impl LoaderStage {
    /// Compiles the rules and opens the warehouse's folder; tables are read when the task starts.
    ///
    /// # Errors
    /// See [`LoaderError`].
    pub fn new(
        context: Context,
        section: LoaderSection,
        stream: Arc<Stream>,
        filter: Option<Filter>,
    ) -> Result<Self, LoaderError> {
        let judge = Judge::new(&section.sql, &section.reject, filter)?;
        let warehouse = open_store(&section.warehouse, &context.data)?;
        if section.compact.vacuum_after.0 < LEAST_VACUUM {
            let given = section.compact.vacuum_after;
            return Err(LoaderError::VacuumTooSoon { given, least: Span(LEAST_VACUUM) });
        }
        let name = || LoaderError::TableName { what: "table", name: section.table.clone() };
        let fine = |c: char| c.is_alphanumeric() || "_-".contains(c);
        if section.table.is_empty() || section.table == QUARANTINE || !section.table.chars().all(fine) {
            return Err(name());
        }
        let table_url = warehouse.url.join(&format!("{}/", section.table)).map_err(|_| name())?;
        let quarantine_url =
            warehouse.url.join(&format!("{QUARANTINE}/{}/", section.table)).map_err(|_| name())?;
        let (judge, progress, writers) = (Arc::new(judge), Arc::default(), Writers::new(section.scale.min));
        let loading = Loading { context, section, stream, warehouse, judge, progress, writers };
        Ok(Self { loading, table_url, quarantine_url })
    }

    /// Where the table lies, with a slash at its end.
    pub fn table_url(&self) -> &Url {
        &self.table_url
    }

    /// Where the table of rejects lies, with a slash at its end.
    pub fn quarantine_url(&self) -> &Url {
        &self.quarantine_url
    }

    fn shards(&self) -> u32 {
        u32::try_from(self.loading.stream.layout().open().len()).unwrap_or(u32::MAX)
    }
}

/// Opens the loader's tables and loads until asked to end.
pub(super) async fn load(loading: Loading, retire: Retire) -> Result<(), TaskError> {
    let Loading { context, section, stream, warehouse, judge, progress, writers } = loading;
    let journal = Journal::new(context.store.clone(), Arc::clone(&context.node), retire.clone());
    let identity = journal.identity().await.map_err(|cause| TaskError::new("naming the loader", cause))?;
    let application = format!("caudal/{}/{}@{identity}", context.node, stream.distinct_name().await);
    let open = |folder: &str, particulars| {
        Table::new(&warehouse, folder, application.clone(), particulars)
            .map_err(|cause| TaskError::new("opening a table", cause))
    };
    let removed_files = section.compact.vacuum_after.0 + REMEMBERED_BEYOND;
    let facts = Particulars { removed_files, ..Particulars::default() };
    let aside =
        Particulars { statistics: Some(quarantine::STATISTICS), bulky: &quarantine::BULKY, removed_files };
    let facts = open(&section.table, facts)?;
    let aside = open(&format!("{QUARANTINE}/{}", section.table), aside)?;
    let LoaderSection { commit, compact, .. } = section;
    Loader { context, stream, judge, commit, compact, facts, aside, progress, journal, writers }
        .run(retire)
        .await
}

impl Stage for LoaderStage {
    fn kind(&self) -> Kind {
        Kind::Loader
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        self.loading.writers.resize(desired.0);
        tasks.ensure("load", |retire| load(self.loading.clone(), retire));
        let Loading { context, stream, progress, .. } = &self.loading;
        tasks.ensure("measure", |retire| {
            measure(context.clone(), Arc::clone(stream), Arc::clone(progress), retire)
        });
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let Loading { context, stream, judge, progress, writers, .. } = &self.loading;
        let writers = writers.seen();
        let oldest = progress.oldest_ms.load(Relaxed);
        let committed = progress.committed_ms.load(Relaxed);
        let table = progress.table();
        Observation {
            backlog: stream.layout().shards().iter().map(|shard| waiting(context, shard.id)).sum(),
            in_flight: progress.held.load(Relaxed),
            oldest_age: (oldest > 0).then(|| age(oldest)),
            arrived: progress.arrived.load(Relaxed),
            processed: progress.processed.load(Relaxed),
            busy_seconds: writers.busy_seconds,
            in_service: if tasks.alive().any(|key| key == "load") { writers.capacity } else { 0 },
            draining: writers.draining(),
            limit: Some(self.shards()),
            tally: Some(sum_tallies(&context.store, &context.node)),
            detail: [
                ("table".to_owned(), json!(self.table_url.as_str())),
                ("version".to_owned(), json!(table.version)),
                ("files".to_owned(), json!(table.files)),
                ("rules".to_owned(), json!(judge.version())),
                (
                    "last_commit_age_seconds".to_owned(),
                    json!((committed > 0).then(|| age(committed).as_secs_f64())),
                ),
            ]
            .into(),
            ..Observation::default()
        }
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        // Everything is loaded that has come by now, and nobody scales any more.
        let Loading { section, writers, .. } = &self.loading;
        let most = section.scale.pool_scale(self.shards()).max.min(self.shards());
        writers.resize(most.max(writers.seen().capacity));
        tasks.retire_all();
    }
}

fn age(then_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms().saturating_sub(then_ms)).unwrap_or(0))
}

/// Records of a shard that are not in the warehouse yet.
fn waiting(context: &Context, shard: crate::storage::ShardId) -> u64 {
    let Some(range) = context.store.range(shard) else { return 0 };
    let loaded = context.store.checkpoint(&context.node, shard).unwrap_or(range.first);
    range.next.saturating_sub(loaded)
}

/// Measures what is not loaded yet until asked to end.
async fn measure(
    context: Context,
    stream: Arc<Stream>,
    progress: Arc<Progress>,
    retire: Retire,
) -> Result<(), TaskError> {
    let mut shown: BTreeMap<u32, ShardMetrics> = BTreeMap::new();
    while !retire.is_asked() {
        let mut oldest: Option<i64> = None;
        for shard in stream.layout().shards() {
            let shown = shown.entry(shard.index).or_insert_with(|| context.metrics.shard(shard.index));
            let waiting = waiting(&context, shard.id);
            let mut arrived = None;
            if let Some(loaded) = context.store.checkpoint(&context.node, shard.id).filter(|_| waiting > 0) {
                // Damage is for the loading task to name; here it only hides an age.
                let next = context.store.read(shard.id, loaded, 1, 1).await.ok();
                arrived = next.and_then(|slice| slice.records.first().map(|record| record.arrived_at_ms));
            }
            shown.show_backlog(waiting, arrived.map_or(0.0, |arrived| age(arrived).as_secs_f64()));
            oldest = [oldest, arrived].into_iter().flatten().min();
        }
        progress.oldest_ms.store(oldest.unwrap_or(0), Relaxed);
        context.metrics.show_in_flight(progress.held.load(Relaxed));
        retire.sleep(MEASURED_EVERY).await;
    }
    Ok(())
}
