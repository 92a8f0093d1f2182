//! A shard and the part of the hash space it holds.

use super::{
    Limits,
    definition::DefinedShard,
    throttle::{Throttle, Throttled},
};
use crate::{storage::ShardId, telemetry::ShardMetrics};
use md5::{Digest, Md5};
use std::{
    ops::{Deref, RangeInclusive},
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

/// A part of a stream: an ordered, durable sequence of records.
#[derive(Debug)]
pub struct Shard {
    defined: DefinedShard,
    pub id: ShardId,
    pub metrics: ShardMetrics,
    pub(super) throttle: RwLock<Throttle>,
}

/// Whoever has a shard asks it for its number, its hashes, its parents and its times.
impl Deref for Shard {
    type Target = DefinedShard;

    fn deref(&self) -> &DefinedShard {
        &self.defined
    }
}

impl Shard {
    pub(super) fn new(
        defined: &DefinedShard,
        id: ShardId,
        metrics: ShardMetrics,
        limits: Option<&Limits>,
    ) -> Self {
        Self { defined: defined.clone(), id, metrics, throttle: RwLock::new(Throttle::new(limits)) }
    }

    /// What it is, without what it holds and admits.
    pub fn defined(&self) -> &DefinedShard {
        &self.defined
    }

    pub(super) fn throttle(&self) -> RwLockReadGuard<'_, Throttle> {
        self.throttle.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other limits in place of those that hold now.
    pub(super) fn limit(&self, limits: Option<&Limits>) {
        *self.throttle.write().unwrap_or_else(PoisonError::into_inner) = Throttle::new(limits);
    }

    /// Takes room for records and bytes under the shard's limits, both or neither.
    ///
    /// # Errors
    /// [`Throttled`] when the limits do not allow it now, or never will.
    pub fn admit(&self, records: u32, bytes: u64) -> Result<(), Throttled> {
        self.throttle().admit(records, bytes).map_err(|refusal| {
            self.metrics.throttled();
            refusal.at(self.index)
        })
    }
}

pub(super) fn shard_name(index: u32) -> String {
    format!("shardId-{index:012}")
}

/// The hash of a partition key: its MD5 as a 128-bit number, as Kinesis has it.
pub fn hash_key(key: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(key).into())
}

/// Hashes held by each of `shards` equal shards, save the last, which takes the remainder too.
fn width(shards: u32) -> u128 {
    let shards = u128::from(shards.max(1));
    // The space holds u128::MAX + 1 hashes.
    let whole = u128::MAX / shards;
    if u128::MAX % shards == shards - 1 { whole.saturating_add(1) } else { whole }
}

/// Splits the hash space evenly, as Kinesis does when it makes a stream.
pub(super) fn even_ranges(shards: u32) -> Vec<RangeInclusive<u128>> {
    let width = width(shards);
    (0..shards)
        .map(|index| {
            let first = width * u128::from(index);
            first..=if index + 1 == shards { u128::MAX } else { first + (width - 1) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_that_kinesis_gives() {
        let three = even_ranges(3);
        assert_eq!(three[0], 0..=113_427_455_640_312_821_154_458_202_477_256_070_484);
        assert_eq!(*three[1].start(), 113_427_455_640_312_821_154_458_202_477_256_070_485);
        assert_eq!(*three[2].end(), 340_282_366_920_938_463_463_374_607_431_768_211_455);
        assert_eq!(even_ranges(1), [0..=u128::MAX]);
        assert_eq!(even_ranges(2)[0], 0..=170_141_183_460_469_231_731_687_303_715_884_105_727);
    }

    #[test]
    fn ranges_cover_every_hash_once() {
        for shards in [1, 2, 3, 5, 7, 64, 1000, 1024] {
            let ranges = even_ranges(shards);
            assert_eq!(ranges.len(), shards as usize);
            let mut expected = 0;
            for range in &ranges {
                assert_eq!(*range.start(), expected);
                expected = range.end().wrapping_add(1);
            }
            assert_eq!(expected, 0);
        }
    }

    #[test]
    fn a_key_hashes_to_its_md5() {
        assert_eq!(hash_key(b""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(hash_key(b"caudal"), hash_key(b"caudal"));
    }

    #[test]
    fn many_keys_spread_over_all_shards() {
        let (mut counts, ranges) = ([0_u32; 8], even_ranges(8));
        for key in 0..80_000_u32 {
            let hash = hash_key(key.to_string().as_bytes());
            counts[ranges.iter().position(|range| range.contains(&hash)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..=10_500).contains(count)), "{counts:?}");
    }
}
