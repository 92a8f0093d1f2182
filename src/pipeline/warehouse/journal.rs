//! What is durable about a loader besides its tables: checkpoints, counts, and what it was about
//! to commit under which rules.

use super::{
    error::LoadError,
    judge::{Judge, RuleText},
};
use crate::{
    pipeline::{Retire, Tally, stream::Stream},
    storage::{Batch, CommitError, Store},
};
use rand::Rng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Waits while the disk is full before the task gives up and is started again later.
const FULL_DISK_TRIES: u32 = 20;
const FULL_DISK_WAIT: Duration = Duration::from_millis(500);

/// What is about to be committed: these records under these rules. After a crash exactly they are
/// judged again, so that a record cannot change sides between two tables that commit one after the
/// other, even if the rules were changed meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub rules: RuleText,
    /// For each shard the next sequence after those covered.
    pub next: BTreeMap<u32, u64>,
}

/// The registry values of one loader.
#[derive(Debug, Clone)]
pub struct Journal {
    store: Store,
    node: Arc<str>,
    retire: Retire,
}

/// A shard's counts key.
pub fn tally_key(node: &str, shard: u32) -> String {
    format!("tally/{node}/{shard}")
}

impl Journal {
    pub fn new(store: Store, node: Arc<str>, retire: Retire) -> Self {
        Self { store, node, retire }
    }

    fn intent_key(&self) -> String {
        format!("intent/{}", self.node)
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, LoadError> {
        let Some(value) = self.store.get(key) else { return Ok(None) };
        let damaged = |source| LoadError::Tally { key: key.to_owned(), source };
        serde_json::from_slice(&value).map(Some).map_err(damaged)
    }

    /// Counts of one shard so far.
    ///
    /// # Errors
    /// When the registry's value is not what this loader wrote.
    pub fn tally(&self, shard: u32) -> Result<Tally, LoadError> {
        Ok(self.read(&tally_key(&self.node, shard))?.unwrap_or_default())
    }

    /// What was about to be committed when the loader last ended.
    ///
    /// # Errors
    /// When the registry's value is not what this loader wrote.
    pub fn intent(&self) -> Result<Option<Intent>, LoadError> {
        self.read(&self.intent_key())
    }

    /// Who this loader is: made once with the data folder, so that a new folder, whose sequences
    /// begin again, is never taken for the old one by a table that outlived it.
    ///
    /// # Errors
    /// See [`LoadError::Checkpoint`].
    pub async fn identity(&self) -> Result<String, LoadError> {
        let key = format!("identity/{}", self.node);
        if let Some(identity) = self.read(&key)? {
            return Ok(identity);
        }
        let identity = format!("{:08x}", rand::rng().random::<u32>());
        self.put(&key, &identity).await?;
        Ok(identity)
    }

    /// Records what is about to be committed.
    ///
    /// # Errors
    /// See [`LoadError::Checkpoint`].
    pub async fn intend(&self, judge: &Judge, next: BTreeMap<u32, u64>) -> Result<(), LoadError> {
        self.put(&self.intent_key(), &Intent { rules: judge.text.clone(), next }).await
    }

    async fn put<T: Serialize>(&self, key: &str, value: &T) -> Result<(), LoadError> {
        let value = encoded(key, value)?;
        self.commit(|| {
            let mut batch = Batch::new();
            batch.put(key, value.clone(), None);
            batch
        })
        .await
    }

    /// Moves checkpoints and counts together, and forgets the intent.
    ///
    /// # Errors
    /// See [`LoadError::Checkpoint`].
    pub async fn done(&self, stream: &Stream, shards: &BTreeMap<u32, (u64, Tally)>) -> Result<(), LoadError> {
        let mut values = Vec::with_capacity(shards.len());
        for (shard, (next, tally)) in shards {
            let key = tally_key(&self.node, *shard);
            let value = encoded(&key, tally)?;
            values.push((stream.shard(*shard).map(|shard| shard.id), *next, key, value));
        }
        self.commit(|| {
            let mut batch = Batch::new();
            for (id, next, key, value) in &values {
                if let Some(id) = id {
                    batch.checkpoint(&self.node, *id, *next);
                }
                batch.put(key.clone(), value.clone(), None);
            }
            batch.remove(self.intent_key());
            batch
        })
        .await
    }

    /// Commits, waiting out a full disk for a while.
    async fn commit(&self, batch: impl Fn() -> Batch) -> Result<(), LoadError> {
        let mut tries = 0;
        loop {
            match self.store.commit(batch()).await {
                Err(CommitError::DiskFull) if tries < FULL_DISK_TRIES && !self.retire.is_asked() => {
                    tries += 1;
                    self.retire.sleep(FULL_DISK_WAIT).await;
                }
                done => return Ok(done.map(|_| ())?),
            }
        }
    }
}

fn encoded<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, LoadError> {
    serde_json::to_vec(value).map_err(|source| LoadError::Tally { key: key.to_owned(), source })
}
