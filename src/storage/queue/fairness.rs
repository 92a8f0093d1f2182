//! Fair queues: which message groups are noisy neighbours, by the rules that AWS documents
//! ("How Amazon SQS fair queues work"): a group with more than a tenth of the messages in flight and
//! at least 30 of its own, or with more than a tenth of the recent processing time; not one to which
//! nothing was sent for five minutes.

use std::collections::{BTreeSet, HashMap};

/// Fewest messages in flight that make a group noisy by their number.
const CROWD: u32 = 30;
/// One part in this many of all is too much for one group.
const SHARE: u64 = 10;
/// A group to which nothing was sent for this long is quiet.
const SILENCE_MS: i64 = 5 * 60_000;
/// Processing time is recent in the minute in which it ended and in the one after.
const PERIOD_MS: i64 = 60_000;

/// Messages in flight and processing time by group. Not durable: it is about the last two minutes.
#[derive(Debug, Clone, Default)]
pub(super) struct Fairness {
    /// Groups with at least `CROWD` in flight: how many, and which.
    crowds: BTreeSet<(u32, u32)>,
    period: i64,
    /// Milliseconds of processing by group, in this period and the one before.
    spent: HashMap<u32, (u64, u64)>,
    total: (u64, u64),
    /// Groups that had too much of the time when it last grew.
    busy: BTreeSet<u32>,
}

impl Fairness {
    pub fn in_flight(&mut self, group: u32, before: u32, after: u32) {
        if before >= CROWD {
            self.crowds.remove(&(before, group));
        }
        if after >= CROWD {
            self.crowds.insert((after, group));
        }
    }

    /// Somebody has worked on a message of the group for this long, until `now_ms`. Messages without
    /// a group count for the total.
    pub fn worked(&mut self, group: Option<u32>, milliseconds: i64, now_ms: i64) {
        self.turn(now_ms);
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        self.total.0 += milliseconds;
        if let Some(group) = group {
            self.spent.entry(group).or_default().0 += milliseconds;
            if self.is_busy(group) {
                self.busy.insert(group);
            }
        }
    }

    /// Lets go of what is not recent any more.
    pub fn turn(&mut self, now_ms: i64) {
        let period = now_ms.div_euclid(PERIOD_MS);
        if period <= self.period {
            return;
        }
        let follows = period == self.period + 1;
        let aged = |(recent, _): (u64, u64)| (0, if follows { recent } else { 0 });
        self.spent.retain(|_, spent| {
            *spent = aged(*spent);
            spent.1 > 0
        });
        self.total = aged(self.total);
        self.period = period;
        let groups: Vec<u32> = self.spent.keys().copied().collect();
        self.busy = groups.into_iter().filter(|group| self.is_busy(*group)).collect();
    }

    fn is_busy(&self, group: u32) -> bool {
        let (recent, before) = self.spent.get(&group).copied().unwrap_or_default();
        (recent + before) * SHARE > self.total.0 + self.total.1
    }

    pub fn forget(&mut self, group: u32) {
        self.spent.remove(&group);
        self.busy.remove(&group);
    }

    /// The noisy groups among `in_flight` messages; fewer than twenty. After [`Self::turn`].
    pub fn noisy(&self, in_flight: u64, now_ms: i64, last_sent_at_ms: impl Fn(u32) -> i64) -> BTreeSet<u32> {
        if self.crowds.is_empty() && self.busy.is_empty() {
            return BTreeSet::new();
        }
        let busy = self.busy.iter().filter(|group| self.is_busy(**group)).copied();
        let crowded = self.crowds.iter().rev().take_while(|(own, _)| u64::from(*own) * SHARE > in_flight);
        let loud = |group: &u32| last_sent_at_ms(*group).saturating_add(SILENCE_MS) > now_ms;
        crowded.map(|(_, group)| *group).chain(busy).filter(loud).collect()
    }
}
