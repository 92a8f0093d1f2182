//! What the workers of a pool have done since start.

use super::batch_cost::BatchCost;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

/// Counters shared by the workers of a pool.
#[derive(Debug)]
pub(super) struct Activity {
    pub processed: AtomicU64,
    pub in_flight: AtomicU64,
    /// Messages whose result was dropped because somebody else has received them.
    pub stale: AtomicU64,
    /// Attempts that failed and will be made again.
    pub failed: AtomicU64,
    /// See [`Activity::busy_seconds`].
    busy_microseconds: AtomicU64,
    batches: Mutex<BatchCost>,
}

/// A worker works on a batch, until dropped.
#[derive(Debug)]
pub(super) struct Busy {
    activity: Arc<Activity>,
    messages: u32,
    since: Instant,
}

/// Messages that one worker has received and not settled; none once it is dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<Activity>,
    messages: u64,
}

impl InFlight {
    pub fn received(&mut self, messages: usize) {
        self.messages += messages as u64;
        self.activity.in_flight.fetch_add(messages as u64, Relaxed);
    }

    pub fn settled(&mut self, messages: usize) {
        let settled = (messages as u64).min(self.messages);
        self.messages -= settled;
        self.activity.in_flight.fetch_sub(settled, Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.activity.in_flight.fetch_sub(self.messages, Relaxed);
    }
}

impl Activity {
    /// Of a pool whose full batches have so many messages.
    pub fn new(full_batch: u32) -> Self {
        Self {
            processed: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            busy_microseconds: AtomicU64::new(0),
            batches: Mutex::new(BatchCost::new(full_batch)),
        }
    }

    /// A worker begins with a batch of so many messages.
    pub fn begin(self: &Arc<Self>, messages: usize) -> Busy {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        Busy { activity: Arc::clone(self), messages, since: Instant::now() }
    }

    pub fn in_flight(self: &Arc<Self>) -> InFlight {
        InFlight { activity: Arc::clone(self), messages: 0 }
    }

    /// Time that workers have spent on batches, of each the part that [`BatchCost`] counts.
    pub fn busy_seconds(&self) -> f64 {
        self.busy_microseconds.load(Relaxed) as f64 / 1e6
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.since);
        let mut batches = self.activity.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = batches.counted(now, self.messages, took);
        let spent = u64::try_from(counted.as_micros()).unwrap_or(u64::MAX);
        self.activity.busy_microseconds.fetch_add(spent, Relaxed);
    }
}
