//! How many shards an on-demand stream has: by its load. Pure: what shards have taken goes in, with the
//! time, and splits and merges come out.
//!
//! AWS has such a stream take twice the highest load it had; so a shard is split when more than half of
//! what it may take (1 MiB and 1,000 records a second) comes to it, and two that were quiet for a day
//! become one.

use std::collections::BTreeMap;

/// What a shard takes in a second.
const BYTES: f64 = 1_048_576.0;
const RECORDS: f64 = 1_000.0;
/// A shard that takes more than this part of it is split.
const HOT: f64 = 0.5;
/// Two neighbours that take less than this part of one shard, together, are merged when they did so for
/// `QUIET_MS`.
const COLD: f64 = 0.25;
const QUIET_MS: i64 = 86_400_000;

/// What an open shard has taken since it was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub shard: u32,
    pub first_hash: u128,
    pub last_hash: u128,
    pub bytes: u64,
    pub records: u64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Split { shard: u32, at: u128 },
    Merge { one: u32, other: u32 },
}

/// What was seen of each open shard at the last look.
#[derive(Debug, Default)]
pub(super) struct LoadSeen(BTreeMap<u32, Seen>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    bytes: u64,
    records: u64,
    at_ms: i64,
    /// The last time that it took more than half of what two quiet ones may take.
    busy_at_ms: i64,
}

impl LoadSeen {
    /// Decides by what came since the last look. `shards` are the open ones in order of their hashes, of
    /// which there are to be at least `least`.
    pub(super) fn decide(&mut self, shards: &[Taken], least: usize, now_ms: i64) -> Vec<Step> {
        let loads: Vec<Option<f64>> = shards.iter().map(|shard| self.load(shard, now_ms)).collect();
        self.0.retain(|index, _| shards.iter().any(|shard| shard.shard == *index));
        let is_hot = |load: &Option<f64>| load.is_some_and(|load| load > HOT);
        let hot = shards
            .iter()
            .zip(&loads)
            .filter(|(shard, load)| is_hot(load) && shard.last_hash > shard.first_hash);
        let splits: Vec<Step> = hot.map(|(shard, _)| split(shard)).collect();
        if !splits.is_empty() || shards.len() <= least {
            return splits;
        }
        let is_quiet = |shard: &Taken| {
            self.0.get(&shard.shard).is_some_and(|seen| now_ms.saturating_sub(seen.busy_at_ms) >= QUIET_MS)
        };
        let pairs = shards.windows(2).filter_map(|pair| <&[Taken; 2]>::try_from(pair).ok());
        let quiet = pairs.into_iter().find(|pair| pair.iter().all(is_quiet));
        quiet.map(|[one, other]| Step::Merge { one: one.shard, other: other.shard }).into_iter().collect()
    }

    /// The part of what it may take that a shard took since the last look; none at the first.
    fn load(&mut self, shard: &Taken, now_ms: i64) -> Option<f64> {
        let (bytes, records) = (shard.bytes, shard.records);
        let before = self.0.get(&shard.shard).copied();
        let load = before.filter(|seen| seen.at_ms < now_ms).map(|seen| {
            let seconds = (now_ms - seen.at_ms) as f64 / 1_000.0;
            let share = |new: u64, old: u64, most: f64| new.saturating_sub(old) as f64 / seconds / most;
            share(bytes, seen.bytes, BYTES).max(share(records, seen.records, RECORDS))
        });
        let is_busy = load.is_some_and(|load| load > COLD / 2.0);
        let busy_at_ms = before.filter(|_| !is_busy).map_or(now_ms, |seen| seen.busy_at_ms);
        self.0.insert(shard.shard, Seen { bytes, records, at_ms: now_ms, busy_at_ms });
        load
    }
}

fn split(shard: &Taken) -> Step {
    let at = shard.first_hash + (shard.last_hash - shard.first_hash) / 2 + 1;
    Step::Split { shard: shard.shard, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shards of a stream that take this many records a second each, after `seconds`.
    fn taken(rates: &[u64], seconds: u64) -> Vec<Taken> {
        let width = u128::MAX / rates.len() as u128;
        let shard = |(shard, rate): (u32, &u64)| Taken {
            shard,
            first_hash: width * u128::from(shard),
            last_hash: width * u128::from(shard) + (width - 1),
            bytes: 0,
            records: rate * seconds,
        };
        (0..).zip(rates).map(shard).collect()
    }

    #[test]
    fn a_shard_that_takes_more_than_half_of_what_it_may_is_split_in_the_middle() {
        let mut seen = LoadSeen::default();
        assert_eq!(seen.decide(&taken(&[600, 100, 500, 501], 0), 4, 0), []);
        let steps = seen.decide(&taken(&[600, 100, 500, 501], 10), 4, 10_000);
        let split_shards: Vec<u32> = steps
            .iter()
            .map(|step| match step {
                Step::Split { shard, at } => {
                    let whole = taken(&[0; 4], 0)[*shard as usize];
                    assert!(*at > whole.first_hash && *at < whole.last_hash);
                    *shard
                }
                Step::Merge { .. } => panic!("{step:?}"),
            })
            .collect();
        assert_eq!(split_shards, [0, 3]);
    }

    #[test]
    fn bytes_count_as_records_do() {
        let mut seen = LoadSeen::default();
        let shard = |bytes| [Taken { bytes, ..taken(&[0], 0)[0] }];
        seen.decide(&shard(0), 4, 0);
        assert_eq!(seen.decide(&shard(500_000), 4, 1_000), []);
        assert_eq!(seen.decide(&shard(500_000 + 600_000), 4, 2_000).len(), 1);
    }

    #[test]
    fn two_neighbours_that_were_quiet_for_a_day_become_one_but_never_fewer_than_the_least() {
        let mut seen = LoadSeen::default();
        let rates = [100, 300, 100, 100, 300];
        let mut at = 0;
        let mut look = |seen: &mut LoadSeen, hours: i64, least| {
            at += hours * 3_600;
            seen.decide(&taken(&rates, at as u64), least, at * 1_000)
        };
        look(&mut seen, 0, 4);
        look(&mut seen, 1, 4);
        assert_eq!(look(&mut seen, 22, 4), []);
        assert_eq!(look(&mut seen, 2, 5), []);
        assert_eq!(look(&mut seen, 1, 4), [Step::Merge { one: 2, other: 3 }]);
    }
}
