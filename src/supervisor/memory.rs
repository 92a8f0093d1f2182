//! What is kept of the pools across a restart, in the store's registry of small values.

mod material;

use super::{activity::Activities, policy::Memory};
use crate::storage::{Batch, Store};
use material::differ;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// Least time between two writes of one pool.
const EVERY: Duration = Duration::from_secs(10);
/// What has hardly changed is written this often, so that it is known to be recent.
const ANEW: Duration = Duration::from_secs(180);
/// What belongs to a pool that never comes back goes after this time, milliseconds.
const FORGOTTEN_MS: i64 = 30 * 24 * 3_600_000;
/// Longest wait for the last write.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// What is kept of one pool.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Kept {
    pub memory: Option<Memory>,
    pub activities: Activities,
}

/// Keeps the memory of pools, at most every ten seconds and when it has changed.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Option<Store>,
    tasks_on: Handle,
    written: BTreeMap<Arc<str>, Written>,
}

#[derive(Debug)]
struct Written {
    at: Instant,
    memory: Value,
    activities: Activities,
}

fn memory_key(pool: &str) -> String {
    format!("scaling/{pool}")
}

fn activities_key(pool: &str) -> String {
    format!("activities/{pool}")
}

impl Keeper {
    /// Without a store nothing is kept.
    pub(super) fn new(store: Option<Store>, tasks_on: Handle) -> Self {
        Self { store, tasks_on, written: BTreeMap::new() }
    }

    /// What was kept of a pool. What cannot be read is told, and left out: it is only a better start.
    pub(super) fn recall(&self, pool: &str) -> Kept {
        let Some(store) = &self.store else { return Kept::default() };
        Kept {
            memory: read(store, &memory_key(pool)),
            activities: read(store, &activities_key(pool)).unwrap_or_default(),
        }
    }

    /// Writes what has changed materially, without waiting for the disk.
    pub(super) fn keep(&mut self, now: Instant, at_ms: i64, pools: Vec<(Arc<str>, Kept)>) {
        let Some(store) = self.store.clone() else { return };
        let batch = self.changes(now, at_ms, pools, false);
        if !batch.is_empty() {
            self.tasks_on.spawn(async move { write(&store, batch).await });
        }
    }

    /// True when a write of this pool would not come too soon.
    pub(super) fn is_due(&self, now: Instant, pool: &str) -> bool {
        let written = self.written.get(pool);
        self.store.is_some()
            && written.is_none_or(|written| now.saturating_duration_since(written.at) >= EVERY)
    }

    /// Writes everything, and waits until it is on disk.
    pub(super) fn keep_all(
        &mut self,
        now: Instant,
        at_ms: i64,
        pools: Vec<(Arc<str>, Kept)>,
    ) -> impl Future<Output = ()> + use<> {
        let batch = self.changes(now, at_ms, pools, true);
        let store = self.store.clone();
        async move {
            let Some(store) = store.filter(|_| !batch.is_empty()) else { return };
            if tokio::time::timeout(LAST_WRITE, write(&store, batch)).await.is_err() {
                tracing::warn!("what was learned of the pools was not written in time");
            }
        }
    }

    fn changes(&mut self, now: Instant, at_ms: i64, pools: Vec<(Arc<str>, Kept)>, all: bool) -> Batch {
        let mut batch = Batch::new();
        let expires = Some(at_ms.saturating_add(FORGOTTEN_MS));
        for (pool, kept) in pools {
            let memory = serde_json::to_value(&kept.memory).unwrap_or_default();
            let last = self.written.get(&pool);
            let is_old = last.is_none_or(|last| now.saturating_duration_since(last.at) >= ANEW);
            let has_learned = last.is_none_or(|last| differ(&last.memory, &memory));
            let has_acted = last.is_none_or(|last| last.activities != kept.activities);
            if all || is_old || has_learned {
                batch.put(memory_key(&pool), memory.to_string(), expires);
            }
            if has_acted {
                let activities = serde_json::to_vec(&kept.activities).unwrap_or_default();
                batch.put(activities_key(&pool), activities, expires);
            }
            if all || is_old || has_learned || has_acted {
                let written = Written { at: now, memory, activities: kept.activities };
                self.written.insert(pool, written);
            }
        }
        batch
    }
}

fn read<T: serde::de::DeserializeOwned>(store: &Store, key: &str) -> Option<T> {
    let bytes = store.get(key)?;
    match serde_json::from_slice(&bytes) {
        Ok(read) => Some(read),
        Err(error) => {
            tracing::warn!(key, %error, "what was kept of a pool cannot be read; it begins anew");
            None
        }
    }
}

async fn write(store: &Store, batch: Batch) {
    if let Err(error) = store.commit(batch).await {
        tracing::warn!(%error, "what was learned of the pools was not written");
    }
}
