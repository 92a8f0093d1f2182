//! Messages sent with a delay and not visible yet: ranges that share one deadline.

use std::collections::{BTreeMap, BTreeSet};

/// Deadlines of everything hidden: (epoch milliseconds, sequence of a message or first of a range).
pub(super) type Timers = BTreeSet<(i64, u64)>;

/// Ranges of never received messages, each with the time it becomes visible.
/// Every range has its timer, kept in step by these methods.
#[derive(Debug, Clone, Default)]
pub(super) struct DelayedRuns {
    ranges: BTreeMap<u64, Delayed>,
    count: u64,
}

/// One range's end and deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delayed {
    pub end: u64,
    pub visible_at_ms: i64,
}

impl DelayedRuns {
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
        self.ranges.range(..end).next_back().is_some_and(|(_, run)| run.end > first)
    }

    pub fn insert(&mut self, first: u64, run: Delayed, timers: &mut Timers) {
        if first < run.end {
            self.count = self.count.saturating_add(run.end - first);
            self.ranges.insert(first, run);
            timers.insert((run.visible_at_ms, first));
        }
    }

    /// Takes the whole range that starts at `first`.
    pub fn take_run(&mut self, first: u64, timers: &mut Timers) -> Option<Delayed> {
        let run = self.ranges.remove(&first)?;
        timers.remove(&(run.visible_at_ms, first));
        self.count -= run.end - first;
        Some(run)
    }

    /// Takes one sequence out, splitting its range. True if it was there.
    pub fn take(&mut self, sequence: u64, timers: &mut Timers) -> bool {
        let Some((&first, run)) = self.ranges.range(..=sequence).next_back() else { return false };
        if run.end <= sequence {
            return false;
        }
        let Some(run) = self.take_run(first, timers) else { return false };
        self.insert(first, Delayed { end: sequence, ..run }, timers);
        self.insert(sequence + 1, run, timers);
        true
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, Delayed)> + '_ {
        self.ranges.iter().map(|(first, run)| (*first, *run))
    }
}
