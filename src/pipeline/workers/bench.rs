//! A store with queues around a pool of workers, for tests of every runner.

use super::{Retry, Run, WorkersSection, pool::Pool};
use crate::{
    pipeline::{
        Context, Origin, Pulse, RefreshSettings, RestartTerms, Retire, Scale, Tally, Target, now_ms,
        queue::{DeadLetter, Queue, QueueSection, sum_tallies},
    },
    storage::{Batch, LeasedMessage, RecordBlock, StorageSettings, Store},
    telemetry::{Metrics, StorageMetrics},
    units::Span,
};
use std::{sync::Arc, time::Duration};

/// Longer than anything takes, on a busy machine too.
pub const LONG: Duration = Duration::from_secs(90);
const STREAM: &str = "trips";
const SHARD: u32 = 2;

/// A queue of work, a queue of results, a dead-letter queue, and a folder for programs.
pub struct Bench {
    pub context: Context,
    pub work: Arc<Queue>,
    pub results: Arc<Queue>,
    pub dead: Arc<Queue>,
    pub folder: tempfile::TempDir,
}

/// Workers of one pool, each started again when it fails.
pub struct Crew {
    switch: tokio::sync::watch::Sender<bool>,
    workers: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Crew {
    /// Asks all to retire; answers why they failed.
    pub async fn retire(self) -> Vec<String> {
        self.switch.send_replace(true);
        let mut failures = Vec::new();
        for worker in self.workers {
            failures.extend(tokio::time::timeout(LONG, worker).await.unwrap().unwrap());
        }
        failures
    }
}

impl Bench {
    pub async fn new(visibility: Duration, max_receives: u32) -> Self {
        Self::with(visibility, max_receives, false).await
    }

    /// Its queue of work and the dead-letter queue are FIFO.
    pub async fn in_order(max_receives: u32) -> Self {
        Self::with(LONG, max_receives, true).await
    }

    async fn with(visibility: Duration, max_receives: u32, fifo: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = StorageSettings {
            flush: false,
            log_file_bytes: 1 << 20,
            free_space_floor: 0,
            ..StorageSettings::default()
        };
        let data = folder.path().join("data");
        let store = Store::open(&data, settings, StorageMetrics::unregistered()).unwrap();
        let metrics = Metrics::new().node("review", "workers");
        let context = Context { node: "review".into(), store: store.clone(), metrics, data };
        let section = QueueSection {
            visibility_timeout: Span(visibility),
            dead_letter: Some(DeadLetter { queue: "dead".to_owned(), max_receives }),
            fifo,
            ..QueueSection::default()
        };
        let plain = QueueSection::default();
        let letters = QueueSection { fifo, ..plain.clone() };
        Self {
            work: Queue::open("rides", &section, store.clone()).await.unwrap(),
            results: Queue::open("results", &plain, store.clone()).await.unwrap(),
            dead: Queue::open("dead", &letters, store).await.unwrap(),
            context,
            folder,
        }
    }

    pub async fn send(&self, payloads: &[&str]) {
        let mut block = RecordBlock::new();
        for (sequence, payload) in (0..).zip(payloads) {
            let origin = Origin { stream: STREAM.to_owned(), shard: SHARD, sequence };
            block.push(now_ms(), b"key", &origin.encode(), payload.as_bytes());
        }
        let mut batch = Batch::new();
        batch.send(self.work.id(), block, 0);
        self.context.store.commit(batch).await.unwrap();
    }

    pub fn section(run: Run) -> WorkersSection {
        WorkersSection {
            from: "rides".to_owned(),
            run,
            to: None,
            scale: Scale::default(),
            batch: 10,
            retry: Retry { base: Span(Duration::from_millis(2)), max: Span(Duration::from_millis(10)) },
            heartbeat: None,
            restart: RestartTerms::default(),
            refresh: RefreshSettings::default(),
        }
    }

    pub fn pool(&self, run: Run) -> Arc<Pool> {
        let target = Some(Target::Queue(Arc::clone(&self.results)));
        let (work, dead) = (Arc::clone(&self.work), Some(Arc::clone(&self.dead)));
        Arc::new(Pool::new(self.context.clone(), Self::section(run), work, dead, target).unwrap())
    }

    pub fn tally(&self) -> Tally {
        sum_tallies(&self.context.store, "review")
    }

    /// Starts `count` workers.
    pub fn start(&self, pool: &Arc<Pool>, count: u32) -> Crew {
        let (switch, retire) = Retire::pair();
        let work = |number| {
            let (pool, retire) = (Arc::clone(pool), retire.clone());
            tokio::spawn(async move {
                let mut failures = Vec::new();
                while !retire.is_asked() {
                    let slot = format!("worker-{number}");
                    let worked = Arc::clone(&pool).work(slot, retire.clone(), Pulse::unwatched()).await;
                    failures.extend(worked.err().map(|error| error.to_string()));
                }
                failures
            })
        };
        Crew { workers: (0..count).map(work).collect(), switch }
    }

    /// One worker works until `done` has come true. Why it failed meanwhile.
    pub async fn work_until(&self, pool: &Arc<Pool>, done: impl AsyncFnOnce()) -> Vec<String> {
        let crew = self.start(pool, 1);
        tokio::time::timeout(LONG, done()).await.unwrap();
        crew.retire().await
    }
}

/// Takes `count` messages off a queue, waiting for them, by the order they were sent in at first.
pub async fn take(queue: &Queue, count: usize) -> Vec<LeasedMessage> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let got = queue.receive(count - taken.len(), LONG).await.unwrap();
        assert!(!got.is_empty(), "{} of {count} messages came to {}", taken.len(), queue.name());
        taken.extend(got);
    }
    taken.sort_by_key(|message| Origin::decode(&message.record.attributes).map(|origin| origin.sequence));
    taken
}

/// Where in the stream messages came from.
pub fn origins(messages: &[LeasedMessage]) -> Vec<u64> {
    let origin = |message: &LeasedMessage| Origin::decode(&message.record.attributes).unwrap();
    assert!(
        messages.iter().all(|message| origin(message).stream == STREAM && origin(message).shard == SHARD)
    );
    messages.iter().map(|message| origin(message).sequence).collect()
}

pub fn reasons(messages: &[LeasedMessage]) -> Vec<String> {
    messages.iter().map(|message| Origin::decode_reason(&message.record.attributes).unwrap()).collect()
}
