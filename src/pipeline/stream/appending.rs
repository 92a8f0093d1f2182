//! Appending records by the hashes of their keys, whatever happens to the shards meanwhile.

use super::{Layout, Stream};
use crate::storage::{Batch, CommitError, Committed, RecordBlock, ShardId};
use bytes::Bytes;
use std::collections::BTreeMap;

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

/// Records by the shards they go to, and for each record its shard and its place in there.
struct Routed {
    blocks: BTreeMap<u32, (ShardId, RecordBlock)>,
    places: Vec<(u32, u32)>,
}

impl Routed {
    fn new(layout: &Layout, records: &[Incoming], now_ms: i64) -> Self {
        let mut routed = Self { blocks: BTreeMap::new(), places: Vec::with_capacity(records.len()) };
        for record in records {
            let shard = match record.hash {
                Some(hash) => layout.route_hash(hash),
                None => layout.route(&record.key),
            };
            let (_, block) =
                routed.blocks.entry(shard.index).or_insert_with(|| (shard.id, RecordBlock::new()));
            routed.places.push((shard.index, block.count()));
            block.push(now_ms, &record.key, &record.attributes, &record.payload);
        }
        routed
    }

    /// The batch, and the shards of its placements in their order.
    fn into_batch(self) -> (Batch, Vec<u32>, Vec<(u32, u32)>) {
        let mut batch = Batch::new();
        let mut shards = Vec::with_capacity(self.blocks.len());
        for (index, (id, block)) in self.blocks {
            batch.append(id, block);
            shards.push(index);
        }
        (batch, shards, self.places)
    }
}

fn placed(committed: &Committed, shards: &[u32], places: &[(u32, u32)]) -> Vec<Placed> {
    let firsts: BTreeMap<u32, u64> =
        shards.iter().copied().zip(committed.placements.iter().map(|place| place.first_sequence)).collect();
    let place = |(shard, base): &(u32, u32)| {
        let first = firsts.get(shard).copied().unwrap_or(0);
        Placed { shard: *shard, sequence: first + u64::from(*base) }
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
