//! What is durable about a shard's objects: the one being written, the checkpoint and the counts.

use super::object::{Intent, shard_key};
use crate::{
    pipeline::{Retire, Tally},
    storage::{Batch, CommitError, ShardId, Store},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

const FULL_DISK_WAIT: Duration = Duration::from_millis(500);
/// Tries that remain once the task is asked to end.
const LAST_TRIES: u32 = 3;

/// Why the state of a shard's objects could not be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("registry value {key} cannot be read: {source}; run `caudal doctor` on the data folder")]
    Damaged { key: String, source: serde_json::Error },
    #[error("registry value cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Where the next object's range begins, when records before the checkpoint were all filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Begin {
    first: u64,
}

/// The registry values of one node and shard.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    node: Arc<str>,
    shard: ShardId,
    index: u32,
    /// The shard in keys of what is under way.
    place: String,
    retire: Retire,
    tally: Tally,
    begin: Option<u64>,
}

pub fn tally_key(node: &str, shard: u32) -> String {
    format!("tally/{node}/{shard}")
}

fn begin_key(node: &str, shard: &str) -> String {
    format!("begin/{node}/{shard}")
}

/// Reads a JSON value of the registry.
///
/// # Errors
/// [`JournalError::Damaged`].
pub fn read<T: for<'a> Deserialize<'a>>(store: &Store, key: &str) -> Result<Option<T>, JournalError> {
    let Some(value) = store.get(key) else { return Ok(None) };
    let damaged = |source| JournalError::Damaged { key: key.to_owned(), source };
    serde_json::from_slice(&value).map(Some).map_err(damaged)
}

impl Journal {
    /// `id` is that of a stream that had predecessors of its name.
    ///
    /// # Errors
    /// [`JournalError::Damaged`].
    pub fn open(
        store: Store,
        node: Arc<str>,
        shard: ShardId,
        (index, id): (u32, Option<&str>),
        retire: Retire,
    ) -> Result<Self, JournalError> {
        let tally = read(&store, &tally_key(&node, index))?.unwrap_or_default();
        let place = shard_key(index, id);
        let begin: Option<Begin> = read(&store, &begin_key(&node, &place))?;
        let begin = begin.map(|begin| begin.first);
        Ok(Self { store, node, shard, index, place, retire, tally, begin })
    }

    /// The object that was being written when the writer last ended.
    ///
    /// # Errors
    /// [`JournalError::Damaged`].
    pub fn intent(&self) -> Result<Option<Intent>, JournalError> {
        read(&self.store, &Intent::key(&self.node, &self.place))
    }

    /// The first sequence of the next object's range.
    pub fn begin(&self, checkpoint: u64) -> u64 {
        self.begin.unwrap_or(checkpoint)
    }

    /// Settles range and place of the next object, before it is written.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub async fn intend(&self, intent: &Intent) -> Result<(), JournalError> {
        let value = serde_json::to_vec(intent)?;
        self.commit(|batch| batch.put(Intent::key(&self.node, &self.place), value.clone(), None)).await
    }

    /// Moves the checkpoint past an object that is durable.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub async fn written(&mut self, next: u64, kept: u64, filtered: u64) -> Result<(), JournalError> {
        let tally = self.counted(kept, filtered);
        let value = serde_json::to_vec(&tally)?;
        let begins = self.begin.is_some();
        self.commit(|batch| {
            batch.checkpoint(&self.node, self.shard, next);
            batch.put(tally_key(&self.node, self.index), value.clone(), None);
            batch.remove(Intent::key(&self.node, &self.place));
            if begins {
                batch.remove(begin_key(&self.node, &self.place));
            }
        })
        .await?;
        (self.tally, self.begin) = (tally, None);
        Ok(())
    }

    /// Moves the checkpoint past records that were all filtered; the next object's range begins
    /// with them, so that ranges stay without holes.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub async fn passed(&mut self, checkpoint: u64, next: u64, filtered: u64) -> Result<(), JournalError> {
        let (tally, first) = (self.counted(0, filtered), self.begin(checkpoint));
        let (value, begin) = (serde_json::to_vec(&tally)?, serde_json::to_vec(&Begin { first })?);
        self.commit(|batch| {
            batch.checkpoint(&self.node, self.shard, next);
            batch.put(tally_key(&self.node, self.index), value.clone(), None);
            batch.put(begin_key(&self.node, &self.place), begin.clone(), None);
        })
        .await?;
        (self.tally, self.begin) = (tally, Some(first));
        Ok(())
    }

    fn counted(&self, kept: u64, filtered: u64) -> Tally {
        Tally { finished: self.tally.finished + kept, filtered: self.tally.filtered + filtered, ..self.tally }
    }

    /// Commits, waiting while the disk is full: nothing is lost by waiting, and readers still read.
    async fn commit(&self, fill: impl Fn(&mut Batch)) -> Result<(), JournalError> {
        let mut last_tries = 0;
        loop {
            let mut batch = Batch::new();
            fill(&mut batch);
            match self.store.commit(batch).await {
                Err(CommitError::DiskFull) if last_tries < LAST_TRIES => {
                    last_tries += u32::from(self.retire.is_asked());
                    tokio::time::sleep(FULL_DISK_WAIT).await;
                }
                outcome => return outcome.map(drop).map_err(JournalError::from),
            }
        }
    }
}
