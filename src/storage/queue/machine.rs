//! The state machine of one queue.

use super::{
    delayed::{Delayed, DelayedRuns, Timers},
    message::{Lease, Received, State},
    received::ReceivedMessages,
    runs::Runs,
    sent_times::SentTimes,
};
use crate::storage::{QueueDepth, QueuePolicy};

/// Most messages that one [`QueueMachine::expire`] removes, so that its log entry stays small.
const EXPIRED_AT_ONCE: usize = 10_000;

/// All messages of one queue that are not gone. Times in epoch milliseconds, given by the caller.
///
/// A message is in exactly one place: in `ready` or `delayed` until its first receive, in
/// `received` from then on; what is hidden until a time has an entry in `timers`. Every operation takes time logarithmic in what is held, or constant.
/// Operations that a replay may repeat (`sent`, `replay_lease`, `release`, `settled`, `expired`)
/// change nothing the second time.
#[derive(Debug, Clone, Default)]
pub struct QueueMachine {
    pub(super) policy: QueuePolicy,
    pub(super) next_sequence: u64,
    pub(super) ready: Runs,
    pub(super) delayed: DelayedRuns,
    pub(super) sent_times: SentTimes,
    pub(super) received: ReceivedMessages,
    pub(super) timers: Timers,
    pub(super) sent: u64,
    pub(super) deleted: u64,
    pub(super) expired: u64,
}

impl QueueMachine {
    pub fn new(policy: QueuePolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Changes the policy; messages already waiting are judged by the new one.
    pub fn set_policy(&mut self, policy: QueuePolicy) {
        let judge_again = policy.max_receives != self.policy.max_receives;
        self.policy = policy;
        if judge_again {
            let visible: Vec<u64> =
                self.received.returned().union(self.received.exhausted()).copied().collect();
            for sequence in visible {
                self.show(sequence);
            }
        }
    }

    /// Messages became durable: `first_sequence` and following, one for each send time, visible from
    /// `visible_at_ms` (0: at once).
    pub fn sent(&mut self, first_sequence: u64, sent_at_ms: &[i64], visible_at_ms: i64) {
        let known = self.next_sequence.saturating_sub(first_sequence);
        let skipped = usize::try_from(known).unwrap_or(usize::MAX);
        let Some(new) = sent_at_ms.get(skipped..).filter(|new| !new.is_empty()) else { return };
        let first = first_sequence.saturating_add(known);
        let end = first.saturating_add(new.len() as u64);
        for (sequence, sent_at_ms) in (first..end).zip(new) {
            self.sent_times.push(sequence, *sent_at_ms);
        }
        if new.iter().all(|sent_at_ms| visible_at_ms <= *sent_at_ms) {
            self.ready.insert(first, end);
        } else {
            self.delayed.insert(first, Delayed { end, visible_at_ms }, &mut self.timers);
        }
        self.sent = self.sent.saturating_add(end - first);
        self.next_sequence = end;
    }

    /// Hands out up to `max` visible messages, lowest sequence first, hidden for `visibility_ms`.
    pub fn lease(&mut self, now_ms: i64, max: usize, visibility_ms: i64) -> Vec<Lease> {
        self.advance(now_ms);
        let deadline_ms = now_ms.saturating_add(visibility_ms);
        let mut leases = Vec::new();
        while leases.len() < max {
            let fresh = self.ready.first();
            let Some(sequence) = fresh.into_iter().chain(self.received.returned().first().copied()).min()
            else {
                break;
            };
            if fresh == Some(sequence) {
                self.receive_first(sequence, now_ms);
            }
            let lease = self.change(sequence, |message| {
                message.state = State::Leased;
                message.receive_count = message.receive_count.saturating_add(1);
                message.deadline_ms = deadline_ms;
            });
            leases.extend(lease);
        }
        leases
    }

    /// Hands out up to `max` messages received `max_receives` times or more and visible again, for the
    /// move to the dead-letter queue. This is not counted as a receive.
    pub fn lease_exhausted(&mut self, now_ms: i64, max: usize, visibility_ms: i64) -> Vec<Lease> {
        self.advance(now_ms);
        let deadline_ms = now_ms.saturating_add(visibility_ms);
        let sequences: Vec<u64> = self.received.exhausted().iter().take(max).copied().collect();
        let hide = |message: &mut Received| {
            message.state = State::Leased;
            message.deadline_ms = deadline_ms;
        };
        sequences.into_iter().filter_map(|sequence| self.change(sequence, hide)).collect()
    }

    /// Asks to delete a leased message: true if nobody has received it since, and no other batch is
    /// deleting it. Then it stays hidden until [`Self::settled`] or [`Self::unclaim`]. A lease that has
    /// run out is good as long as nobody else has received the message.
    pub fn claim(&mut self, sequence: u64, receive_count: u32, _now_ms: i64) -> bool {
        let message = self.received.get(sequence);
        let granted =
            message.is_some_and(|message| message.receive_count == receive_count && !message.settling);
        if granted {
            self.change(sequence, |message| message.settling = true);
        }
        granted
    }

    /// The batch that was to delete the message failed: it is as it was before.
    pub fn unclaim(&mut self, sequence: u64) {
        self.change(sequence, |message| message.settling = false);
    }

    /// The deletion is durable.
    pub fn settled(&mut self, sequence: u64) {
        if self.forget(sequence) {
            self.deleted = self.deleted.saturating_add(1);
        }
    }

    /// Gives a message back, hidden until `visible_at_ms`; ignored when somebody else has received it.
    pub fn release(&mut self, sequence: u64, receive_count: u32, visible_at_ms: i64) {
        if self.received.get(sequence).is_some_and(|message| message.receive_count == receive_count) {
            self.change(sequence, |message| {
                message.state = State::Postponed;
                message.deadline_ms = visible_at_ms;
            });
        }
    }

    /// Hides a received message until `visible_again_at_ms`, as its holder asks. Nothing when somebody
    /// else has received it since, when it was given back, or when it is gone or being deleted.
    pub fn extend(&mut self, sequence: u64, receive_count: u32, visible_again_at_ms: i64) -> Option<Lease> {
        let message = self.received.get(sequence)?;
        let is_held =
            message.receive_count == receive_count && message.state != State::Postponed && !message.settling;
        let hide = |message: &mut Received| {
            message.state = State::Leased;
            message.deadline_ms = visible_again_at_ms;
        };
        is_held.then(|| self.change(sequence, hide)).flatten()
    }

    /// A lease read from the log; ignored when the message is gone or was received since.
    pub fn replay_lease(&mut self, lease: &Lease) {
        if self.received.get(lease.sequence).is_none() {
            self.receive_first(lease.sequence, lease.first_received_at_ms);
        }
        let known = self.received.get(lease.sequence);
        if known.is_some_and(|message| message.receive_count <= lease.receive_count) {
            self.change(lease.sequence, |message| {
                message.state = State::Leased;
                message.receive_count = lease.receive_count;
                message.first_received_at_ms = lease.first_received_at_ms;
                message.deadline_ms = lease.visible_again_at_ms;
            });
        }
    }

    /// Removes messages older than the policy's retention, at most 10,000 at once, and names them in
    /// ascending order. Messages leave in the order they were sent: one whose send time is younger keeps
    /// those behind it. Those that a batch is deleting stay.
    pub fn expire(&mut self, now_ms: i64) -> Vec<u64> {
        self.advance(now_ms);
        let Some(retention) = self.policy.retention else { return Vec::new() };
        let cutoff = now_ms.saturating_sub(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
        let idle = self.received.iter().filter(|(_, message)| !message.settling);
        let overdue = idle.take_while(|(_, message)| message.sent_at_ms <= cutoff);
        let mut gone: Vec<u64> = overdue.take(EXPIRED_AT_ONCE).map(|(sequence, _)| sequence).collect();
        for sequence in &gone {
            self.expired(*sequence);
        }
        while gone.len() < EXPIRED_AT_ONCE {
            let Some(sequence) = self.first_fresh() else { break };
            if self.sent_times.of(sequence) > cutoff {
                break;
            }
            self.expired(sequence);
            gone.push(sequence);
        }
        gone.sort_unstable();
        gone
    }

    /// An expiry read from the log.
    pub fn expired(&mut self, sequence: u64) {
        if self.forget(sequence) {
            self.expired = self.expired.saturating_add(1);
        }
    }

    /// When the next hidden message becomes visible; may lie in the past.
    pub fn next_event_ms(&self) -> Option<i64> {
        self.timers.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    pub fn depth(&self, now_ms: i64) -> QueueDepth {
        let mut depth = QueueDepth {
            ready: self.ready.count() + self.received.returned().len() as u64,
            in_flight: self.received.in_flight(),
            delayed: self.received.postponed() + self.delayed.count(),
            exhausted: self.received.exhausted().len() as u64,
            oldest_sent_at_ms: self.oldest_live_sequence().map(|sequence| self.sent_at_ms(sequence)),
            sent: self.sent,
            deleted: self.deleted,
            expired: self.expired,
        };
        for (_, sequence) in self.timers.range(..=(now_ms, u64::MAX)) {
            self.count_due(*sequence, &mut depth);
        }
        depth
    }

    pub fn oldest_live_sequence(&self) -> Option<u64> {
        let received = self.received.first();
        self.first_fresh().into_iter().chain(received).min()
    }

    pub fn is_live(&self, sequence: u64) -> bool {
        self.received.get(sequence).is_some()
            || self.ready.contains(sequence)
            || self.delayed.contains(sequence)
    }

    /// Shows what is due.
    fn advance(&mut self, now_ms: i64) {
        while let Some(&(deadline_ms, sequence)) = self.timers.first() {
            if deadline_ms > now_ms {
                return;
            }
            if let Some(run) = self.delayed.take_run(sequence, &mut self.timers) {
                self.ready.insert(sequence, run.end);
            } else {
                self.show(sequence);
            }
            self.timers.remove(&(deadline_ms, sequence));
        }
    }

    /// Makes a received message visible, to workers or to the move to the dead-letter queue.
    fn show(&mut self, sequence: u64) {
        let max_receives = self.policy.max_receives;
        self.change(sequence, |message| {
            let spent = max_receives.is_some_and(|max| message.receive_count >= max.max(1));
            message.state = if spent { State::Exhausted } else { State::Returned };
        });
    }

    /// Moves a message from where never received ones are to `received`, if it is there.
    fn receive_first(&mut self, sequence: u64, now_ms: i64) {
        let sent_at_ms = self.sent_times.of(sequence);
        if self.take_fresh(sequence) {
            let message = Received {
                state: State::Returned,
                settling: false,
                receive_count: 0,
                sent_at_ms,
                first_received_at_ms: now_ms,
                deadline_ms: now_ms,
            };
            self.received.insert(sequence, message, &mut self.timers);
        }
    }

    fn take_fresh(&mut self, sequence: u64) -> bool {
        if !self.ready.take(sequence) && !self.delayed.take(sequence, &mut self.timers) {
            return false;
        }
        self.sent_times.forget_before(self.first_fresh());
        let (ready, delayed) = (&self.ready, &self.delayed);
        let wanted = |first, end| ready.overlaps(first, end) || delayed.overlaps(first, end);
        self.sent_times.thin_out(ready.count() + delayed.count(), wanted);
        true
    }

    fn first_fresh(&self) -> Option<u64> {
        self.ready.first().into_iter().chain(self.delayed.first()).min()
    }

    fn sent_at_ms(&self, sequence: u64) -> i64 {
        let received = self.received.get(sequence).map(|message| message.sent_at_ms);
        received.unwrap_or_else(|| self.sent_times.of(sequence))
    }

    /// Counts what lies behind a due timer as visible.
    fn count_due(&self, sequence: u64, depth: &mut QueueDepth) {
        let Some(message) = self.received.get(sequence) else {
            let length = self.delayed.length_at(sequence);
            depth.ready += length;
            depth.delayed -= length;
            return;
        };
        match message.state {
            State::Leased => depth.in_flight -= 1,
            State::Postponed => depth.delayed -= 1,
            State::Returned | State::Exhausted => return,
        }
        match self.policy.max_receives {
            Some(max) if message.receive_count >= max.max(1) => depth.exhausted += 1,
            _ => depth.ready += 1,
        }
    }

    fn change(&mut self, sequence: u64, change: impl FnOnce(&mut Received)) -> Option<Lease> {
        self.received.change(sequence, &mut self.timers, change)
    }

    /// Takes a message out of everything. True if it was live.
    fn forget(&mut self, sequence: u64) -> bool {
        self.received.remove(sequence, &mut self.timers) || self.take_fresh(sequence)
    }
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
