//! A raw store whose writers are made more and fewer while it writes to a slow store.

use crate::{
    pipeline::{
        Capacity, Context, Observation, Stage, Tasks, WriterScale, now_ms,
        raw::{Format, RawSection, RawStage, Roll},
        stream::{Stream, StreamSection},
    },
    storage::{Batch, RecordBlock, StorageSettings, Store},
    telemetry::Metrics,
    units::ByteSize,
};
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use std::{sync::Arc, time::Duration};

const SHARDS: u32 = 6;
const RECORDS: u64 = 40;
/// Looks at the node, a few milliseconds apart, within which it must come to what it was told.
const LOOKS: usize = 5_000;

struct Bench {
    stage: RawStage,
    tasks: Tasks,
    stream: Arc<Stream>,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// Every record becomes an object of its own.
    async fn new(put: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let metrics = Metrics::new();
        let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        let store = Store::open(&folder.path().join("log"), settings, metrics.storage()).unwrap();
        let section = StreamSection { shards: SHARDS, ..StreamSection::default() };
        let node = metrics.node("trips", "stream");
        let stream = Stream::open("trips", &section, store.clone(), node).await.unwrap();
        let section = RawSection {
            from: None,
            store: "file://raw".to_owned(),
            format: Format::JsonLines,
            path: "{stream}/{shard}".to_owned(),
            roll: Roll { bytes: ByteSize(1), ..Roll::default() },
            scale: WriterScale::default(),
        };
        let context = Context {
            node: "bronze".into(),
            store: store.clone(),
            metrics: metrics.node("bronze", "raw"),
            data: folder.path().to_owned(),
        };
        let mut stage = RawStage::new(context, section, Arc::clone(&stream), None).unwrap();
        let slow = ThrottleConfig { wait_put_per_call: put, ..ThrottleConfig::default() };
        stage.store.store = Arc::new(ThrottledStore::new(Arc::clone(&stage.store.store), slow));
        let tasks = Tasks::new(tokio::runtime::Handle::current(), "bronze".into());
        Self { stage, tasks, stream, store, _folder: folder }
    }

    async fn append(&self) {
        for shard in self.stream.layout().shards() {
            let mut block = RecordBlock::new();
            (0..RECORDS).for_each(|number| {
                block.push(now_ms(), b"key", b"", format!("{{\"number\":{number}}}").as_bytes());
            });
            let mut batch = Batch::new();
            batch.append(shard.id, block);
            self.store.commit(batch).await.unwrap();
        }
    }

    fn writing(seen: &Observation) -> u64 {
        seen.detail.get("shards_writing").and_then(serde_json::Value::as_u64).unwrap()
    }

    /// Reconciles and looks until `done`, and meanwhile checks that never more than `most` write.
    async fn until(&mut self, desired: u32, most: u64, done: impl Fn(&Observation) -> bool) -> Observation {
        for _ in 0..LOOKS {
            self.stage.reconcile(Capacity(desired), &mut self.tasks);
            let seen = self.stage.observe(&self.tasks);
            assert!(Self::writing(&seen) <= most, "{seen:?}");
            if done(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the node did not come to it: {:?}", self.stage.observe(&self.tasks));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_are_as_many_as_ordered_and_every_record_is_written_once() {
    let mut bench = Bench::new(Duration::from_millis(20)).await;
    bench.append().await;
    let seen = bench.until(1, 1, |seen| seen.processed >= 3).await;
    assert_eq!((seen.in_service, seen.draining, seen.limit), (1, 0, Some(SHARDS)));
    let seen = bench.until(4, 4, |seen| Bench::writing(seen) == 4).await;
    assert_eq!(seen.in_service, 4);
    let seen = bench.until(2, 4, |seen| seen.draining == 0).await;
    assert_eq!(seen.in_service, 2);
    let before = seen.busy_seconds;
    let whole = u64::from(SHARDS) * RECORDS;
    let seen = bench.until(2, 2, |seen| seen.processed == whole && Bench::writing(seen) == 0).await;
    assert!(seen.busy_seconds > before);
    assert_eq!((seen.backlog, seen.in_flight, seen.tally.unwrap().finished), (0, 0, whole));
    let still = bench.until(2, 0, |_| true).await;
    assert_eq!(still.busy_seconds, seen.busy_seconds, "nothing to write keeps nobody busy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_writes_all_shards_at_once() {
    let mut bench = Bench::new(Duration::from_millis(20)).await;
    bench.append().await;
    bench.until(1, 1, |seen| seen.processed > 0).await;
    bench.stage.drain(&mut bench.tasks);
    assert_eq!(bench.stage.observe(&bench.tasks).in_service, SHARDS);
    for _ in 0..LOOKS {
        bench.tasks.reap();
        if bench.tasks.alive().next().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let seen = bench.stage.observe(&bench.tasks);
    assert_eq!((seen.in_service, seen.tally.unwrap().finished), (0, u64::from(SHARDS) * RECORDS));
}
