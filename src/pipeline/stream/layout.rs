//! The shards of a stream at one moment, and which of them takes a hash.

use super::{
    Shard,
    lifetimes::{Lifetimes, OpenDuring},
    shard::hash_key,
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
    /// When `shards` were open, by their places.
    lifetimes: Lifetimes,
    /// Records of shards that are no more listed.
    departed: u64,
}

impl Layout {
    pub(super) fn new(shards: Vec<Arc<Shard>>, departed: u64) -> Self {
        let mut open: Vec<_> = shards.iter().filter(|shard| shard.is_open()).cloned().collect();
        open.sort_unstable_by_key(|shard| shard.first_hash);
        let ends = open.iter().map(|shard| shard.last_hash).collect();
        let lifetimes = Lifetimes::of(shards.iter().map(|shard| shard.defined()));
        Self { shards, open, ends, lifetimes, departed }
    }

    /// Open and closed shards, in order of their numbers.
    pub fn shards(&self) -> &[Arc<Shard>] {
        &self.shards
    }

    /// The shards that were open then and whose numbers are above `after`, in order of their numbers. Each
    /// step costs little, however many shards there are that were not.
    pub fn open_during(&self, then: OpenDuring, after: Option<u32>) -> impl Iterator<Item = &Arc<Shard>> {
        let above = |after: u32| self.shards.partition_point(|shard| shard.index <= after);
        let first = self.lifetimes.next(after.map_or(0, above), then);
        let places = std::iter::successors(first, move |place| self.lifetimes.next(place + 1, then));
        places.filter_map(|place| self.shards.get(place))
    }

    /// The shards that came of this one when it was closed.
    pub fn children(&self, index: u32) -> impl Iterator<Item = &Arc<Shard>> {
        let first = self.shards.partition_point(|shard| shard.index <= index);
        let later = self.shards.get(first..).unwrap_or_default();
        later.iter().filter(move |shard| shard.parents().any(|parent| parent == index))
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
        self.at(self.place_of(hash))
    }

    /// Which of the open shards holds this hash. Halving is quicker than a division by the width of even
    /// shards, which has 128 bits.
    pub(super) fn place_of(&self, hash: u128) -> usize {
        self.ends.partition_point(|end| *end < hash)
    }

    pub(super) fn at(&self, place: usize) -> &Arc<Shard> {
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
