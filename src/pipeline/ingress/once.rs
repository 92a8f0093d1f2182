//! What is remembered under an idempotency key, so that a repeat is answered alike.

use super::{
    answer::{Destination, Placed, Told},
    prepare::Faults,
};
use crate::storage::Once;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// Longest `Idempotency-Key`, in bytes.
pub(super) const LONGEST_ONCE_KEY: usize = 255;
/// Largest note; the registry holds at most 1 MiB for a key.
pub(super) const LARGEST_NOTE: usize = 512 << 10;

/// The note beside the placements. The hash tells another body under the same key.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    #[serde(rename = "h")]
    hash: u128,
    #[serde(rename = "i")]
    into: Destination,
    /// Shard of each placement.
    #[serde(rename = "s")]
    shards: Vec<u32>,
    /// Runs of equal shares.
    #[serde(rename = "r")]
    runs: Vec<(u32, u32)>,
    #[serde(rename = "f")]
    faults: Faults,
}

/// The name a key is remembered by.
pub(super) fn remembered_as(target: &str, key: &str) -> String {
    format!("{target}/{key}")
}

/// A hash of everything that decides where the records go.
pub(super) fn hash_of(partition_key: Option<&str>, body: &[u8]) -> u128 {
    let mut hash = Md5::new();
    hash.update(partition_key.unwrap_or_default().as_bytes());
    hash.update([0xff]);
    hash.update(body);
    u128::from_be_bytes(hash.finalize().into())
}

impl Note {
    pub(super) fn new(hash: u128, into: Destination, shards: Vec<u32>, told: &Told) -> Self {
        Self { hash, into, shards, runs: told.runs(), faults: told.faults.clone() }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The first answer again; `None` when the key was used for another body.
pub(super) fn replay(name: &str, hash: u128, once: &Once) -> Option<(Vec<u8>, usize)> {
    let note: Note = serde_json::from_slice(&once.note).ok()?;
    if note.hash != hash {
        return None;
    }
    let placements = once.placements.iter().map(|placement| placement.first_sequence);
    let placed: Vec<_> = note
        .shards
        .iter()
        .zip(placements)
        .map(|(shard, first_sequence)| Placed { shard: *shard, first_sequence })
        .collect();
    let told = Told::from_runs(&note.runs, note.faults);
    Some((told.write(name, note.into, &placed), told.faults.count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Placement, ShardId};

    #[test]
    fn a_repeat_is_answered_with_the_same_bytes_and_another_body_is_told_apart() {
        let told = Told { entries: vec![0, 1, 0, 1], faults: Faults::default() };
        let placed = [Placed { shard: 3, first_sequence: 9 }, Placed { shard: 1, first_sequence: 4 }];
        let first = told.write("trips", Destination::Stream, &placed);
        let hash = hash_of(Some("key"), b"body");
        let note = Note::new(hash, Destination::Stream, vec![3, 1], &told).encode();
        let placement = |shard, first_sequence| Placement { shard: ShardId(shard), first_sequence, count: 2 };
        let once = Once { placements: vec![placement(70, 9), placement(71, 4)], note: note.into() };
        assert_eq!(replay("trips", hash, &once), Some((first, 0)));
        assert_eq!(replay("trips", hash_of(Some("key"), b"other"), &once), None);
        assert_eq!(replay("trips", hash_of(None, b"body"), &once), None);
    }
}
