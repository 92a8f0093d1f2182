//! Splits and merges under load, with restarts in between: what raw stores and queues get of each key is
//! all of it, once, in its order.

use super::{
    Stream, StreamSection,
    directory::{Directory, Home, KinesisSettings, Selector, StreamResource},
};
use crate::{
    pipeline::{
        Capacity, Context, Outgoing, Stage, Target, TaskExit, Tasks, WriterScale, now_ms,
        queue::{Queue, QueueSection, QueueStage, commit_when_room},
        raw::{Format, RawSection, RawStage, Roll},
    },
    storage::{Batch, OpenError, StorageSettings, Store},
    telemetry::{Metrics, StorageMetrics},
    units::{ByteSize, Span},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

const WRITERS: u32 = 3;
const KEYS: u32 = 12;
/// Batches of each writer between two restarts.
const BATCHES: u32 = 40;

/// One life of the process.
struct Life {
    store: Store,
    directory: Arc<Directory>,
    trips: Arc<StreamResource>,
    queue: Arc<Queue>,
    stages: Vec<(Box<dyn Stage>, Tasks)>,
}

fn context(node: &str, store: &Store, metrics: &Arc<Metrics>, folder: &Path) -> Context {
    let metrics = metrics.node(node, "test");
    Context { node: node.into(), store: store.clone(), metrics, data: folder.to_owned() }
}

/// The folder of a store of which the last clone may be about to be dropped.
async fn open_when_free(folder: &Path, settings: &StorageSettings) -> Store {
    for _ in 0..1_000 {
        match Store::open(folder, settings.clone(), StorageMetrics::unregistered()) {
            Err(OpenError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("the store before is still open");
}

impl Life {
    async fn begin(folder: &Path) -> Self {
        let settings = StorageSettings {
            flush: false,
            log_file_bytes: 1 << 20,
            tail_bytes: 1 << 16,
            free_space_floor: 0,
            ..StorageSettings::default()
        };
        let store = open_when_free(&folder.join("log"), &settings).await;
        let metrics = Metrics::new();
        let opened =
            Directory::open(store.clone(), KinesisSettings::default(), Home::default(), &metrics).await;
        let directory = opened.unwrap();
        let section =
            StreamSection { shards: 2, retention: Span(Duration::ZERO), ..StreamSection::default() };
        let node = metrics.node("trips", "stream");
        let stream = directory.topology_stream("trips", &section, node).await.unwrap();
        let home = directory.home().clone();
        let trips = directory.find(&home.account, &home.region, Selector::Name("trips")).unwrap();
        let queue = Queue::open("rides", &QueueSection::default(), store.clone()).await.unwrap();
        let feed = Some((Arc::clone(&stream), None));
        let rides =
            QueueStage::new(context("rides", &store, &metrics, folder), Arc::clone(&queue), None, feed);
        let section = RawSection {
            from: None,
            store: "file://raw".to_owned(),
            format: Format::JsonLines,
            path: "all".to_owned(),
            roll: Roll { bytes: ByteSize(2_000), age: Span(Duration::from_millis(30)) },
            scale: WriterScale::default(),
        };
        let bronze = RawStage::new(context("bronze", &store, &metrics, folder), section, stream, None);
        let tasks = |node: &str| Tasks::new(tokio::runtime::Handle::current(), node.into());
        let stages: Vec<(Box<dyn Stage>, Tasks)> =
            vec![(Box::new(rides), tasks("rides")), (Box::new(bronze.unwrap()), tasks("bronze"))];
        Self { store, directory, trips, queue, stages }
    }

    /// What the supervisor does at each tick.
    fn tick(&mut self) {
        for (stage, tasks) in &mut self.stages {
            let is_fine = |exit: &TaskExit| matches!(exit, TaskExit::Finished { .. });
            let failed: Vec<_> = tasks.reap().into_iter().filter(|exit| !is_fine(exit)).collect();
            assert!(failed.is_empty(), "{failed:?}");
            stage.reconcile(Capacity(3), tasks);
        }
    }

    /// Changes the shape of the stream in some way; what is not possible now is left out.
    async fn reshape(&self, random: &mut SmallRng) {
        let now_ms = now_ms();
        let layout = self.trips.stream.layout();
        let open = layout.open();
        let place = random.random_range(0..open.len());
        let done = match random.random_range(0..5) {
            0 | 1 if open.len() < 12 => {
                let shard = &open[place];
                let at =
                    shard.first_hash + 1 + random.random::<u128>() % (shard.last_hash - shard.first_hash);
                self.directory.split(&self.trips, shard.index, at, now_ms).await.map(drop)
            }
            2 if place + 1 < open.len() => {
                let (one, other) = (open[place].index, open[place + 1].index);
                self.directory.merge(&self.trips, one, other, now_ms).await.map(drop)
            }
            3 => {
                let target = random.random_range(open.len().div_ceil(2)..=open.len() * 2).min(12);
                let target = u32::try_from(target).unwrap();
                self.trips.stream.scale_to(target, now_ms, Batch::new()).await.unwrap();
                Ok(())
            }
            _ => {
                self.trips.stream.prune(now_ms).await.unwrap();
                Ok(())
            }
        };
        done.unwrap();
    }

    fn unread(&mut self) -> u64 {
        let of = |stage: &mut Box<dyn Stage>, tasks: &Tasks| {
            let seen = stage.observe(tasks);
            let unread = seen.detail.get("unread").and_then(serde_json::Value::as_u64);
            unread.unwrap_or(seen.backlog + seen.in_flight)
        };
        self.stages.iter_mut().map(|(stage, tasks)| of(stage, tasks)).sum()
    }

    /// Ends as a kill would, or in order.
    async fn end(mut self, in_order: bool) {
        for (_, tasks) in &mut self.stages {
            tasks.abort_all();
            while tasks.alive().count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                tasks.reap();
            }
        }
        if in_order {
            self.store.close().unwrap();
        }
    }
}

/// Writes numbers under the keys of one writer, each key's in order.
async fn write(stream: Arc<Stream>, writer: u32, from: u32, seed: u64) {
    let mut random = SmallRng::seed_from_u64(seed + u64::from(writer));
    let target = Target::Stream(Arc::clone(&stream));
    for number in from..from + BATCHES {
        let keys = (0..KEYS).filter(|key| key % WRITERS == writer);
        let record = |key: u32| Outgoing {
            key: format!("key-{key}").into(),
            payload: format!("{{\"key\":{key},\"number\":{number}}}").into(),
            ..Outgoing::default()
        };
        let records: Vec<Outgoing> = keys.map(record).collect();
        let build = || {
            let mut batch = Batch::new();
            target.add(&mut batch, records.clone(), now_ms()).unwrap();
            batch
        };
        commit_when_room(stream.store(), build, || true).await.unwrap();
        tokio::time::sleep(Duration::from_micros(random.random_range(0..2_000))).await;
    }
}

type Numbers = BTreeMap<u64, Vec<u64>>;

fn note(numbers: &mut Numbers, text: &str) {
    let record: serde_json::Value = serde_json::from_str(text).unwrap();
    let field = |name: &str| record[name].as_u64().unwrap();
    numbers.entry(field("key")).or_default().push(field("number"));
}

/// Numbers by key, in the order of objects: a child's number is above its parents'.
fn in_objects(folder: &Path) -> Numbers {
    let mut paths: Vec<_> = std::fs::read_dir(folder.join("raw/all"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .collect();
    paths.sort();
    let mut numbers = Numbers::new();
    for path in paths {
        std::fs::read_to_string(path).unwrap().lines().for_each(|line| note(&mut numbers, line));
    }
    numbers
}

async fn in_queue(queue: &Queue) -> Numbers {
    let mut numbers = Numbers::new();
    loop {
        let messages = queue.receive(1_000, Duration::ZERO).await.unwrap();
        if messages.is_empty() {
            return numbers;
        }
        for message in messages {
            note(&mut numbers, std::str::from_utf8(&message.record.payload).unwrap());
        }
    }
}

async fn lives(seed: u64, count: u32) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = SmallRng::seed_from_u64(seed);
    for life in 0..count {
        let mut now = Life::begin(folder.path()).await;
        let stream = Arc::clone(&now.trips.stream);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(Arc::clone(&stream), writer, life * BATCHES, seed)))
            .collect();
        while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            now.tick();
            now.reshape(&mut random).await;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..6))).await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        if life + 1 == count {
            while now.unread() > 0 {
                now.tick();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let all: Vec<u64> = (0..u64::from(count * BATCHES)).collect();
            let expected: Numbers = (0..u64::from(KEYS)).map(|key| (key, all.clone())).collect();
            assert_eq!(in_queue(&now.queue).await, expected, "seed {seed}: the queue");
            assert_eq!(in_objects(folder.path()), expected, "seed {seed}: the raw store");
        }
        drop(stream);
        now.end(random.random()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn splits_and_merges_under_load_lose_and_reorder_nothing_of_any_key() {
    for seed in [1, 2, 3] {
        lives(seed, 3).await;
    }
}
