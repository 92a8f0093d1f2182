//! What the registry keeps of a stream under `stream/KEY`: its shards, open and closed, and where they
//! came from. Changing its shape is a pure function of it; see `resharding`.

use super::{StreamError, shard::shard_name};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Begins the registry's keys of streams.
pub(super) const STREAM: &str = "stream/";
/// Begins keys that say that a stream which lay under its bare name was deleted.
const DELETED: &str = "deleted-stream/";
const VERSION: u32 = 2;

/// The shape of a stream. Hashes are decimal text, as in Kinesis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Definition {
    pub version: u32,
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

/// A shard as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DefinedShard {
    pub index: u32,
    #[serde(with = "decimal")]
    pub first_hash: u128,
    #[serde(with = "decimal")]
    pub last_hash: u128,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjacent_parent: Option<u32>,
    pub opened_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
}

/// How version 1 told shards, which were all open and even.
#[derive(Deserialize)]
struct FirstVersion {
    shards: Vec<FirstShard>,
}

#[derive(Deserialize)]
struct FirstShard {
    #[serde(with = "decimal")]
    first_hash: u128,
    #[serde(with = "decimal")]
    last_hash: u128,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl DefinedShard {
    pub(super) fn is_open(&self) -> bool {
        self.closed_at_ms.is_none()
    }
}

impl Definition {
    /// A new stream of even shards, whose shards' names in the store begin with `prefix`.
    pub(super) fn even(prefix: String, id: String, shards: u32, now_ms: i64) -> Self {
        let ranges = super::shard::even_ranges(shards);
        Self::of_ranges(prefix, id, ranges.into_iter(), now_ms)
    }

    fn of_ranges(
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
        let (version, created_at_ms) = (VERSION, now_ms);
        Self { version, declared: 0, id, prefix, created_at_ms, next_index, departed: 0, shards }
    }

    /// Reads what is kept; version 1 becomes this one, made at `now_ms`.
    ///
    /// # Errors
    /// [`StreamError::Definition`].
    pub(super) fn decode(key: &str, bytes: &[u8], now_ms: i64) -> Result<Self, StreamError> {
        let damaged = |cause| StreamError::Definition { name: key.to_owned(), cause };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        match version {
            1 => {
                let first: FirstVersion = serde_json::from_slice(bytes).map_err(damaged)?;
                let ranges = first.shards.iter().map(|shard| shard.first_hash..=shard.last_hash);
                let mut read = Self::of_ranges(key.to_owned(), fresh_id(), ranges, now_ms);
                read.declared = read.next_index;
                Ok(read)
            }
            VERSION => serde_json::from_slice(bytes).map_err(damaged),
            found => Err(StreamError::Version { name: key.to_owned(), found, supported: VERSION }),
        }
    }

    /// # Errors
    /// [`StreamError::Definition`].
    pub(super) fn encode(&self, key: &str) -> Result<Vec<u8>, StreamError> {
        serde_json::to_vec(self).map_err(|cause| StreamError::Definition { name: key.to_owned(), cause })
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
mod decimal {
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
    fn what_version_one_kept_is_read() {
        let kept = br#"{"version":1,"shards":[
            {"id":"shardId-000000000000","first_hash":"0","last_hash":"170141183460469231731687303715884105727"},
            {"id":"shardId-000000000001","first_hash":"170141183460469231731687303715884105728",
             "last_hash":"340282366920938463463374607431768211455"}]}"#;
        let read = Definition::decode("trips", kept, 7).unwrap();
        let even = Definition::even("trips".to_owned(), read.id.clone(), 2, 7);
        assert_eq!(read, Definition { declared: 2, ..even });
        assert_eq!(read.stored_name(1), "trips/shardId-000000000001");
    }

    #[test]
    fn a_definition_is_read_back_as_written_and_a_later_version_is_refused() {
        let mut definition = Definition::even("trips".to_owned(), fresh_id(), 3, 7);
        definition.split(1, 150 << 120, 9).unwrap();
        let bytes = definition.encode("trips").unwrap();
        assert_eq!(Definition::decode("trips", &bytes, 99).unwrap(), definition);
        let later = String::from_utf8(bytes).unwrap().replace("\"version\":2", "\"version\":3");
        let refused = Definition::decode("trips", later.as_bytes(), 0).unwrap_err().to_string();
        assert!(refused.contains("version 3"), "{refused}");
    }

    #[test]
    fn ids_look_as_kinesis_writes_them() {
        let id = fresh_id();
        let (first, last) = id.split_once('-').unwrap();
        assert_eq!((first.len(), last.len()), (20, 3));
        assert_ne!(id, fresh_id());
    }
}
