//! What the workers of a pool have done since start.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

/// Counters shared by the workers of a pool.
#[derive(Debug, Default)]
pub(super) struct Activity {
    pub processed: AtomicU64,
    pub in_flight: AtomicU64,
    /// Messages whose result was dropped because somebody else has received them.
    pub stale: AtomicU64,
    /// Attempts that failed and will be made again.
    pub failed: AtomicU64,
    busy_microseconds: AtomicU64,
}

/// A worker works, until dropped.
#[derive(Debug)]
pub(super) struct Busy {
    activity: Arc<Activity>,
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
    pub fn begin(self: &Arc<Self>) -> Busy {
        Busy { activity: Arc::clone(self), since: Instant::now() }
    }

    pub fn in_flight(self: &Arc<Self>) -> InFlight {
        InFlight { activity: Arc::clone(self), messages: 0 }
    }

    pub fn busy_seconds(&self) -> f64 {
        self.busy_microseconds.load(Relaxed) as f64 / 1e6
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let spent = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.activity.busy_microseconds.fetch_add(spent, Relaxed);
    }
}
