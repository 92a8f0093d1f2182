//! Sends what is due, when it is due, and writes down what was answered.
//!
//! ```text
//!  planner (a thread) ─▶ lanes, one for each producer ─▶ producers (tasks) ─▶ senders
//!        │ planned                                          │ answered, unsent
//!        └──────────────▶ books ◀──────────────────────────┘
//! ```
//!
//! The planner goes by the clock alone, so a slow target delays no plan; what is due waits in the lane of its
//! producer. A latency is counted from the planned time, so a wait in the lane is part of it (no coordinated
//! omission). A record whose turn does not come within the timeout of its plan is given up as unsent.
//! No lock is taken for a record: a lane is locked for what is due together, a book for a request.

mod book;
mod gathering;
mod lane;
mod planner;
mod producer;
#[cfg(test)]
mod tests;

pub use gathering::Gathered;

use super::{
    arrivals::StagePlan,
    ledger::Ledger,
    outcome::Sample,
    records::{KeyLots, Maker, OwnKeys, Payloads},
    scenario::Keys,
    target::Sender,
};
use book::Book;
use gathering::Gathering;
use lane::Lane;
use planner::Planner;
use producer::Producer;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::task::{JoinError, JoinSet};

/// What is driven.
#[derive(Debug)]
pub struct Load {
    pub stages: Vec<StagePlan>,
    pub keys: Keys,
    pub payloads: Payloads,
    pub seed: u64,
    /// One for each producer.
    pub senders: Vec<Sender>,
    /// Most records in one request.
    pub batch: usize,
    /// Longest wait of a record for its turn, and of a request for its answer.
    pub timeout: Duration,
}

/// A drive under way. It ends when it is dropped.
#[derive(Debug)]
pub struct Drive {
    begin: Instant,
    lanes: Vec<Arc<Lane>>,
    books: Vec<Arc<Book>>,
    gathering: Gathering,
    producers: JoinSet<(usize, Ledger)>,
    ledgers: Vec<(usize, Ledger)>,
    is_stopped: Arc<AtomicBool>,
}

/// A part of the drive did not come to its end. Its ledger is lost, so nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error("the thread that plans cannot be started: {0}")]
    Planner(#[from] std::io::Error),
    #[error("a producer ended before its time: {0}")]
    Producer(#[from] JoinError),
}

impl Drive {
    /// Begins at the instant `begin`, which is `began_at` in milliseconds since the epoch.
    ///
    /// # Errors
    /// [`DriveError::Planner`].
    pub fn start(load: Load, begin: Instant, began_at: i64) -> Result<Self, DriveError> {
        let count = load.senders.len();
        let producers_in_all = u32::try_from(count).unwrap_or(u32::MAX);
        let lanes: Vec<Arc<Lane>> = (0..count).map(|_| Arc::new(Lane::new(load.timeout))).collect();
        // The last is the planner's.
        let books: Vec<Arc<Book>> = (0..=count).map(|_| Arc::new(Book::default())).collect();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let lengths = load.stages.iter().map(|stage| (stage.name.clone(), stage.length)).collect();
        let planner = Planner {
            stages: load.stages,
            lots: KeyLots::new(&load.keys, producers_in_all),
            lanes: lanes.clone(),
            book: books.last().cloned().unwrap_or_default(),
            seed: load.seed,
            begin,
            is_stopped: is_stopped.clone(),
        };
        thread::Builder::new().name("load planner".to_owned()).spawn(move || planner.run())?;
        let mut producers = JoinSet::new();
        let parts = load.senders.into_iter().zip(&lanes).zip(&books).enumerate();
        for (at, ((sender, lane), book)) in parts {
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let producer = Producer {
                number,
                sender,
                lane: lane.clone(),
                book: book.clone(),
                maker: Maker::new(load.payloads.clone(), load.seed, number),
                own_keys: OwnKeys::new(&load.keys, number, producers_in_all),
                seed: load.seed,
                batch: load.batch.max(1),
                timeout: load.timeout,
                begin,
                began_at,
            };
            producers.spawn(async move { (at, producer.run().await) });
        }
        let (gathering, ledgers) = (Gathering::new(lengths), Vec::new());
        Ok(Self { begin, lanes, books, gathering, producers, ledgers, is_stopped })
    }

    /// What happened since the last sample; the daemon's part is left open.
    pub fn sample(&mut self) -> Sample {
        let now = self.begin.elapsed();
        let behind = self.lanes.iter().map(|lane| lane.behind(now)).max().unwrap_or_default();
        let pages = self.books.iter().map(|book| book.take());
        self.gathering.sample(now, behind, pages)
    }

    /// Comes back when every producer has ended: after the last stage, when nothing waits any more. It may be
    /// dropped and asked again.
    ///
    /// # Errors
    /// [`DriveError::Producer`] when one failed.
    pub async fn ended(&mut self) -> Result<(), DriveError> {
        while let Some(ended) = self.producers.join_next().await {
            self.ledgers.push(ended?);
        }
        Ok(())
    }

    /// Plans nothing more; what waits is still sent.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// The stage that is planned at a second of the run, and the length of all stages in seconds.
    pub fn stage_at(&self, second: f64) -> (String, f64) {
        self.gathering.stage_at(second)
    }

    /// What came of it so far, by stage.
    pub fn gathered(&self) -> Gathered {
        self.gathering.gathered()
    }

    /// The ledgers of the producers that have ended, by their numbers.
    pub fn into_ledgers(mut self) -> Vec<Ledger> {
        let mut ledgers = std::mem::take(&mut self.ledgers);
        ledgers.sort_by_key(|(number, _)| *number);
        ledgers.into_iter().map(|(_, ledger)| ledger).collect()
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.stop();
    }
}
