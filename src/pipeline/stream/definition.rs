//! What is kept of a stream: its shards, open and closed, and where they came from. Changing its shape
//! is a pure function of it; see `resharding`. How it lies in the registry: `pages`.

use super::shard::shard_name;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Begins the registry's keys of streams.
pub(super) const STREAM: &str = "stream/";
/// Begins keys that say that a stream which lay under its bare name was deleted.
const DELETED: &str = "deleted-stream/";

/// The shape of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Definition {
    /// The number of shards in the topology's file when it was last opened; 0 for one made at run time.
    pub declared: u32,
    /// Tells the stream from others that had its name before.
    pub id: String,
    /// Begins the names of its shards in the store.
    pub prefix: String,
    pub created_at_ms: i64,
    /// The number of the next shard.
    pub next_index: u32,
    /// Records of shards that are no more listed.
    pub departed: u64,
    /// In order of their numbers.
    pub shards: Vec<DefinedShard>,
}

/// What a shard is, whatever it holds. Hashes are kept as decimal text, as in Kinesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinedShard {
    /// The number in its name, from 0: never given twice within a stream.
    pub index: u32,
    /// First and last partition-key hash that comes here, or came before it was closed.
    #[serde(with = "decimal")]
    pub first_hash: u128,
    #[serde(with = "decimal")]
    pub last_hash: u128,
    /// The shard it was split from, or one of the two it was merged from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// The other of the two it was merged from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjacent_parent: Option<u32>,
    pub opened_at_ms: i64,
    /// When it was split or merged: it takes no records since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
}

impl DefinedShard {
    /// True while it takes records.
    pub fn is_open(&self) -> bool {
        self.closed_at_ms.is_none()
    }

    /// The shard's name as Kinesis writes it, such as `shardId-000000000002`.
    pub fn name(&self) -> String {
        shard_name(self.index)
    }

    /// The numbers of the shards it was made from.
    pub fn parents(&self) -> impl Iterator<Item = u32> {
        [self.parent, self.adjacent_parent].into_iter().flatten()
    }
}

impl Definition {
    /// A new stream of even shards, whose shards' names in the store begin with `prefix`.
    pub(super) fn even(prefix: String, id: String, shards: u32, now_ms: i64) -> Self {
        let ranges = super::shard::even_ranges(shards);
        Self::of_ranges(prefix, id, ranges.into_iter(), now_ms)
    }

    pub(super) fn of_ranges(
        prefix: String,
        id: String,
        ranges: impl Iterator<Item = RangeInclusive<u128>>,
        now_ms: i64,
    ) -> Self {
        let shard = |(index, range): (u32, RangeInclusive<u128>)| DefinedShard {
            index,
            first_hash: *range.start(),
            last_hash: *range.end(),
            parent: None,
            adjacent_parent: None,
            opened_at_ms: now_ms,
            closed_at_ms: None,
        };
        let shards: Vec<_> = (0..).zip(ranges).map(shard).collect();
        let next_index = u32::try_from(shards.len()).unwrap_or(u32::MAX);
        Self { declared: 0, id, prefix, created_at_ms: now_ms, next_index, departed: 0, shards }
    }

    /// The name that a shard has in the store.
    pub(super) fn stored_name(&self, index: u32) -> String {
        format!("{}/{}", self.prefix, shard_name(index))
    }

    pub(super) fn open_shards(&self) -> impl Iterator<Item = &DefinedShard> {
        self.shards.iter().filter(|shard| shard.is_open())
    }

    /// True when each hash lies in one open shard.
    pub(super) fn covers_every_hash(&self) -> bool {
        let follows = |expected: Option<u128>, shard: &DefinedShard| {
            let fits = expected == Some(shard.first_hash) && shard.first_hash <= shard.last_hash;
            fits.then(|| shard.last_hash.checked_add(1))
        };
        let open = self.open_by_hash();
        open.iter().try_fold(Some(0), follows) == Some(None)
    }

    pub(super) fn shard(&self, index: u32) -> Option<&DefinedShard> {
        let place = self.shards.binary_search_by_key(&index, |shard| shard.index).ok()?;
        self.shards.get(place)
    }
}

/// The key that says that a stream which lay under its bare name was deleted.
pub(super) fn deleted_key(name: &str) -> String {
    format!("{DELETED}{name}")
}

/// The prefix of a stream that is made when another one had its name before.
pub(super) fn fresh_prefix(name: &str, id: &str) -> String {
    format!("{name}@{id}")
}

/// A stream id as AWS writes it: twenty letters and digits, a dash, three more.
pub(super) fn fresh_id() -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    let mut letter = || char::from(*LETTERS.get(random.random_range(0..LETTERS.len())).unwrap_or(&b'a'));
    let first: String = (0..20).map(|_| letter()).collect();
    let last: String = (0..3).map(|_| letter()).collect();
    format!("{first}-{last}")
}

/// 128-bit numbers as decimal text.
pub(super) mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("{text:?} is not a 128-bit number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_as_kinesis_writes_them() {
        let id = fresh_id();
        let (first, last) = id.split_once('-').unwrap();
        assert_eq!((first.len(), last.len()), (20, 3));
        assert_ne!(id, fresh_id());
    }
}
