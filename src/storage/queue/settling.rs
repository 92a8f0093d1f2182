//! What becomes of a message that was handed out: deleted, given back, hidden for longer.

use super::{
    QueueMachine,
    message::{MOVER, Received, State},
};

impl QueueMachine {
    /// Asks to delete a received message: true if nobody has received it since, and no other batch is
    /// on its way with it. Then it stays hidden until [`Self::settled`] or [`Self::unclaim`]. On a
    /// standard queue a lease that has run out is good as long as nobody else has received the message,
    /// and so is one that a crash has lost, since standard receives do not wait for the disk; on a FIFO
    /// queue neither is.
    pub fn claim(&mut self, sequence: u64, receive_count: u32, now_ms: i64) -> bool {
        self.advance(now_ms);
        if receive_count == MOVER {
            return self.claim_if(sequence, now_ms, |message, _| {
                message.state == State::Moving && !message.settling
            });
        }
        if !self.policy.fifo && self.received.get(sequence).is_none() {
            self.receive_lost(sequence, now_ms);
        }
        self.claim_if(sequence, now_ms, |message, fifo| match fifo {
            true => message.is_held_by(receive_count, now_ms),
            false => message.receive_count <= receive_count && !message.settling,
        })
    }

    /// A message whose receives are all lost.
    fn receive_lost(&mut self, sequence: u64, now_ms: i64) {
        if let Some(message) = self.take_fresh(sequence, now_ms) {
            self.receive(sequence, Received { state: State::Returned, ..message });
        }
    }

    /// Asks to change the visibility of a message: true while it is in flight by this receipt, and on a
    /// standard queue as long as nobody else has received it. Then it stays hidden until
    /// [`Self::change_visibility`] or [`Self::unclaim`].
    pub fn claim_to_hide(&mut self, sequence: u64, receive_count: u32, now_ms: i64) -> bool {
        self.claim_if(sequence, now_ms, |message, fifo| match fifo {
            true => message.is_held_by(receive_count, now_ms),
            false => message.receive_count == receive_count && !message.settling,
        })
    }

    fn claim_if(&mut self, sequence: u64, now_ms: i64, grants: impl Fn(&Received, bool) -> bool) -> bool {
        self.advance(now_ms);
        let granted = self.received.get(sequence).is_some_and(|message| grants(message, self.policy.fifo));
        if granted {
            self.stop_work(sequence, now_ms);
            self.change(sequence, |message| {
                message.settling = true;
                message.leased_at_ms = now_ms;
            });
        }
        granted
    }

    /// The batch that was to delete the message or change its visibility failed: it is as it was before.
    pub fn unclaim(&mut self, sequence: u64) {
        self.change(sequence, |message| message.settling = false);
    }

    /// The deletion is durable.
    pub fn settled(&mut self, sequence: u64) {
        if self.forget(sequence) {
            self.deleted = self.deleted.saturating_add(1);
        }
    }

    /// The change of a message's visibility is durable: hidden until `visible_again_at_ms`, still in
    /// flight by the same receipt; visible when that is not after `now_ms`. Ignored when somebody else has
    /// received it.
    pub fn change_visibility(
        &mut self,
        sequence: u64,
        receive_count: u32,
        visible_again_at_ms: i64,
        now_ms: i64,
    ) {
        if self.received.get(sequence).is_none_or(|message| message.receive_count != receive_count) {
            return;
        }
        self.change(sequence, |message| {
            message.settling = false;
            message.state = State::Leased;
            message.deadline_ms = visible_again_at_ms;
        });
        if visible_again_at_ms <= now_ms {
            self.show(sequence);
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

    /// Counts the time that somebody has worked on a message, for fairness among groups.
    pub(super) fn stop_work(&mut self, sequence: u64, now_ms: i64) {
        if self.policy.fifo || self.groups.is_empty() {
            return;
        }
        let Some(message) = self.received.get(sequence).copied() else { return };
        if message.state == State::Leased {
            let worked_ms = now_ms.saturating_sub(message.leased_at_ms);
            self.groups.fairness.worked(message.group, worked_ms, now_ms);
        }
    }
}
