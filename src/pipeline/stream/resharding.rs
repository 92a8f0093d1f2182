//! How a stream's shape changes: pure functions of its definition.

use super::definition::{DefinedShard, Definition};

/// Why a shard cannot be split or merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReshardError {
    #[error("there is no shard {0}")]
    NotFound(u32),
    #[error("shard {0} was split or merged before")]
    Closed(u32),
    #[error("shards {0} and {1} are not adjacent")]
    NotAdjacent(u32, u32),
    /// The second half has to begin between these, both included.
    #[error("hash {hash} is not between {first} and {last}, within which shard {shard} can be split")]
    OutOfBounds { shard: u32, hash: u128, first: u128, last: u128 },
}

impl Definition {
    fn place_of_open(&self, index: u32) -> Result<usize, ReshardError> {
        let found = self.shards.binary_search_by_key(&index, |shard| shard.index);
        let place = found.map_err(|_| ReshardError::NotFound(index))?;
        match self.shards.get(place) {
            Some(shard) if shard.is_open() => Ok(place),
            Some(_) => Err(ReshardError::Closed(index)),
            None => Err(ReshardError::NotFound(index)),
        }
    }

    fn close(&mut self, place: usize, now_ms: i64) {
        if let Some(shard) = self.shards.get_mut(place) {
            shard.closed_at_ms = Some(now_ms);
        }
    }

    fn open(&mut self, range: (u128, u128), parents: (u32, Option<u32>), now_ms: i64) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        self.shards.push(DefinedShard {
            index,
            first_hash: range.0,
            last_hash: range.1,
            parent: Some(parents.0),
            adjacent_parent: parents.1,
            opened_at_ms: now_ms,
            closed_at_ms: None,
        });
        index
    }

    /// Splits an open shard in two, of which the second begins at `at`; gives their numbers.
    ///
    /// # Errors
    /// See [`ReshardError`]; nothing has changed then.
    pub(super) fn split(&mut self, index: u32, at: u128, now_ms: i64) -> Result<[u32; 2], ReshardError> {
        let place = self.place_of_open(index)?;
        let Some(shard) = self.shards.get(place) else { return Err(ReshardError::NotFound(index)) };
        let (first, last) = (shard.first_hash, shard.last_hash);
        // As Kinesis has it: neither half is a single hash at the lower end.
        if at <= first || at > last {
            let bounds = (first.saturating_add(1), last);
            return Err(ReshardError::OutOfBounds {
                shard: index,
                hash: at,
                first: bounds.0,
                last: bounds.1,
            });
        }
        self.close(place, now_ms);
        let lower = self.open((first, at - 1), (index, None), now_ms);
        Ok([lower, self.open((at, last), (index, None), now_ms)])
    }

    /// Merges two open shards whose ranges touch, in any order; gives the number of the new one.
    ///
    /// # Errors
    /// See [`ReshardError`]; nothing has changed then.
    pub(super) fn merge(&mut self, one: u32, other: u32, now_ms: i64) -> Result<u32, ReshardError> {
        let places = (self.place_of_open(one)?, self.place_of_open(other)?);
        let (Some(a), Some(b)) = (self.shards.get(places.0), self.shards.get(places.1)) else {
            return Err(ReshardError::NotFound(one));
        };
        let touches = |a: &DefinedShard, b: &DefinedShard| a.last_hash.checked_add(1) == Some(b.first_hash);
        if !touches(a, b) && !touches(b, a) {
            return Err(ReshardError::NotAdjacent(one, other));
        }
        let range = (a.first_hash.min(b.first_hash), a.last_hash.max(b.last_hash));
        self.close(places.0, now_ms);
        self.close(places.1, now_ms);
        Ok(self.open(range, (one, Some(other)), now_ms))
    }

    /// Scales to `target` shards of about equal size, by Kinesis's plan: every open shard is split once
    /// while there are too few, then neighbours are merged until there are as many as wanted.
    ///
    /// # Errors
    /// See [`ReshardError`]: when the hash space is too small for so many.
    pub(super) fn scale_to(&mut self, target: u32, now_ms: i64) -> Result<(), ReshardError> {
        let target = usize::try_from(target.max(1)).unwrap_or(usize::MAX);
        while self.open_shards().count() < target {
            for (index, at) in self.halves(target) {
                self.split(index, at, now_ms)?;
            }
        }
        let open = self.open_by_hash();
        let ends: Vec<u128> = open.iter().map(|shard| shard.last_hash).collect();
        let groups = grouped(&ends, target);
        let groups: Vec<Vec<u32>> = groups
            .into_iter()
            .map(|group| open.get(group).unwrap_or_default().iter().map(|shard| shard.index).collect())
            .collect();
        for group in groups {
            let mut members = group.into_iter();
            let Some(mut merged) = members.next() else { continue };
            for next in members {
                merged = self.merge(merged, next, now_ms)?;
            }
        }
        Ok(())
    }

    /// Where each open shard is split: at a boundary that the wanted shards have there, or else in the middle.
    fn halves(&self, target: usize) -> Vec<(u32, u128)> {
        let boundaries = ideal_boundaries(target);
        let half = |shard: DefinedShard| {
            let middle = shard.first_hash + (shard.last_hash - shard.first_hash) / 2 + 1;
            let within = |at: &&u128| **at > shard.first_hash && **at <= shard.last_hash;
            let nearest = boundaries.iter().filter(within).min_by_key(|at| at.abs_diff(middle));
            (shard.index, nearest.copied().unwrap_or(middle))
        };
        self.open_by_hash().into_iter().map(half).collect()
    }

    pub(super) fn open_by_hash(&self) -> Vec<DefinedShard> {
        let mut open: Vec<DefinedShard> = self.open_shards().cloned().collect();
        open.sort_unstable_by_key(|shard| shard.first_hash);
        open
    }
}

/// Where the second and all later of `count` even shards begin.
fn ideal_boundaries(count: usize) -> Vec<u128> {
    let ranges = super::shard::even_ranges(u32::try_from(count).unwrap_or(u32::MAX));
    ranges.iter().skip(1).map(|range| *range.start()).collect()
}

/// Groups shards that lie side by side, given by their last hashes, into `count` groups of about equal
/// width: each ends at the boundary nearest to where it should, and none is empty.
fn grouped(ends: &[u128], count: usize) -> Vec<std::ops::Range<usize>> {
    let mut groups = Vec::with_capacity(count);
    let mut from = 0;
    for (group, boundary) in ideal_boundaries(count).into_iter().enumerate() {
        // Enough are left for the groups that follow.
        let latest = ends.len().saturating_sub(count - group - 1);
        let candidates = from + 1..=latest.max(from + 1);
        let distance = |to: &usize| ends.get(to - 1).map_or(u128::MAX, |end| end.abs_diff(boundary - 1));
        let to = candidates.min_by_key(distance).unwrap_or(from + 1);
        groups.push(from..to);
        from = to;
    }
    groups.push(from..ends.len());
    groups
}

#[cfg(test)]
mod tests {
    use super::super::shard::even_ranges;
    use super::*;
    use proptest::prelude::*;

    fn even(shards: u32) -> Definition {
        Definition::even("trips".to_owned(), "id".to_owned(), shards, 1)
    }

    /// Open ranges cover every hash once; every shard but the first ones has parents that closed, and
    /// parents cover what their children do.
    fn check(definition: &Definition, begun_with: u32) {
        let mut expected = 0;
        for shard in definition.open_by_hash() {
            assert_eq!(shard.first_hash, expected);
            assert!(shard.last_hash >= shard.first_hash);
            expected = shard.last_hash.wrapping_add(1);
        }
        assert_eq!(expected, 0, "the last range ends with the last hash");
        for (place, shard) in definition.shards.iter().enumerate() {
            assert_eq!(shard.index as usize, place);
            assert_eq!(shard.parent.is_none(), shard.index < begun_with);
            for parent in [shard.parent, shard.adjacent_parent].into_iter().flatten() {
                let parent = definition.shard(parent).unwrap();
                assert!(!parent.is_open() && parent.index < shard.index);
                assert!(parent.first_hash <= shard.last_hash && shard.first_hash <= parent.last_hash);
            }
        }
    }

    #[test]
    fn scaling_takes_as_many_splits_and_merges_as_kinesis_needs() {
        let figures =
            [(2, 4, 6), (4, 5, 15), (10, 13, 37), (4, 2, 6), (5, 3, 7), (10, 3, 17), (1, 2, 3), (3, 3, 3)];
        for (from, to, all) in figures {
            let mut definition = even(from);
            definition.scale_to(to, 2).unwrap();
            check(&definition, from);
            let open = definition.open_shards().count();
            assert_eq!((open, definition.shards.len()), (to as usize, all), "{from} to {to}");
        }
    }

    #[test]
    fn scaling_by_a_quarter_a_half_and_a_whole_leaves_even_shards() {
        for (from, to) in [(4, 5), (4, 6), (4, 8), (8, 10), (8, 4), (12, 6), (100, 125), (2, 3)] {
            let mut definition = even(from);
            definition.scale_to(to, 2).unwrap();
            let open = definition.open_by_hash();
            let widths = open.iter().map(|shard| shard.last_hash - shard.first_hash);
            let wanted = even_ranges(to).into_iter().map(|range| range.end() - range.start());
            assert!(widths.zip(wanted).all(|(is, wanted)| is.abs_diff(wanted) < 1_000), "{from} to {to}");
        }
    }

    #[test]
    fn what_cannot_be_split_or_merged_is_refused_and_nothing_changes() {
        let mut definition = even(3);
        let [low, high] = definition.split(1, 150 << 120, 2).unwrap();
        assert_eq!((low, high, definition.next_index), (3, 4, 5));
        let before = definition.clone();
        let last = definition.shard(0).unwrap().last_hash;
        assert_eq!(definition.split(9, 5, 3), Err(ReshardError::NotFound(9)));
        assert_eq!(definition.split(1, 150 << 120, 3), Err(ReshardError::Closed(1)));
        for hash in [0, last + 1] {
            let refused = ReshardError::OutOfBounds { shard: 0, hash, first: 1, last };
            assert_eq!(definition.split(0, hash, 3), Err(refused));
        }
        assert_eq!(definition.merge(0, high, 3), Err(ReshardError::NotAdjacent(0, high)));
        assert_eq!(definition.merge(0, 0, 3), Err(ReshardError::NotAdjacent(0, 0)));
        assert_eq!(definition.merge(1, 2, 3), Err(ReshardError::Closed(1)));
        assert_eq!(definition, before);
        let merged = definition.merge(high, low, 3).unwrap();
        let merged = definition.shard(merged).unwrap();
        assert_eq!((merged.parent, merged.adjacent_parent), (Some(high), Some(low)));
        check(&definition, 3);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Split(usize, u128),
        Merge(usize),
        Scale(u32),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (any::<usize>(), any::<u128>()).prop_map(|(place, at)| Act::Split(place, at)),
            any::<usize>().prop_map(Act::Merge),
            (1_u32..40).prop_map(Act::Scale),
        ]
    }

    proptest! {
        #[test]
        fn every_hash_has_one_open_shard_whatever_is_split_merged_and_scaled(
            shards in 1_u32..20,
            acts in proptest::collection::vec(act(), 1..25),
        ) {
            let mut definition = even(shards);
            for act in acts {
                let open = definition.open_by_hash();
                match act {
                    Act::Split(place, at) => {
                        let shard = &open[place % open.len()];
                        let width = shard.last_hash - shard.first_hash;
                        if width > 0 {
                            let at = shard.first_hash + 1 + at % width;
                            definition.split(shard.index, at, 2).unwrap();
                        }
                    }
                    Act::Merge(place) if open.len() > 1 => {
                        let place = place % (open.len() - 1);
                        definition.merge(open[place].index, open[place + 1].index, 2).unwrap();
                    }
                    Act::Merge(_) => {}
                    // Shards of a single hash cannot be split.
                    Act::Scale(target) => {
                        let mut scaled = definition.clone();
                        if scaled.scale_to(target, 2).is_ok() {
                            prop_assert_eq!(scaled.open_shards().count(), target as usize);
                            definition = scaled;
                        }
                    }
                }
                check(&definition, shards);
            }
        }
    }
}
