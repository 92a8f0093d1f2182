//! What leaves a queue without being worked on: expired by age, purged by hand.

use super::{QueueMachine, machine::milliseconds, message::Received};

/// Most messages that one [`QueueMachine::expire`] removes, so that its log entry stays small.
const EXPIRED_AT_ONCE: usize = 10_000;

impl QueueMachine {
    /// Removes messages older than the policy's retention, at most 10,000 at once, and names them in
    /// ascending order. Those that a batch is deleting stay.
    pub fn expire(&mut self, now_ms: i64) -> Vec<u64> {
        self.advance(now_ms);
        let Some(retention) = self.policy.retention else { return Vec::new() };
        let cutoff = now_ms.saturating_sub(milliseconds(retention));
        let mut gone = self.overdue_received(cutoff);
        gone.iter().for_each(|sequence| self.expired(*sequence));
        while gone.len() < EXPIRED_AT_ONCE
            && let Some(sequence) = self.overdue_fresh(cutoff)
        {
            self.expired(sequence);
            gone.push(sequence);
        }
        gone.sort_unstable();
        gone
    }

    fn overdue_received(&self, cutoff: i64) -> Vec<u64> {
        let idle = self.received.iter().filter(|(_, message)| !message.settling);
        let is_overdue = |message: &Received| message.sent_at_ms <= cutoff;
        if self.received.has_backdated() {
            let overdue = idle.filter(|(_, message)| is_overdue(message));
            overdue.take(EXPIRED_AT_ONCE).map(|(sequence, _)| sequence).collect()
        } else {
            let overdue = idle.take_while(|(_, message)| is_overdue(message));
            overdue.take(EXPIRED_AT_ONCE).map(|(sequence, _)| sequence).collect()
        }
    }

    /// A message never received that is too old: the first, or a backdated one. All behind the first
    /// that are not backdated are younger.
    fn overdue_fresh(&self, cutoff: i64) -> Option<u64> {
        let first = self.first_fresh().filter(|sequence| self.sent_times.of(*sequence) <= cutoff);
        let backdated = self.backdated.first().filter(|(sent_at_ms, _)| *sent_at_ms <= cutoff);
        first.or(backdated.map(|(_, sequence)| *sequence))
    }

    /// An expiry read from the log.
    pub fn expired(&mut self, sequence: u64) {
        if self.forget(sequence) {
            self.expired = self.expired.saturating_add(1);
        }
    }

    /// When the queue was last purged.
    pub fn purged_at_ms(&self) -> Option<i64> {
        self.last_purge.map(|(at_ms, _)| at_ms)
    }

    /// Removes every message below `before`, whatever its state; deduplication ids stay. The caller
    /// lets no batch with a message of the queue come between the order to purge and this.
    pub fn purge(&mut self, before: u64, now_ms: i64) {
        if self.last_purge.is_some_and(|(_, known)| known > before) {
            return;
        }
        self.last_purge = Some((now_ms, before));
        if before < self.next_sequence {
            return self.purge_one_by_one(before);
        }
        let mut emptied = Self::new(self.policy);
        emptied.next_sequence = self.next_sequence;
        emptied.sent_times.restore_latest(self.sent_times.latest_ms());
        emptied.deduplication = std::mem::take(&mut self.deduplication);
        (emptied.sent, emptied.deleted, emptied.expired) = (self.sent, self.deleted, self.expired);
        emptied.purged = self.sent.saturating_sub(self.deleted + self.expired);
        emptied.last_purge = self.last_purge;
        *self = emptied;
    }

    fn purge_one_by_one(&mut self, before: u64) {
        let mut gone: Vec<u64> =
            self.received.iter().map(|(sequence, _)| sequence).take_while(|at| *at < before).collect();
        gone.extend(self.groups.fresh_between(0, before).map(|(sequence, _)| sequence));
        let plain = self.ready.iter().chain(self.delayed.iter().map(|(first, run)| (first, run.end)));
        let plain: Vec<(u64, u64)> = plain.filter(|(first, _)| *first < before).collect();
        gone.extend(plain.into_iter().flat_map(|(first, end)| first..end.min(before)));
        for sequence in gone {
            self.purged = self.purged.saturating_add(u64::from(self.forget(sequence)));
        }
    }
}
