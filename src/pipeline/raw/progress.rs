//! What a shard's writer shows while it works.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

/// Numbers of one shard, written by its task and read by whoever observes.
#[derive(Debug, Default)]
pub struct Progress {
    /// The next sequence to read.
    pub position: AtomicU64,
    /// Records read that no durable object holds yet.
    pub held: AtomicU64,
    /// Records read since start.
    pub arrived: AtomicU64,
    /// Records in durable objects since start.
    pub finished: AtomicU64,
    /// Objects written since start.
    pub objects: AtomicU64,
    /// Arrival of the oldest record waiting, epoch milliseconds; 0 when none waits.
    pub oldest_ms: AtomicU64,
    last_object: Mutex<Option<String>>,
}

/// The progress of every shard that is or was there since start, by the shard's number.
#[derive(Debug, Default)]
pub struct AllProgress(Mutex<BTreeMap<u32, Arc<Progress>>>);

impl AllProgress {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Progress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A shard's progress; one that is new begins at its checkpoint.
    pub fn of(&self, shard: u32, checkpoint: impl FnOnce() -> u64) -> Arc<Progress> {
        let begun = || {
            let progress = Progress::default();
            progress.begin_at(checkpoint());
            Arc::new(progress)
        };
        Arc::clone(self.all().entry(shard).or_insert_with(begun))
    }

    pub fn to_vec(&self) -> Vec<Arc<Progress>> {
        self.all().values().cloned().collect()
    }
}

impl Progress {
    /// Begins at a checkpoint, perhaps again: what was held waits once more.
    pub fn begin_at(&self, checkpoint: u64) {
        self.position.store(checkpoint, SeqCst);
        self.held.store(0, SeqCst);
    }

    /// What is held is told before the position, so that a record is never seen as neither.
    pub fn read_to(&self, position: u64, records: u64, held: u64) {
        self.held.store(held, SeqCst);
        self.position.store(position, SeqCst);
        self.arrived.fetch_add(records, Relaxed);
    }

    /// All that was held is durable, or left out for good.
    pub fn settled(&self) {
        self.held.store(0, SeqCst);
    }

    pub fn object_written(&self, path: String, records: u64) {
        self.finished.fetch_add(records, Relaxed);
        self.objects.fetch_add(1, Relaxed);
        self.settled();
        *self.last_object.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    }

    pub fn last_object(&self) -> Option<String> {
        self.last_object.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
