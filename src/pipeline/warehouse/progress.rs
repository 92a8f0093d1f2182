//! What a loader shows while it works.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

/// Numbers written by the loader's task and read by whoever observes.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records read since start.
    pub arrived: AtomicU64,
    /// Records finished since start.
    pub processed: AtomicU64,
    /// Records read that no commit holds yet.
    pub held: AtomicU64,
    /// Arrival of the oldest record that is not loaded, epoch milliseconds; 0 when none waits.
    pub oldest_ms: AtomicI64,
    /// When the last commit was made, epoch milliseconds; 0 before the first.
    pub committed_ms: AtomicI64,
    table: Mutex<TableProgress>,
}

/// What is known of the table since the last commit.
#[derive(Debug, Clone, Copy, Default)]
pub struct TableProgress {
    pub version: Option<u64>,
    pub files: usize,
}

impl Progress {
    pub fn show_table(&self, table: TableProgress) {
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    pub fn table(&self) -> TableProgress {
        *self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn committed(&self, records: u64, now_ms: i64) {
        self.processed.fetch_add(records, Relaxed);
        self.held.store(0, Relaxed);
        self.committed_ms.store(now_ms, Relaxed);
    }
}
