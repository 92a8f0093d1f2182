//! The state machine of one queue: what it holds, what is sent to it, what it shows.

use super::{
    attempts::Attempts,
    deduplication::{Deduplication, Seen},
    delayed::{Delayed, DelayedRuns, Timers},
    groups::Groups,
    keys::{Fingerprint, MessageKeys},
    message::{Lease, ReceiptState, Received, State},
    received::{Links, ReceivedMessages},
    runs::Runs,
    sent_times::SentTimes,
};
use crate::storage::{DeduplicationScope, QueueDepth, QueuePolicy};
use std::{collections::BTreeSet, time::Duration};

/// Messages that became durable together, in ascending order of sequence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arrivals<'a> {
    pub first: u64,
    /// When each was sent.
    pub sent_at_ms: &'a [i64],
    /// When they become visible (0: at once). A FIFO queue delays all messages alike and ignores it.
    pub visible_at_ms: i64,
    /// The keys of each; empty when none has any.
    pub keys: &'a [MessageKeys],
    /// When they became durable; never goes back.
    pub now_ms: i64,
}

/// All messages of one queue that are not gone. Times in milliseconds of a clock that never goes
/// back, given by the caller.
///
/// A message is in exactly one place: never received in `ready` (visible, without a group), in
/// `delayed`, or visible in `groups`; in `received` from then on. What is hidden until a time has an
/// entry in `timers`. Every operation takes time logarithmic in what is held, or constant, but
/// [`Self::set_policy`] and [`Self::purge`]. Operations that a replay may repeat (`sent`,
/// `replay_lease`, `release`, `settled`, `expired`, `attempted`, `purge`) change nothing the second time.
#[derive(Debug, Clone, Default)]
pub struct QueueMachine {
    pub(super) policy: QueuePolicy,
    pub(super) next_sequence: u64,
    pub(super) ready: Runs,
    pub(super) delayed: DelayedRuns,
    pub(super) groups: Groups,
    pub(super) sent_times: SentTimes,
    /// Messages never received that are older than one before them: send time and sequence.
    pub(super) backdated: BTreeSet<(i64, u64)>,
    pub(super) received: ReceivedMessages,
    pub(super) timers: Timers,
    pub(super) deduplication: Deduplication,
    pub(super) attempts: Attempts,
    pub(super) sent: u64,
    pub(super) deleted: u64,
    pub(super) expired: u64,
    pub(super) purged: u64,
    /// The last purge: when, and the first sequence that it left.
    pub(super) last_purge: Option<(i64, u64)>,
}

impl QueueMachine {
    pub fn new(policy: QueuePolicy) -> Self {
        Self { policy, groups: Groups::new(policy.fifo), ..Self::default() }
    }

    pub fn policy(&self) -> &QueuePolicy {
        &self.policy
    }

    /// Changes the policy; messages already waiting are judged by the new one. Whether the queue is FIFO
    /// stays as it is. On a FIFO queue a new delay counts for the messages already sent too.
    pub fn set_policy(&mut self, policy: QueuePolicy, now_ms: i64) {
        let judge_again = policy.max_receives != self.policy.max_receives;
        let delay_again = self.policy.fifo && policy.delay != self.policy.delay;
        self.policy = QueuePolicy { fifo: self.policy.fifo, ..policy };
        if judge_again {
            let shown = |message: &Received| matches!(message.state, State::Returned | State::Exhausted);
            let shown: Vec<u64> =
                self.received.iter().filter(|(_, message)| shown(message)).map(|(at, _)| at).collect();
            shown.into_iter().for_each(|sequence| self.show(sequence));
        }
        if delay_again {
            self.delay_again(now_ms);
        }
    }

    fn delay_again(&mut self, now_ms: i64) {
        self.forget_moves();
        let fresh: Vec<(u64, u32)> = self.groups.fresh_between(0, u64::MAX).collect();
        for (sequence, group) in fresh {
            self.delayed.take(sequence, &mut self.timers);
            self.groups.take_fresh(sequence);
            self.groups.insert_fresh(sequence, group);
            self.delay_by_policy(sequence, now_ms);
        }
    }

    /// Places a message of a FIFO queue by when it was sent and by the queue's delay.
    fn delay_by_policy(&mut self, sequence: u64, now_ms: i64) {
        let visible_at_ms = self.sent_times.of(sequence).saturating_add(milliseconds(self.policy.delay));
        let end = sequence.saturating_add(1);
        if visible_at_ms > now_ms {
            self.delayed.insert(sequence, Delayed { end, visible_at_ms }, &mut self.timers);
        } else {
            self.show_run(sequence, end);
        }
    }

    /// Messages became durable.
    pub fn sent(&mut self, arrivals: &Arrivals<'_>) {
        let known = self.next_sequence.saturating_sub(arrivals.first);
        let skipped = usize::try_from(known).unwrap_or(usize::MAX);
        let Some(new) = arrivals.sent_at_ms.get(skipped..).filter(|new| !new.is_empty()) else { return };
        let first = arrivals.first.saturating_add(known);
        let end = first.saturating_add(new.len() as u64);
        for (sequence, sent_at_ms) in (first..end).zip(new) {
            // A FIFO queue knows no message older than one before it.
            let least_ms = if self.policy.fifo { self.sent_times.latest_ms() } else { i64::MIN };
            if self.sent_times.push(sequence, least_ms.max(*sent_at_ms)) {
                self.backdated.insert((self.sent_times.of(sequence), sequence));
            }
        }
        let keys = arrivals.keys.get(skipped..).unwrap_or_default();
        self.join_groups(first, end, keys, arrivals.now_ms);
        if self.policy.fifo && !self.policy.delay.is_zero() {
            (first..end).for_each(|sequence| self.delay_by_policy(sequence, arrivals.now_ms));
        } else if self.policy.fifo || arrivals.visible_at_ms <= arrivals.now_ms {
            self.show_run(first, end);
        } else {
            let run = Delayed { end, visible_at_ms: arrivals.visible_at_ms };
            self.delayed.insert(first, run, &mut self.timers);
        }
        self.sent = self.sent.saturating_add(end - first);
        self.next_sequence = end;
    }

    fn join_groups(&mut self, first: u64, end: u64, keys: &[MessageKeys], now_ms: i64) {
        if keys.is_empty() && !self.policy.fifo {
            return;
        }
        self.deduplication.turn(now_ms);
        let keys = keys.iter().copied().chain(std::iter::repeat(MessageKeys::default()));
        for (sequence, keys) in (first..end).zip(keys) {
            let group = keys.group.or_else(|| self.policy.fifo.then_some(Fingerprint::default()));
            if let Some(group) = group {
                let number = self.groups.join(group, now_ms);
                self.groups.insert_fresh(sequence, number);
            }
            if let Some(id) = self.deduplication_id(&keys) {
                self.deduplication.remember(Seen { id, sequence, at_ms: now_ms });
            }
        }
    }

    /// What a message is known by for five minutes; `None` on standard queues.
    pub fn deduplication_id(&self, keys: &MessageKeys) -> Option<Fingerprint> {
        let id = keys.deduplication.filter(|_| self.policy.fifo)?;
        match self.policy.deduplication_scope {
            DeduplicationScope::Queue => Some(id),
            DeduplicationScope::Group => Some(id.within(keys.group.unwrap_or_default())),
        }
    }

    /// The message that was sent with this id within the last five minutes.
    pub fn first_sent_with(&mut self, id: Fingerprint, now_ms: i64) -> Option<u64> {
        self.deduplication.turn(now_ms);
        self.deduplication.first(id)
    }

    /// True when a receive would find a message, but for the in-flight limit.
    pub fn has_receivable(&self) -> bool {
        let plain = self.ready.count() > 0 || !self.received.returned().is_empty();
        plain || self.groups.first_open().is_some()
    }

    /// When the next hidden message becomes visible; may lie in the past.
    pub fn next_event_ms(&self) -> Option<i64> {
        self.timers.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// What the queue holds. First shows what is due.
    pub fn depth(&mut self, now_ms: i64) -> QueueDepth {
        self.advance(now_ms);
        QueueDepth {
            ready: self.visible(),
            in_flight: self.received.in_flight(),
            delayed: self.received.postponed() + self.delayed.count(),
            exhausted: self.received.exhausted().len() as u64,
            active_groups: self.groups.active(),
            oldest_sent_at_ms: self.oldest_live_sequence().map(|sequence| self.sent_at_ms(sequence)),
            sent: self.sent,
            deleted: self.deleted,
            expired: self.expired,
            purged: self.purged,
        }
    }

    /// Messages that a receive may take, unless their group is held.
    pub(super) fn visible(&self) -> u64 {
        self.ready.count() + self.received.returned().len() as u64 + self.groups.visible()
    }

    pub fn oldest_live_sequence(&self) -> Option<u64> {
        let received = self.received.first();
        self.first_fresh().into_iter().chain(received).min()
    }

    /// From where on bodies are to be kept: from the oldest live message, else from the next one. That of the
    /// track is no measure: for a moment it has passed messages which have not come here yet.
    pub fn needed_from(&self) -> u64 {
        self.oldest_live_sequence().unwrap_or(self.next_sequence)
    }

    pub fn is_live(&self, sequence: u64) -> bool {
        self.received.get(sequence).is_some()
            || self.ready.contains(sequence)
            || self.delayed.contains(sequence)
            || self.groups.is_fresh(sequence)
    }

    /// How a receipt stands to its message.
    pub fn receipt(&mut self, sequence: u64, receive_count: u32, now_ms: i64) -> ReceiptState {
        self.advance(now_ms);
        match self.received.get(sequence) {
            // Being deleted counts as deleted: a failure of the disk ends the process.
            None => ReceiptState::Gone,
            Some(message) if message.settling => ReceiptState::Gone,
            Some(message) if message.receive_count != receive_count => ReceiptState::Superseded,
            Some(message) if message.is_held_by(receive_count, now_ms) => ReceiptState::InFlight,
            Some(_) => ReceiptState::Expired,
        }
    }

    /// Shows what is due.
    pub(super) fn advance(&mut self, now_ms: i64) {
        while let Some(&(deadline_ms, sequence)) = self.timers.first() {
            if deadline_ms > now_ms {
                return;
            }
            if let Some(run) = self.delayed.take_run(sequence, &mut self.timers) {
                self.show_run(sequence, run.end);
            } else {
                self.stop_work(sequence, deadline_ms);
                self.show(sequence);
            }
            self.timers.remove(&(deadline_ms, sequence));
        }
    }

    /// Makes messages never received visible.
    fn show_run(&mut self, first: u64, end: u64) {
        let grouped: Vec<(u64, u32)> = self.groups.fresh_between(first, end).collect();
        let mut from = first;
        for (sequence, group) in grouped {
            self.ready.insert(from, sequence);
            self.groups.show(group, sequence);
            from = sequence.saturating_add(1);
        }
        self.ready.insert(from, end);
    }

    /// Makes a received message visible, to workers or to the move to the dead-letter queue.
    pub(super) fn show(&mut self, sequence: u64) {
        let max_receives = self.policy.max_receives;
        self.change(sequence, |message| {
            let spent = max_receives.is_some_and(|max| message.receive_count >= max.max(1));
            message.state = if spent { State::Exhausted } else { State::Returned };
        });
    }

    /// Takes a message out of where never received ones are. Gives it as it is at its first receive.
    pub(super) fn take_fresh(&mut self, sequence: u64, now_ms: i64) -> Option<Received> {
        let sent_at_ms = self.sent_times.of(sequence);
        let was_plain = self.ready.take(sequence) || self.delayed.take(sequence, &mut self.timers);
        let group = self.groups.take_fresh(sequence);
        if !was_plain && group.is_none() {
            return None;
        }
        self.sent_times.forget_before(self.first_fresh());
        let (ready, delayed, groups) = (&self.ready, &self.delayed, &self.groups);
        let wanted = |first, end| {
            ready.overlaps(first, end)
                || delayed.overlaps(first, end)
                || groups.fresh_between(first, end).next().is_some()
        };
        let fresh = ready.count() + delayed.count() + groups.visible();
        self.sent_times.thin_out(fresh, wanted);
        Some(Received {
            state: State::Leased,
            settling: false,
            backdated: !self.backdated.is_empty() && self.backdated.remove(&(sent_at_ms, sequence)),
            receive_count: 0,
            group,
            sent_at_ms,
            first_received_at_ms: now_ms,
            leased_at_ms: now_ms,
            deadline_ms: now_ms,
        })
    }

    pub(super) fn first_fresh(&self) -> Option<u64> {
        let plain = self.ready.first().into_iter().chain(self.delayed.first()).min();
        plain.into_iter().chain(self.groups.first_fresh()).min()
    }

    pub(super) fn sent_at_ms(&self, sequence: u64) -> i64 {
        let received = self.received.get(sequence).map(|message| message.sent_at_ms);
        received.unwrap_or_else(|| self.sent_times.of(sequence))
    }

    pub(super) fn change(&mut self, sequence: u64, change: impl FnOnce(&mut Received)) -> Option<Lease> {
        let mut links = Links { timers: &mut self.timers, groups: &mut self.groups };
        self.received.change(sequence, &mut links, change)
    }

    pub(super) fn receive(&mut self, sequence: u64, message: Received) {
        let mut links = Links { timers: &mut self.timers, groups: &mut self.groups };
        self.received.insert(sequence, message, &mut links);
    }

    /// Takes a message out of everything. True if it was live.
    pub(super) fn forget(&mut self, sequence: u64) -> bool {
        let mut links = Links { timers: &mut self.timers, groups: &mut self.groups };
        if self.received.remove(sequence, &mut links) {
            return true;
        }
        let fresh = self.take_fresh(sequence, 0);
        if let Some(group) = fresh.and_then(|message| message.group) {
            self.groups.leave(group);
        }
        fresh.is_some()
    }
}

pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// How many entries each structure has: what memory and the work of one operation depend on.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Held {
    pub ranges: usize,
    pub received: usize,
    pub timers: usize,
    pub sent_times: usize,
}

#[cfg(test)]
impl QueueMachine {
    pub(super) fn held(&self) -> Held {
        Held {
            ranges: self.ready.iter().len() + self.delayed.iter().len(),
            received: self.received.iter().len(),
            timers: self.timers.len(),
            sent_times: self.sent_times.iter().len(),
        }
    }
}
