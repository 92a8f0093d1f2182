//! What an object holds and where it lies: a range of one shard, and a name made from it.

use super::{
    Format,
    template::{SHARD_PREFIX, sequence_pattern, shard_name, shard_pattern},
};
use serde::{Deserialize, Serialize};

/// An object about to be written, made durable before it is: after a crash exactly this one is
/// written again, so that no two objects hold the same records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// First and last sequence that the object stands for, those left out by a filter among them.
    pub first: u64,
    pub last: u64,
    /// Place below the store's folder.
    pub path: String,
    pub format: Format,
    /// Address of the store, as the topology had it.
    pub store: String,
}

impl Intent {
    /// Registry key of the object that a node is writing from a shard, as [`shard_key`] tells it.
    pub fn key(node: &str, shard: &str) -> String {
        format!("intent/{node}/{shard}")
    }
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::JsonLinesGzip => "jsonl.gz",
            Self::JsonLinesZstd => "jsonl.zst",
            Self::Parquet => "parquet",
        }
    }
}

/// A shard in keys of the registry. `id` is that of a stream that had predecessors of its name, whose
/// shards have the same numbers.
pub fn shard_key(shard: u32, id: Option<&str>) -> String {
    match id {
        None => shard.to_string(),
        Some(id) => format!("{shard}-{id}"),
    }
}

/// `FOLDER/SHARD-FIRST-LAST.EXTENSION`, with numbers that sort as text, and `-ID` after them of a stream
/// that had predecessors of its name: their objects hold other records of the same range.
pub fn object_path(
    folder: &str,
    shard: u32,
    (first, last): (u64, u64),
    id: Option<&str>,
    format: Format,
) -> String {
    let id = id.map(|id| format!("-{id}")).unwrap_or_default();
    format!("{folder}/{}-{first:020}-{last:020}{id}.{}", shard_name(shard), format.extension())
}

/// Shard and range in the name of an object, as [`object_path`] writes it.
pub fn ranged(name: &str) -> Option<(u32, (u64, u64))> {
    let mut parts = name.strip_prefix(SHARD_PREFIX)?.split(['-', '.']);
    let shard = parts.next()?.parse().ok()?;
    Some((shard, (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)))
}

/// A glob that the names of [`object_path`] meet.
pub fn object_pattern(format: Format) -> String {
    let sequence = sequence_pattern();
    format!("{}-{sequence}-{sequence}*.{}", shard_pattern(), format.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_ranges_do() {
        let nine = object_path("trips", 1, (9, 99), None, Format::JsonLinesZstd);
        let hundred = object_path("trips", 1, (100, 1_000), None, Format::JsonLinesZstd);
        assert_eq!(nine, "trips/shardId-000000000001-00000000000000000009-00000000000000000099.jsonl.zst");
        assert!(nine < hundred);
        let largest = object_path("f", u32::MAX, (u64::MAX, u64::MAX), None, Format::Parquet);
        assert_eq!(largest.len(), "f/".len() + 20 + 2 * 21 + ".parquet".len());
    }

    #[test]
    fn a_name_tells_shard_and_range() {
        for id in [None, Some("a1-b")] {
            let path = object_path("trips/2019", 12, (9, u64::MAX), id, Format::JsonLinesZstd);
            assert_eq!(ranged(path.rsplit('/').next().unwrap()), Some((12, (9, u64::MAX))));
        }
        for other in ["", "shardId-1", "shardId-1-2", "part-1-2-3.jsonl", "shardId-a-2-3.jsonl"] {
            assert_eq!(ranged(other), None, "{other}");
        }
    }

    #[test]
    fn objects_of_streams_of_one_name_never_have_one_name() {
        let named = |id| object_path("trips", 1, (9, 99), id, Format::JsonLines);
        assert_eq!(
            named(Some("a1-b")),
            "trips/shardId-000000000001-00000000000000000009-00000000000000000099-a1-b.jsonl"
        );
        assert!(named(None) != named(Some("a")) && named(Some("a")) != named(Some("b")));
        assert!(shard_key(1, None) != shard_key(1, Some("a")));
    }
}
