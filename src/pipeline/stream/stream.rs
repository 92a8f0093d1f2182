//! A stream: a name, a definition, and shards by hash of the partition key.

use super::{
    Shard, StreamSection, Throttled,
    shard::{even_ranges, hash_key, index_of, shard_name},
    throttle::Throttle,
};
use crate::{
    storage::{Batch, CommitError, Retention, Store},
    telemetry::NodeMetrics,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError, RwLock};

/// Why a stream cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(
        "stream {name} has {stored} shards with records; {wanted} are wanted: restore shards = {stored}, or choose another stream name"
    )]
    ShardCount { name: String, stored: u32, wanted: u32 },
    #[error(
        "the stored definition of stream {name} cannot be read: {cause}; run `caudal doctor` on the data folder"
    )]
    Definition { name: String, cause: serde_json::Error },
    #[error("declaring stream {name}: {cause}")]
    Commit { name: String, cause: CommitError },
}

/// A durable stream of records; share it by `Arc`.
#[derive(Debug)]
pub struct Stream {
    name: String,
    section: RwLock<Arc<StreamSection>>,
    store: Store,
    shards: Vec<Shard>,
}

/// What the registry keeps under `stream/NAME`; hashes are decimal text, as in Kinesis.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Definition {
    version: u32,
    shards: Vec<DefinedShard>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct DefinedShard {
    id: String,
    first_hash: String,
    last_hash: String,
}

impl Definition {
    fn even(shards: u32) -> Self {
        let shard = |(index, range): (u32, std::ops::RangeInclusive<u128>)| DefinedShard {
            id: shard_name(index),
            first_hash: range.start().to_string(),
            last_hash: range.end().to_string(),
        };
        Self { version: 1, shards: (0..).zip(even_ranges(shards)).map(shard).collect() }
    }
}

impl Stream {
    /// Finds or makes the stream and its shards in the store, and applies retention.
    ///
    /// # Errors
    /// [`StreamError::ShardCount`] when the number of shards was changed although records exist.
    pub async fn open(
        name: &str,
        section: &StreamSection,
        store: Store,
        metrics: NodeMetrics,
    ) -> Result<Arc<Self>, StreamError> {
        let commit = |cause| StreamError::Commit { name: name.to_owned(), cause };
        define(name, section.shards, &store).await?;
        let mut shards = Vec::new();
        for (index, range) in (0..).zip(even_ranges(section.shards)) {
            let id = store.declare_shard(&stored_name(name, index)).await.map_err(commit)?;
            store.retain(id, retention(section));
            shards.push(Shard {
                index,
                id,
                first_hash: *range.start(),
                last_hash: *range.end(),
                metrics: metrics.shard(index),
                throttle: RwLock::new(Throttle::new(section.limits.as_ref())),
            });
        }
        let section = RwLock::new(Arc::new(section.clone()));
        Ok(Arc::new(Self { name: name.to_owned(), section, store, shards }))
    }

    /// Goes on by another section from now on: retention, limits, sizes. The number of shards stays.
    /// New limits begin with a full burst.
    pub fn redefine(&self, section: &StreamSection) {
        let section = Arc::new(StreamSection { shards: self.section().shards, ..section.clone() });
        let before = {
            let mut current = self.section.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::clone(&section))
        };
        for shard in &self.shards {
            self.store.retain(shard.id, retention(&section));
            if before.limits != section.limits {
                shard.limit(section.limits.as_ref());
            }
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn section(&self) -> Arc<StreamSection> {
        Arc::clone(&self.section.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    pub fn shard(&self, index: u32) -> Option<&Shard> {
        self.shards.get(usize::try_from(index).ok()?)
    }

    /// The shard that records with this partition key go to.
    pub fn route(&self, key: &[u8]) -> &Shard {
        let place = match self.shards.len() {
            1 => 0,
            count => index_of(hash_key(key), u32::try_from(count).unwrap_or(u32::MAX)),
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "index_of is below the number of shards, which is at least one"
        )]
        &self.shards[place]
    }

    /// Takes room under a shard's limits, records and bytes or neither.
    ///
    /// # Errors
    /// [`Throttled`], with `never` when the request is larger than the burst.
    pub fn admit(&self, index: u32, records: u32, bytes: u64) -> Result<(), Throttled> {
        self.shard(index).map_or(Ok(()), |shard| shard.admit(records, bytes))
    }

    /// Takes room for `(shard, records, bytes)` under the limits of several shards, all or nothing.
    ///
    /// # Errors
    /// [`Throttled`] by the first shard that refuses; one that never can is named before others.
    pub fn admit_all(&self, parts: &[(u32, u32, u64)]) -> Result<(), Throttled> {
        for (done, (index, records, bytes)) in parts.iter().enumerate() {
            if let Err(refusal) = self.admit(*index, *records, *bytes) {
                self.give_back_all(parts.get(..done).unwrap_or_default());
                return Err(self.never(parts.get(done + 1..).unwrap_or_default()).unwrap_or(refusal));
            }
        }
        Ok(())
    }

    /// Gives back what `admit_all` took for records that were then not stored.
    pub fn give_back_all(&self, parts: &[(u32, u32, u64)]) {
        for (index, records, bytes) in parts {
            if let Some(shard) = self.shard(*index) {
                shard.throttle().give_back(*records, *bytes);
            }
        }
    }

    fn never(&self, parts: &[(u32, u32, u64)]) -> Option<Throttled> {
        parts.iter().find_map(|(index, records, bytes)| {
            self.shard(*index)?.throttle().never(*records, *bytes).map(|refusal| refusal.at(*index))
        })
    }
}

fn retention(section: &StreamSection) -> Retention {
    Retention { age: Some(section.retention.0), bytes: section.retention_bytes.map(|size| size.0) }
}

fn stored_name(stream: &str, index: u32) -> String {
    format!("{stream}/{}", shard_name(index))
}

/// Writes the definition unless it is there; refuses another number of shards once records exist.
async fn define(name: &str, shards: u32, store: &Store) -> Result<(), StreamError> {
    let commit = |cause| StreamError::Commit { name: name.to_owned(), cause };
    let key = format!("stream/{name}");
    let wanted = Definition::even(shards);
    if let Some(bytes) = store.get(&key) {
        let stored: Definition = serde_json::from_slice(&bytes)
            .map_err(|cause| StreamError::Definition { name: name.to_owned(), cause })?;
        if stored == wanted {
            return Ok(());
        }
        let count = u32::try_from(stored.shards.len()).unwrap_or(u32::MAX);
        for index in 0..count {
            let id = store.declare_shard(&stored_name(name, index)).await.map_err(commit)?;
            if store.range(id).is_some_and(|range| range.next > 0) {
                return Err(StreamError::ShardCount { name: name.to_owned(), stored: count, wanted: shards });
            }
        }
    }
    let bytes = serde_json::to_vec(&wanted)
        .map_err(|cause| StreamError::Definition { name: name.to_owned(), cause })?;
    let mut batch = Batch::new();
    batch.put(key, bytes, None);
    store.commit(batch).await.map_err(commit).map(drop)
}
