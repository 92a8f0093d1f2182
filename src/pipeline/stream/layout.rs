//! The shards of a stream at one moment, and which of them takes a hash.

use super::{
    Shard,
    shard::{even_ranges, hash_key, index_of},
};
use std::sync::Arc;

/// A snapshot: shards that are opened or closed later are in the next one. There is always an open shard.
#[derive(Debug)]
pub struct Layout {
    /// Open and closed, in order of their numbers.
    shards: Vec<Arc<Shard>>,
    /// Those that take records, in order of their hashes.
    open: Vec<Arc<Shard>>,
    /// The last hash of each open shard.
    ends: Vec<u128>,
    /// Open ranges are those of a stream that was never reshaped, so that a division finds them.
    is_even: bool,
    /// Records of shards that are no more listed.
    departed: u64,
}

impl Layout {
    pub(super) fn new(shards: Vec<Arc<Shard>>, departed: u64) -> Self {
        let mut open: Vec<_> = shards.iter().filter(|shard| shard.is_open()).cloned().collect();
        open.sort_unstable_by_key(|shard| shard.first_hash);
        let ends: Vec<u128> = open.iter().map(|shard| shard.last_hash).collect();
        let count = u32::try_from(open.len()).unwrap_or(u32::MAX);
        let even = even_ranges(count);
        let is_even = even.iter().map(|range| *range.end()).eq(ends.iter().copied());
        Self { shards, open, ends, is_even, departed }
    }

    /// Open and closed shards, in order of their numbers.
    pub fn shards(&self) -> &[Arc<Shard>] {
        &self.shards
    }

    /// The shards that take records, in order of their hashes.
    pub fn open(&self) -> &[Arc<Shard>] {
        &self.open
    }

    pub fn shard(&self, index: u32) -> Option<&Arc<Shard>> {
        let place = self.shards.binary_search_by_key(&index, |shard| shard.index).ok()?;
        self.shards.get(place)
    }

    /// The open shard that records with this partition key go to.
    pub fn route(&self, key: &[u8]) -> &Arc<Shard> {
        match self.open.len() {
            1 => self.at(0),
            _ => self.route_hash(hash_key(key)),
        }
    }

    /// The open shard that holds this hash.
    pub fn route_hash(&self, hash: u128) -> &Arc<Shard> {
        let place = match self.is_even {
            true => index_of(hash, u32::try_from(self.open.len()).unwrap_or(u32::MAX)),
            false => self.ends.partition_point(|end| *end < hash),
        };
        self.at(place)
    }

    fn at(&self, place: usize) -> &Arc<Shard> {
        #[expect(
            clippy::indexing_slicing,
            reason = "open ranges cover every hash, so that each lies in one of them"
        )]
        &self.open[place]
    }

    /// Records of shards that are no more listed: retention and all readers have passed them.
    pub fn departed(&self) -> u64 {
        self.departed
    }
}
