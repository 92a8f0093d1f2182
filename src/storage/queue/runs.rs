//! Sets of sequences kept as ranges: a million waiting messages are one entry.

use std::collections::BTreeMap;

/// Disjoint, non-adjacent ranges of sequences.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    /// First sequence → the sequence after the last.
    ranges: BTreeMap<u64, u64>,
    count: u64,
}

impl Runs {
    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn first(&self) -> Option<u64> {
        self.ranges.first_key_value().map(|(first, _)| *first)
    }

    pub fn contains(&self, sequence: u64) -> bool {
        self.overlaps(sequence, sequence.saturating_add(1))
    }

    pub fn overlaps(&self, first: u64, end: u64) -> bool {
        self.ranges.range(..end).next_back().is_some_and(|(_, last)| *last > first)
    }

    /// Adds `first..end`, which must not overlap, and joins it to its neighbours.
    pub fn insert(&mut self, first: u64, end: u64) {
        if first >= end {
            return;
        }
        self.count = self.count.saturating_add(end - first);
        let joined_end = self.ranges.remove(&end).unwrap_or(end);
        match self.ranges.range_mut(..first).next_back() {
            Some((_, left_end)) if *left_end == first => *left_end = joined_end,
            _ => {
                self.ranges.insert(first, joined_end);
            }
        }
    }

    /// Takes one sequence out, splitting its range. True if it was there.
    pub fn take(&mut self, sequence: u64) -> bool {
        let Some((&first, &end)) = self.ranges.range(..=sequence).next_back() else { return false };
        if end <= sequence {
            return false;
        }
        self.ranges.remove(&first);
        if first < sequence {
            self.ranges.insert(first, sequence);
        }
        if sequence + 1 < end {
            self.ranges.insert(sequence + 1, end);
        }
        self.count -= 1;
        true
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().map(|(first, end)| (*first, *end))
    }
}
