//! A raw store as a node: one task for each shard of its stream, and a pool of writers that they share.

use super::{
    PathTemplate, RawSection, TemplateError,
    draft::Shape,
    progress::{AllProgress, Progress},
    put::Tries,
    writer::ShardWriter,
};
use crate::{
    pipeline::{
        Capacity, Context, Kind, Observation, Retire, Stage, TaskError, Tasks, Writers, now_ms,
        object_stores::{OpenedStore, StoreError, open_store},
        queue::sum_tallies,
        rules::Filter,
        stream::{Shard, Stream},
    },
    telemetry::ShardMetrics,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    time::Duration,
};

/// How often backlog and ages are measured.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// Why a raw store cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A `[raw.NAME]` node.
pub struct RawStage {
    context: Context,
    section: RawSection,
    stream: Arc<Stream>,
    pub(super) store: OpenedStore,
    template: PathTemplate,
    filter: Option<Arc<Filter>>,
    progress: Arc<AllProgress>,
    writers: Arc<Writers>,
}

impl RawStage {
    /// # Errors
    /// See [`RawError`].
    pub fn new(
        context: Context,
        section: RawSection,
        stream: Arc<Stream>,
        filter: Option<Filter>,
    ) -> Result<Self, RawError> {
        let template = PathTemplate::parse(&section.path)?;
        let store = open_store(&section.store, &context.data)?;
        let (filter, writers) = (filter.map(Arc::new), Writers::new(section.scale.min));
        let progress = Arc::default();
        Ok(Self { context, section, stream, store, template, filter, progress, writers })
    }

    fn writer(&self, shard: u32, progress: &Arc<Progress>) -> ShardWriter {
        let shape = Shape {
            stream: self.stream.name().to_owned(),
            shard,
            template: self.template.clone(),
            format: self.section.format,
            roll_bytes: self.section.roll.bytes.0,
        };
        ShardWriter {
            context: self.context.clone(),
            stream: Arc::clone(&self.stream),
            shape,
            address: self.section.store.clone(),
            store: self.store.clone(),
            filter: self.filter.clone(),
            roll_age: self.section.roll.age.0,
            tries: Tries::default(),
            progress: Arc::clone(progress),
            writers: Arc::clone(&self.writers),
        }
    }

    /// Most writers that can be useful at once: shards that take records, or that wait to be read.
    fn shards(&self) -> u32 {
        u32::try_from(self.stream.layout().open().len()).unwrap_or(u32::MAX)
    }
}

fn progress_of(context: &Context, all: &AllProgress, shard: &Shard) -> Arc<Progress> {
    all.of(shard.index, || context.store.checkpoint(&context.node, shard.id).unwrap_or(0))
}

fn waiting(context: &Context, shard: &Shard, progress: &Progress) -> u64 {
    let tail = context.store.range(shard.id).map_or(0, |range| range.next);
    tail.saturating_sub(progress.position.load(SeqCst))
}

impl Stage for RawStage {
    fn kind(&self) -> Kind {
        Kind::Raw
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        self.writers.resize(desired.0);
        for shard in self.stream.layout().readable(&self.context.store, &self.context.node) {
            let writer = || self.writer(shard.index, &progress_of(&self.context, &self.progress, &shard));
            tasks.ensure(&format!("shard-{}", shard.index), |retire| writer().run(retire));
        }
        let (context, stream, progress) = (&self.context, &self.stream, &self.progress);
        tasks.ensure("measure", |retire| {
            measure(context.clone(), Arc::clone(stream), Arc::clone(progress), retire)
        });
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let Self { context, stream, .. } = &*self;
        let backlog = stream.layout().shards().iter().fold(0, |backlog: u64, shard| {
            backlog.saturating_add(waiting(context, shard, &progress_of(context, &self.progress, shard)))
        });
        let all = self.progress.to_vec();
        let sum = |value: fn(&Progress) -> u64| all.iter().map(|progress| value(progress)).sum();
        let oldest = all.iter().map(|progress| progress.oldest_ms.load(Relaxed)).filter(|ms| *ms > 0);
        let objects: u64 = sum(|progress| progress.objects.load(Relaxed));
        let writers = self.writers.seen();
        let is_alive = tasks.alive().any(|key| key.starts_with("shard-"));
        let last = all.iter().filter_map(|progress| progress.last_object()).max();
        Observation {
            backlog,
            in_flight: sum(|progress| progress.held.load(SeqCst)),
            oldest_age: oldest.min().map(|ms| age(now_ms(), ms)),
            arrived: sum(|progress| progress.arrived.load(Relaxed)),
            processed: sum(|progress| progress.finished.load(Relaxed)),
            busy_seconds: writers.busy_seconds,
            in_service: if is_alive { writers.capacity } else { 0 },
            draining: writers.draining(),
            limit: Some(self.shards()),
            tally: Some(sum_tallies(&context.store, &context.node)),
            detail: [
                ("objects".to_owned(), json!(objects)),
                ("last_object".to_owned(), json!(last)),
                ("shards_writing".to_owned(), json!(writers.held)),
                ("shards_waiting_to_write".to_owned(), json!(writers.waiting)),
                ("store".to_owned(), json!(self.store.url.as_str())),
                ("format".to_owned(), json!(self.section.format)),
            ]
            .into(),
            ..Observation::default()
        }
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        // Every shard has an object to write now, and nobody scales any more.
        let most = self.section.scale.pool_scale(self.shards()).max.min(self.shards());
        self.writers.resize(most.max(self.writers.seen().capacity));
        tasks.retire_all();
    }
}

/// Measures what waits in each shard until asked to end.
async fn measure(
    context: Context,
    stream: Arc<Stream>,
    all: Arc<AllProgress>,
    retire: Retire,
) -> Result<(), TaskError> {
    let mut shown: BTreeMap<u32, ShardMetrics> = BTreeMap::new();
    while !retire.is_asked() {
        let mut held = 0;
        for shard in stream.layout().shards() {
            let progress = progress_of(&context, &all, shard);
            let shown = shown.entry(shard.index).or_insert_with(|| context.metrics.shard(shard.index));
            let position = progress.position.load(SeqCst);
            let waiting = waiting(&context, shard, &progress);
            let mut oldest = None;
            if waiting > 0 {
                // Damage is for the shard's own task to name; here it only hides an age.
                let next = context.store.read(shard.id, position, 1, 1).await.ok();
                oldest = next.and_then(|slice| slice.records.first().map(|record| record.arrived_at_ms));
            }
            let oldest = oldest.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
            progress.oldest_ms.store(oldest, Relaxed);
            let seconds = if oldest == 0 { 0.0 } else { age(now_ms(), oldest).as_secs_f64() };
            shown.show_backlog(waiting, seconds);
            held += progress.held.load(SeqCst);
        }
        context.metrics.show_in_flight(held);
        retire.sleep(MEASURED_EVERY).await;
    }
    Ok(())
}

fn age(now_ms: i64, then_ms: u64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms).unwrap_or(0).saturating_sub(then_ms))
}
