//! When never received messages were sent: one entry for each run of equal times.

use std::collections::VecDeque;

/// From `first` on, up to the next entry's, messages were sent at `sent_at_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub first: u64,
    pub sent_at_ms: i64,
}

/// Send times by sequence, in ascending order of `first`.
#[derive(Debug, Clone, Default)]
pub(super) struct SentTimes {
    stamps: VecDeque<Stamp>,
    latest_ms: i64,
}

/// Entries that may outnumber the messages they are kept for before they are thinned out.
const SLACK: u64 = 1_024;
/// Batches reach the log in another order than their messages were stamped: this much counts as the
/// same time, so that only what was sent long before (to another queue) is backdated.
const JITTER_MS: i64 = 1_000;

impl SentTimes {
    /// Sequences must ascend from call to call. True when the message is backdated: older than one
    /// before it.
    pub fn push(&mut self, first: u64, sent_at_ms: i64) -> bool {
        let lateness = self.latest_ms.saturating_sub(sent_at_ms);
        let sent_at_ms = if (1..=JITTER_MS).contains(&lateness) { self.latest_ms } else { sent_at_ms };
        if self.stamps.back().is_none_or(|last| last.sent_at_ms != sent_at_ms) {
            self.stamps.push_back(Stamp { first, sent_at_ms });
        }
        self.latest_ms = self.latest_ms.max(sent_at_ms);
        sent_at_ms < self.latest_ms
    }

    pub fn of(&self, sequence: u64) -> i64 {
        let after = self.stamps.partition_point(|stamp| stamp.first <= sequence);
        self.stamps.get(after.saturating_sub(1)).map_or(0, |stamp| stamp.sent_at_ms)
    }

    /// Says again when one message was sent; of those that may have been forgotten lower ones come first.
    pub fn set(&mut self, sequence: u64, sent_at_ms: i64) {
        let after = self.stamps.partition_point(|stamp| stamp.first <= sequence);
        let known = after.checked_sub(1).and_then(|before| self.stamps.get(before));
        let known_ms = known.map(|stamp| stamp.sent_at_ms);
        if known_ms == Some(sent_at_ms) {
            return;
        }
        let next = sequence.saturating_add(1);
        let is_next_known = self.stamps.get(after).is_some_and(|stamp| stamp.first == next);
        self.stamps.insert(after, Stamp { first: sequence, sent_at_ms });
        if let Some(sent_at_ms) = known_ms.filter(|_| !is_next_known) {
            self.stamps.insert(after + 1, Stamp { first: next, sent_at_ms });
        }
    }

    /// The latest time ever pushed.
    pub fn latest_ms(&self) -> i64 {
        self.latest_ms
    }

    /// Forgets what lies before `oldest`, the first sequence still of interest; all when there is none.
    pub fn forget_before(&mut self, oldest: Option<u64>) {
        let Some(oldest) = oldest else {
            self.stamps.clear();
            return;
        };
        while self.stamps.get(1).is_some_and(|second| second.first <= oldest) {
            self.stamps.pop_front();
        }
    }

    /// Thins out entries that cover no wanted message, when they far outnumber the wanted ones.
    pub fn thin_out(&mut self, wanted: u64, covers_wanted: impl Fn(u64, u64) -> bool) {
        if self.stamps.len() as u64 <= wanted.saturating_mul(2).saturating_add(SLACK) {
            return;
        }
        let ends: Vec<u64> = self.stamps.iter().skip(1).map(|stamp| stamp.first).chain([u64::MAX]).collect();
        let mut ends = ends.into_iter();
        self.stamps.retain(|stamp| covers_wanted(stamp.first, ends.next().unwrap_or(u64::MAX)));
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Stamp> + '_ {
        self.stamps.iter().copied()
    }

    pub fn restore(&mut self, stamp: Stamp) {
        self.stamps.push_back(stamp);
        self.latest_ms = self.latest_ms.max(stamp.sent_at_ms);
    }

    pub fn restore_latest(&mut self, latest_ms: i64) {
        self.latest_ms = self.latest_ms.max(latest_ms);
    }
}
