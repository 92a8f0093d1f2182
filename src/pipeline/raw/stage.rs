//! A raw store as a node: one task for each shard of its stream, and a pool of writers that they share.

use super::{
    PathTemplate, RawSection, TemplateError,
    draft::Shape,
    journal::{read, tally_key},
    progress::Progress,
    put::Tries,
    writer::ShardWriter,
};
use crate::{
    pipeline::{
        Capacity, Context, Kind, Observation, Retire, Stage, Tally, TaskError, Tasks, Writers, now_ms,
        object_stores::{OpenedStore, StoreError, open_store},
        rules::Filter,
        stream::{Shard, Stream},
    },
    telemetry::ShardMetrics,
};
use serde_json::json;
use std::{
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
    /// One for each shard, in order.
    progress: Arc<[Arc<Progress>]>,
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
        let begun = |shard: &Shard| {
            let progress = Progress::default();
            let checkpoint = context.store.checkpoint(&context.node, shard.id);
            progress.begin_at(checkpoint.unwrap_or(0));
            Arc::new(progress)
        };
        let progress = stream.shards().iter().map(begun).collect();
        let (filter, writers) = (filter.map(Arc::new), Writers::new(section.scale.min));
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

    fn tally(&self) -> Tally {
        let tally_of = |shard: &Shard| {
            let tally: Option<Tally> =
                read(&self.context.store, &tally_key(&self.context.node, shard.index)).unwrap_or_default();
            tally.unwrap_or_default()
        };
        self.stream.shards().iter().map(tally_of).fold(Tally::default(), |sum, tally| Tally {
            finished: sum.finished + tally.finished,
            quarantined: sum.quarantined + tally.quarantined,
            filtered: sum.filtered + tally.filtered,
        })
    }

    fn shards(&self) -> u32 {
        u32::try_from(self.stream.shards().len()).unwrap_or(u32::MAX)
    }

    fn waiting(&self, shard: &Shard, progress: &Progress) -> u64 {
        let tail = self.context.store.range(shard.id).map_or(0, |range| range.next);
        tail.saturating_sub(progress.position.load(SeqCst))
    }
}

impl Stage for RawStage {
    fn kind(&self) -> Kind {
        Kind::Raw
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        self.writers.resize(desired.0);
        for (shard, progress) in self.stream.shards().iter().zip(self.progress.iter()) {
            let writer = || self.writer(shard.index, progress);
            tasks.ensure(&format!("shard-{}", shard.index), |retire| writer().run(retire));
        }
        let (context, stream, progress) = (&self.context, &self.stream, &self.progress);
        tasks.ensure("measure", |retire| {
            measure(context.clone(), Arc::clone(stream), Arc::clone(progress), retire)
        });
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let sum = |value: fn(&Progress) -> u64| self.progress.iter().map(|progress| value(progress)).sum();
        let shards = self.stream.shards().iter().zip(self.progress.iter());
        let oldest =
            self.progress.iter().map(|progress| progress.oldest_ms.load(Relaxed)).filter(|ms| *ms > 0);
        let objects: u64 = sum(|progress| progress.objects.load(Relaxed));
        let writers = self.writers.seen();
        let is_alive = tasks.alive().any(|key| key.starts_with("shard-"));
        let last = self.progress.iter().filter_map(|progress| progress.last_object()).max();
        Observation {
            backlog: shards.map(|(shard, progress)| self.waiting(shard, progress)).sum(),
            in_flight: sum(|progress| progress.held.load(SeqCst)),
            oldest_age: oldest.min().map(|ms| age(now_ms(), ms)),
            arrived: sum(|progress| progress.arrived.load(Relaxed)),
            processed: sum(|progress| progress.finished.load(Relaxed)),
            busy_seconds: writers.busy_seconds,
            in_service: if is_alive { writers.capacity } else { 0 },
            draining: writers.draining(),
            limit: Some(self.shards()),
            tally: Some(self.tally()),
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
    progress: Arc<[Arc<Progress>]>,
    retire: Retire,
) -> Result<(), TaskError> {
    let shown: Vec<ShardMetrics> =
        stream.shards().iter().map(|shard| context.metrics.shard(shard.index)).collect();
    while !retire.is_asked() {
        let mut held = 0;
        for ((shard, progress), shown) in stream.shards().iter().zip(progress.iter()).zip(&shown) {
            let position = progress.position.load(SeqCst);
            let tail = context.store.range(shard.id).map_or(0, |range| range.next);
            let waiting = tail.saturating_sub(position);
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
