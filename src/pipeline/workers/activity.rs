//! What the workers of a pool have done since start.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
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

/// Messages being worked on, until dropped.
#[derive(Debug)]
pub(super) struct Busy<'a> {
    activity: &'a Activity,
    messages: u64,
    since: Instant,
}

impl Activity {
    pub fn begin(&self, messages: usize) -> Busy<'_> {
        let messages = messages as u64;
        self.in_flight.fetch_add(messages, Relaxed);
        Busy { activity: self, messages, since: Instant::now() }
    }

    pub fn busy_seconds(&self) -> f64 {
        self.busy_microseconds.load(Relaxed) as f64 / 1e6
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let spent = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.activity.busy_microseconds.fetch_add(spent, Relaxed);
        self.activity.in_flight.fetch_sub(self.messages, Relaxed);
    }
}
