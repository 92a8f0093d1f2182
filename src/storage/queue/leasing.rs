//! Receiving: which messages are handed out, and to whom again.

use super::{
    QueueMachine,
    attempts::Attempt,
    keys::Fingerprint,
    message::{Lease, Received, State, UNKNOWN_MS},
};

impl QueueMachine {
    /// Hands out up to `max` visible messages, hidden for `visibility_ms`; no more than the policy's
    /// in-flight limit leaves room for.
    ///
    /// A standard queue gives the lowest sequences first, but those of noisy groups last. A FIFO queue
    /// gives as many of one group as there are, in order, before it takes the next group; a group with a
    /// message in flight gives none.
    pub fn lease(&mut self, now_ms: i64, max: usize, visibility_ms: i64) -> Vec<Lease> {
        self.advance(now_ms);
        let limit = self.policy.in_flight_limit;
        let max = limit.map_or(max, |limit| max.min(self.room(limit, now_ms)));
        let deadline_ms = now_ms.saturating_add(visibility_ms);
        if self.policy.fifo {
            return self.lease_in_order(now_ms, max, deadline_ms);
        }
        self.groups.fairness.turn(now_ms);
        let mut leases = Vec::new();
        while leases.len() < max {
            let next = self.next_visible(now_ms);
            let Some(lease) = next.and_then(|next| self.take(next, now_ms, deadline_ms)) else { break };
            leases.push(lease);
        }
        leases
    }

    /// How many more messages may be in flight by a limit.
    pub fn room(&mut self, limit: u32, now_ms: i64) -> usize {
        self.advance(now_ms);
        let room = u64::from(limit).saturating_sub(self.received.in_flight());
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    fn lease_in_order(&mut self, now_ms: i64, max: usize, deadline_ms: i64) -> Vec<Lease> {
        let mut leases = Vec::new();
        while leases.len() < max {
            let Some(group) = self.groups.first_open() else { break };
            let together = self.groups.first_visible(group, max - leases.len());
            if together.is_empty() {
                break;
            }
            leases
                .extend(together.into_iter().filter_map(|sequence| self.take(sequence, now_ms, deadline_ms)));
        }
        leases
    }

    /// A message without a group is a group of its own, and quiet.
    fn next_visible(&self, now_ms: i64) -> Option<u64> {
        let plain = self.ready.first().into_iter().chain(self.received.returned().first().copied()).min();
        if self.groups.is_empty() {
            return plain;
        }
        match (plain, self.groups.fairest(self.received.in_flight(), now_ms)) {
            (Some(plain), Some(fair)) if !fair.noisy => Some(plain.min(fair.sequence)),
            (plain, fair) => plain.or(fair.map(|fair| fair.sequence)),
        }
    }

    fn take(&mut self, sequence: u64, now_ms: i64, deadline_ms: i64) -> Option<Lease> {
        let lease = |message: &mut Received| {
            if message.receive_count == 0 {
                message.first_received_at_ms = now_ms;
            }
            message.state = State::Leased;
            message.receive_count = message.receive_count.saturating_add(1);
            message.leased_at_ms = now_ms;
            message.deadline_ms = deadline_ms;
        };
        match self.take_fresh(sequence, now_ms) {
            None => self.change(sequence, lease),
            Some(mut message) => {
                lease(&mut message);
                self.receive(sequence, message);
                Some(message.lease(sequence))
            }
        }
    }

    /// Hands out up to `max` messages received `max_receives` times or more and visible again, for the
    /// move to the dead-letter queue. This is not counted as a receive.
    pub fn lease_exhausted(&mut self, now_ms: i64, max: usize, visibility_ms: i64) -> Vec<Lease> {
        self.advance(now_ms);
        let deadline_ms = now_ms.saturating_add(visibility_ms);
        let sequences: Vec<u64> = self.received.exhausted().iter().take(max).copied().collect();
        let hide = |message: &mut Received| {
            message.state = State::Leased;
            message.leased_at_ms = UNKNOWN_MS;
            message.deadline_ms = deadline_ms;
        };
        sequences.into_iter().filter_map(|sequence| self.change(sequence, hide)).collect()
    }

    /// The messages that a receive with this attempt id gave within the last five minutes, hidden for
    /// `visibility_ms` from now and with the same receipts; `None` when one of them was deleted, given
    /// back, received again or had its visibility changed, so that this is a receive like any other.
    pub fn lease_again(
        &mut self,
        id: Fingerprint,
        now_ms: i64,
        visibility_ms: i64,
    ) -> Option<(Vec<Lease>, Attempt)> {
        self.advance(now_ms);
        self.attempts.turn(now_ms);
        let attempt = self.attempts.get(id).filter(|attempt| self.can_be_repeated(attempt, now_ms))?.clone();
        let deadline_ms = now_ms.saturating_add(visibility_ms);
        let hide = |message: &mut Received| message.deadline_ms = deadline_ms;
        let leases =
            attempt.messages.iter().filter_map(|(sequence, _)| self.change(*sequence, hide)).collect();
        let renewed = Attempt { visible_again_at_ms: deadline_ms, ..attempt };
        self.attempts.remember(renewed.clone());
        Some((leases, renewed))
    }

    fn can_be_repeated(&self, attempt: &Attempt, now_ms: i64) -> bool {
        attempt.messages.iter().all(|(sequence, receive_count)| {
            self.received.get(*sequence).is_some_and(|message| {
                message.is_held_by(*receive_count, now_ms)
                    && message.deadline_ms == attempt.visible_again_at_ms
            })
        })
    }

    /// Remembers what a receive gave, for [`Self::lease_again`]; as it is in the log afterwards.
    pub fn remember_attempt(&mut self, id: Fingerprint, now_ms: i64, leases: &[Lease]) -> Option<Attempt> {
        let visible_again_at_ms = leases.first()?.visible_again_at_ms;
        let messages = leases.iter().map(|lease| (lease.sequence, lease.receive_count)).collect();
        let attempt = Attempt { id, first_at_ms: now_ms, visible_again_at_ms, messages };
        self.attempted(attempt.clone(), now_ms);
        Some(attempt)
    }

    /// An attempt, now or read from the log.
    pub fn attempted(&mut self, attempt: Attempt, now_ms: i64) {
        self.attempts.turn(now_ms);
        self.attempts.remember(attempt);
        if self.attempts.are_too_many(self.received.in_flight()) {
            let received = &self.received;
            self.attempts.retain(|attempt| {
                attempt.messages.iter().all(|(sequence, receive_count)| {
                    received.get(*sequence).is_some_and(|message| message.receive_count == *receive_count)
                })
            });
        }
    }

    /// Hides a received message until `visible_again_at_ms`, as its holder asks. Nothing when somebody
    /// else has received it since, when it was given back, or when it is gone or being deleted; on a
    /// FIFO queue also when its visibility timeout has passed.
    pub fn extend(
        &mut self,
        sequence: u64,
        receive_count: u32,
        visible_again_at_ms: i64,
        now_ms: i64,
    ) -> Option<Lease> {
        self.advance(now_ms);
        let message = self.received.get(sequence)?;
        let is_held = match self.policy.fifo {
            true => message.is_held_by(receive_count, now_ms),
            false => {
                let is_settled = message.state == State::Postponed || message.settling;
                message.receive_count == receive_count && !is_settled
            }
        };
        let hide = |message: &mut Received| {
            if message.state != State::Leased {
                message.leased_at_ms = now_ms;
            }
            message.state = State::Leased;
            message.deadline_ms = visible_again_at_ms;
        };
        is_held.then(|| self.change(sequence, hide)).flatten()
    }

    /// A lease read from the log; ignored when the message is gone or was received since.
    pub fn replay_lease(&mut self, lease: &Lease) {
        let renew = |message: &mut Received| {
            message.state = State::Leased;
            message.receive_count = lease.receive_count;
            message.first_received_at_ms = lease.first_received_at_ms;
            message.leased_at_ms = UNKNOWN_MS;
            message.deadline_ms = lease.visible_again_at_ms;
        };
        if let Some(mut message) = self.take_fresh(lease.sequence, lease.first_received_at_ms) {
            renew(&mut message);
            self.receive(lease.sequence, message);
        } else if self
            .received
            .get(lease.sequence)
            .is_some_and(|known| known.receive_count <= lease.receive_count)
        {
            self.change(lease.sequence, renew);
        }
    }
}
