//! Random histories of all operations, restarts, kills, power cuts and moves of the clocks: whatever the service answers,
//! the reference answers too. `CAUDAL_QUEUE_OPERATIONS` says how many operations to try, `CAUDAL_SEED` which.
//!
//! Time stands still until a history moves it, so that every answer has one right content.

mod moving;
mod operations;
mod reference;
mod restarting;

use super::*;
use crate::storage::{Batch, StillClock, Stopped, tick};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use reference::{Reference, arn, digest, digest_of, number};
use serde_json::Map;

/// Operations of a history.
const STEPS: u64 = 400;
/// Operations where nobody asks for more.
const FEW: u64 = 2_000;
const NAMES: [&str; 5] = ["dead", "dead.fifo", "jobs", "jobs.fifo", "other"];
const HOUR_MS: i64 = 3_600_000;

/// A receipt handle and what it stands for.
#[derive(Debug, Clone)]
struct Handle {
    name: String,
    made: u32,
    sequence: u64,
    receives: u32,
    text: String,
}

struct History {
    random: SmallRng,
    lab: Lab,
    clock: Arc<StillClock>,
    _stopped: Stopped,
    folder: tempfile::TempDir,
    reference: Reference,
    handles: Vec<Handle>,
    /// Messages sent, so that each is another.
    sent: u64,
    done: Story,
}

/// What was done, for who looks for a difference: its end is printed when a test fails.
#[derive(Default)]
struct Story(Vec<String>);

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.iter().skip(self.0.len().saturating_sub(12)).for_each(|done| println!("{done}"));
        }
    }
}

async fn open(folder: &Path) -> Lab {
    let store = Store::open(folder, StorageSettings::small(), StorageMetrics::unregistered()).unwrap();
    let directory = QueueDirectory::open_unwatched(store, Home::default()).await.unwrap();
    Lab::over(directory, SqsSettings::default()).await
}

impl History {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, _stopped) = StillClock::stop();
        let lab = open(folder.path()).await;
        let reference = Reference { now: clock.steady_ms(), wall: clock.wall_ms(), ..Reference::default() };
        let random = SmallRng::seed_from_u64(seed);
        let mut history = Self {
            random,
            lab,
            clock,
            _stopped,
            folder,
            reference,
            handles: Vec::new(),
            sent: 0,
            done: Story::default(),
        };
        for name in NAMES {
            history.create(name).await;
        }
        history
    }

    fn chance(&mut self, share: f64) -> bool {
        self.random.random_bool(share)
    }

    fn upto(&mut self, most: i64) -> i64 {
        self.random.random_range(0..=most)
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.random.random_range(0..all.len())].clone()
    }

    fn url(name: &str) -> String {
        format!("http://localhost:4566/{}/{name}", reference::ACCOUNT)
    }

    async fn ask(&mut self, operation: &str, request: Value) -> Result<Value, ServiceError> {
        self.lab.protocol = self.one_of(&BOTH);
        let answer = self.lab.ask(operation, request.clone()).await;
        self.done.0.push(format!("{operation} {request}\n    {answer:?}"));
        answer
    }

    async fn asked(&mut self, operation: &str, request: Value) -> Value {
        let answer = self.ask(operation, request).await;
        answer.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn store(&self) -> Store {
        self.lab.sqs.directory.store().clone()
    }

    /// All that came before is in the log then, up to this LSN.
    async fn barrier(&self) -> u64 {
        let mut batch = Batch::new();
        batch.put("barrier", "", None);
        self.store().commit(batch).await.unwrap().lsn
    }

    /// Expires and moves what is due, here and there.
    async fn look_after(&mut self) {
        for _ in 0..2 {
            tick(&self.store());
            self.barrier().await;
            self.lab.sqs.directory.move_dead_letters().await;
        }
        self.reference.look_after();
    }

    async fn pass(&mut self) {
        let milliseconds = match self.random.random_range(0..100) {
            0 => 5 * 86_400_000,
            1..5 => 301_000,
            5..20 => 61_000,
            20..60 => self.upto(40) * 1_000,
            _ => self.upto(3_000),
        };
        self.done.0.push(format!("{milliseconds} ms pass"));
        self.clock.pass(milliseconds);
        self.reference.now += milliseconds;
        self.reference.wall += milliseconds;
        self.look_after().await;
    }

    /// The wall clock is set: nothing is to come of it but other dates.
    async fn jump(&mut self) {
        let hours = self.one_of(&[-30, -1, 1, 24]);
        self.done.0.push(format!("the wall clock is set by {hours} hours"));
        self.clock.jump(hours * HOUR_MS);
        self.reference.wall += hours * HOUR_MS;
        self.barrier().await;
    }

    async fn step(mut self) -> Self {
        match self.random.random_range(0..1_000) {
            0..175 => self.send().await,
            175..250 => self.send_batch().await,
            250..257 => self.move_messages().await,
            257..260 => self.cancel_a_move().await,
            260..270 => self.permit().await,
            270..500 => self.receive().await,
            500..620 => self.delete().await,
            620..690 => self.delete_batch().await,
            690..760 => self.hide().await,
            760..800 => self.hide_batch().await,
            800..850 => self.counts().await,
            850..930 => self.pass().await,
            930..935 => self.jump().await,
            935..945 => return self.restart().await,
            945..960 => self.set().await,
            960..965 => self.create_again().await,
            965..970 => self.purge().await,
            970..977 => self.delete_queue().await,
            977..990 => self.tags().await,
            _ => self.list().await,
        }
        self
    }
}

/// One history, told when it fails.
async fn follow(seed: u64) {
    let mut history = History::new(seed).await;
    for _ in 0..STEPS {
        history = history.step().await;
    }
}

#[test]
fn whatever_happens_is_what_the_reference_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (wanted, seed) =
        (number("CAUDAL_QUEUE_OPERATIONS").unwrap_or(FEW), number("CAUDAL_SEED").unwrap_or(0));
    for history in 0..wanted.div_ceil(STEPS) {
        let seed = seed + history;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let followed = std::panic::catch_unwind(|| runtime.block_on(follow(seed)));
        assert!(followed.is_ok(), "the history of CAUDAL_SEED={seed}");
    }
}
