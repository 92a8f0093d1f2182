//! The registry: small durable values by key, some with an end.

use super::ShardId;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Begins the keys of checkpoints; reader and shard follow.
const CHECKPOINT: &str = "checkpoint/";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub value: Bytes,
    pub expires_at_ms: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    entries: BTreeMap<String, Stored>,
    expiries: BTreeSet<(i64, String)>,
}

impl Stored {
    fn lives(&self, now_ms: i64) -> bool {
        self.expires_at_ms.is_none_or(|at| at > now_ms)
    }
}

impl Registry {
    pub(super) fn put(&mut self, key: &str, value: Bytes, expires_at_ms: Option<i64>) {
        self.remove(key);
        if let Some(at) = expires_at_ms {
            self.expiries.insert((at, key.to_owned()));
        }
        self.entries.insert(key.to_owned(), Stored { value, expires_at_ms });
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Some(Stored { expires_at_ms: Some(at), .. }) = self.entries.remove(key) {
            self.expiries.remove(&(at, key.to_owned()));
        }
    }

    pub(super) fn get(&self, key: &str, now_ms: i64) -> Option<Bytes> {
        self.entries.get(key).filter(|stored| stored.lives(now_ms)).map(|stored| stored.value.clone())
    }

    pub(super) fn list(&self, prefix: &str, now_ms: i64) -> Vec<(String, Bytes)> {
        let from = self.entries.range(prefix.to_owned()..);
        from.take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, stored)| stored.lives(now_ms))
            .map(|(key, stored)| (key.clone(), stored.value.clone()))
            .collect()
    }

    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = (&String, &Stored)> {
        self.entries.iter()
    }

    /// Forgets what has ended; a replay may bring it back for a moment, hidden all the same.
    pub(super) fn forget_expired(&mut self, now_ms: i64) {
        while let Some((at, _)) = self.expiries.first() {
            if *at > now_ms {
                break;
            }
            if let Some((_, key)) = self.expiries.pop_first() {
                self.entries.remove(&key);
            }
        }
    }

    /// The lowest checkpoint of each shard that has readers.
    pub(super) fn lowest_checkpoints(&self) -> BTreeMap<u32, u64> {
        let mut lowest = BTreeMap::new();
        for (_, shard, next) in self.all_checkpoints() {
            lowest.entry(shard).and_modify(|least: &mut u64| *least = next.min(*least)).or_insert(next);
        }
        lowest
    }

    /// All checkpoints in these shards: reader, shard, next sequence to read.
    pub(super) fn checkpoints(&self, shards: &[ShardId]) -> Vec<(String, ShardId, u64)> {
        let of_these = self.all_checkpoints().filter(|(_, shard, _)| shards.contains(&ShardId(*shard)));
        of_these.map(|(reader, shard, next)| (reader.to_owned(), ShardId(shard), next)).collect()
    }

    fn all_checkpoints(&self) -> impl Iterator<Item = (&str, u32, u64)> {
        let from = self.entries.range(CHECKPOINT.to_owned()..);
        from.map_while(|(key, stored)| Some((key.strip_prefix(CHECKPOINT)?, stored))).filter_map(
            |(place, stored)| {
                let (reader, shard) = place.rsplit_once('/')?;
                Some((reader, shard.parse().ok()?, checkpoint_value(&stored.value)?))
            },
        )
    }
}

/// Reads a checkpoint as it is stored.
pub(super) fn checkpoint_value(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_hidden_and_then_forgotten() {
        let mut registry = Registry::default();
        registry.put("a", Bytes::from_static(b"1"), Some(10));
        registry.put("a", Bytes::from_static(b"2"), Some(20));
        registry.put("b", Bytes::new(), None);
        assert_eq!(registry.get("a", 19).as_deref(), Some(&b"2"[..]));
        assert_eq!(registry.get("a", 20), None);
        registry.forget_expired(10);
        assert_eq!(registry.all().len(), 2);
        registry.forget_expired(20);
        assert_eq!(registry.all().len(), 1);
        assert!(registry.expiries.is_empty());
    }

    #[test]
    fn the_slowest_reader_holds_a_shard() {
        let mut registry = Registry::default();
        for (reader, shard, next) in [("a", 1_u32, 7_u64), ("b", 1, 3), ("a", 2, 9)] {
            registry.put(&format!("checkpoint/{reader}/{shard}"), next.to_le_bytes().to_vec().into(), None);
        }
        assert_eq!(registry.lowest_checkpoints(), BTreeMap::from([(1, 3), (2, 9)]));
    }
}
