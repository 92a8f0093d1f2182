//! Appending records by the hashes of their keys, whatever happens to the shards meanwhile.

use super::{Layout, Shard, Stream, hash_key};
use crate::storage::{Batch, CommitError, Committed, RecordBlock};
use bytes::Bytes;
use std::sync::Arc;

/// Times that a batch is routed before it is given up: each time its shards were split or merged
/// after it was routed.
pub const MOST_ROUTES: u32 = 16;

/// A record on its way into a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incoming {
    /// Where it goes, when that is not the hash of its key.
    pub hash: Option<u128>,
    pub key: Bytes,
    pub attributes: Bytes,
    pub payload: Bytes,
}

/// Where a record came to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// The shard's number within the stream.
    pub shard: u32,
    pub sequence: u64,
}

/// What goes to one shard.
struct Part {
    shard: Arc<Shard>,
    bytes: usize,
    block: RecordBlock,
}

/// Records by the shards they go to, and for each record its part and its place in there.
struct Routed {
    parts: Vec<Part>,
    places: Vec<(usize, u32)>,
}

impl Routed {
    fn new(layout: &Layout, records: &[Incoming], now_ms: i64) -> Self {
        let mut routed = Self { parts: Vec::new(), places: Vec::with_capacity(records.len()) };
        // Which part each open shard has, if it has one.
        let mut known = vec![None; layout.open().len()];
        for record in records {
            let place = layout.place_of(record.hash.unwrap_or_else(|| hash_key(&record.key)));
            routed.count(layout, place, &mut known, record);
        }
        for part in &mut routed.parts {
            part.block = RecordBlock::with_capacity(part.bytes);
        }
        for (record, (part, place)) in records.iter().zip(&mut routed.places) {
            if let Some(Part { block, .. }) = routed.parts.get_mut(*part) {
                *place = block.count();
                block.push(now_ms, &record.key, &record.attributes, &record.payload);
            }
        }
        routed
    }

    /// Counts a record in the part of the open shard at `place`.
    fn count(&mut self, layout: &Layout, place: usize, known: &mut [Option<usize>], record: &Incoming) {
        let next = self.parts.len();
        let part = known.get_mut(place).map_or(next, |part| *part.get_or_insert(next));
        if part == next {
            let shard = Arc::clone(layout.at(place));
            self.parts.push(Part { shard, bytes: 0, block: RecordBlock::new() });
        }
        if let Some(part) = self.parts.get_mut(part) {
            part.bytes += RecordBlock::encoded_size(&record.key, &record.attributes, &record.payload);
        }
        self.places.push((part, 0));
    }

    /// The batch, the shards of its placements in their order, and the places of the records.
    fn into_batch(self) -> (Batch, Vec<Arc<Shard>>, Vec<(usize, u32)>) {
        let mut batch = Batch::new();
        let mut shards = Vec::with_capacity(self.parts.len());
        for Part { shard, block, .. } in self.parts {
            batch.append(shard.id, block);
            shards.push(shard);
        }
        (batch, shards, self.places)
    }
}

fn placed(committed: &Committed, shards: &[Arc<Shard>], places: &[(usize, u32)]) -> Vec<Placed> {
    let place = |(part, base): &(usize, u32)| {
        let first = committed.placements.get(*part).map_or(0, |place| place.first_sequence);
        let shard = shards.get(*part).map_or(0, |shard| shard.index);
        Placed { shard, sequence: first + u64::from(*base) }
    };
    places.iter().map(place).collect()
}

impl Stream {
    /// Makes the records durable, all or none, in their order within each shard; tells where each lies, in
    /// the order given. Limits are not looked at. Records whose shard closes meanwhile are routed again.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn append(&self, records: &[Incoming], now_ms: i64) -> Result<Vec<Placed>, CommitError> {
        let mut routes = 0;
        loop {
            let (batch, shards, places) = Routed::new(&self.layout(), records, now_ms).into_batch();
            match self.store.commit(batch).await {
                Err(CommitError::ShardClosed(_)) if routes < MOST_ROUTES => {
                    routes += 1;
                    self.settled().await;
                }
                outcome => return outcome.map(|committed| placed(&committed, &shards, &places)),
            }
        }
    }
}
