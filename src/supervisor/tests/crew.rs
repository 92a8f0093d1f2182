//! A pool of workers at a desk: a queue in memory with leases, and seeded mischief.

use crate::pipeline::{Capacity, Kind, Observation, Pulse, Retire, Stage, TaskError, Tasks, WorkerTerms};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Records to be done, each exactly once.
#[derive(Debug, Default)]
pub(super) struct Desk {
    sent: AtomicU64,
    ready: Mutex<VecDeque<u64>>,
    /// How often each record was done.
    done: Mutex<BTreeMap<u64, u32>>,
    pub redelivered: AtomicU64,
    pub failures: AtomicU64,
    /// Starts of each slot since its first failure that came before its least rest was over.
    pub hasty: AtomicU32,
    rests: Mutex<BTreeMap<String, (u32, Instant)>>,
    lives: AtomicU64,
    changed: Notify,
}

impl Desk {
    pub fn with(records: u64) -> Arc<Self> {
        let desk = Arc::new(Self::default());
        desk.more(records);
        desk
    }

    pub fn more(&self, records: u64) {
        let first = self.sent.fetch_add(records, SeqCst);
        self.ready.lock().unwrap().extend(first..first + records);
        self.changed.notify_waiters();
    }

    pub fn waiting(&self) -> usize {
        self.ready.lock().unwrap().len()
    }

    /// Records done, if each was done once.
    pub fn done_once(&self) -> usize {
        let done = self.done.lock().unwrap();
        assert!(done.values().all(|times| *times == 1), "a record was done twice");
        done.len()
    }

    fn take(self: &Arc<Self>, most: usize) -> Held {
        let mut ready = self.ready.lock().unwrap();
        let most = most.min(ready.len());
        Held { records: ready.drain(..most).collect(), desk: Arc::clone(self) }
    }

    /// A worker of this slot was started: not before its rest is over, which is at least half of
    /// what doubles with each failure in a row.
    fn started(&self, slot: &str) {
        if let Some((failures, at)) = self.rests.lock().unwrap().get(slot) {
            let doubled = Duration::from_millis(500) * (1 << (failures - 1).min(16));
            let least = doubled.min(Duration::from_secs(30)) / 2;
            // The failure was noted a little before it was seen.
            self.hasty.fetch_add(u32::from(at.elapsed() < least), SeqCst);
        }
    }

    fn failed(&self, slot: &str, progressed: bool) {
        self.failures.fetch_add(1, SeqCst);
        let mut rests = self.rests.lock().unwrap();
        let before = rests.get(slot).map_or(0, |(failures, _)| *failures);
        rests.insert(slot.to_owned(), (if progressed { 1 } else { before + 1 }, Instant::now()));
    }
}

/// Records held by a worker; they go back when it is lost.
struct Held {
    records: Vec<u64>,
    desk: Arc<Desk>,
}

impl Held {
    fn done(mut self) {
        let mut done = self.desk.done.lock().unwrap();
        for record in std::mem::take(&mut self.records) {
            *done.entry(record).or_default() += 1;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.records.is_empty() {
            self.desk.redelivered.fetch_add(self.records.len() as u64, SeqCst);
            self.desk.ready.lock().unwrap().extend(std::mem::take(&mut self.records));
            self.desk.changed.notify_waiters();
        }
    }
}

/// What workers do besides their work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mischief {
    pub seed: u64,
    /// Of each batch, chances in a thousand.
    pub panics: u32,
    pub errors: u32,
    pub hangs: u32,
    /// Every worker fails at its first batch.
    pub always_fails: bool,
    pub batch: usize,
    pub heartbeat: Duration,
    pub each_batch_takes: Duration,
}

impl Mischief {
    pub const NONE: Self = Self {
        seed: 0,
        panics: 0,
        errors: 0,
        hangs: 0,
        always_fails: false,
        batch: 10,
        heartbeat: Duration::from_secs(30),
        each_batch_takes: Duration::ZERO,
    };
}

/// The stage of such a pool.
pub(super) struct Crew {
    pub desk: Arc<Desk>,
    pub mischief: Mischief,
}

impl Stage for Crew {
    fn kind(&self) -> Kind {
        Kind::Workers
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        let terms = WorkerTerms { heartbeat: self.mischief.heartbeat, ..WorkerTerms::default() };
        for slot in tasks.staff("worker", desired.0) {
            let (desk, mischief) = (Arc::clone(&self.desk), self.mischief);
            tasks.ensure_worker(&slot.clone(), terms, |retire, pulse| {
                work(desk, mischief, slot, retire, pulse)
            });
        }
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let census = tasks.census();
        Observation {
            pending: census.pending,
            in_service: census.in_service,
            draining: census.draining,
            backlog: self.desk.waiting() as u64,
            arrived: self.desk.sent.load(SeqCst),
            ..Observation::default()
        }
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        tasks.retire_all();
    }
}

async fn work(
    desk: Arc<Desk>,
    mischief: Mischief,
    slot: String,
    retire: Retire,
    pulse: Pulse,
) -> Result<(), TaskError> {
    desk.started(&slot);
    let life = desk.lives.fetch_add(1, SeqCst);
    let mut random = SmallRng::seed_from_u64(mischief.seed ^ life);
    pulse.in_service();
    let mut batches = 0_u64;
    while !retire.is_asked() {
        let changed = desk.changed.notified();
        let held = desk.take(mischief.batch);
        if held.records.is_empty() {
            tokio::select! { () = changed => {}, () = retire.asked() => {} }
            continue;
        }
        let _busy = pulse.busy(held.records.len());
        batches += 1;
        let roll = random.random_range(0..1000);
        let (panics, errors) = (mischief.panics, mischief.panics + mischief.errors);
        if mischief.always_fails || roll < errors + mischief.hangs {
            desk.failed(&slot, batches > 1);
        }
        if mischief.always_fails || roll < panics {
            panic!("as ordered");
        } else if roll < errors {
            return Err(TaskError::new("working", "killed, as ordered"));
        } else if roll < errors + mischief.hangs {
            std::future::pending::<()>().await;
        }
        if mischief.each_batch_takes.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(mischief.each_batch_takes).await;
        }
        held.done();
    }
    Ok(())
}
