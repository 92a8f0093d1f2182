//! Messages on their way to another queue: hidden, held by no receiver, shown again if they stay.

use super::{
    QueueMachine,
    message::{Lease, MOVER, Received, State, UNKNOWN_MS},
    received::Links,
};

impl QueueMachine {
    /// Takes up to `max` visible messages sent before the sequence `before`, lowest first, for a move to
    /// another queue; hidden for `visibility_ms`. This is not counted as a receive. On a FIFO queue it takes
    /// as many of one group as there are, in order, before it takes the next group.
    pub fn take_to_move(&mut self, now_ms: i64, max: usize, before: u64, visibility_ms: i64) -> Vec<Lease> {
        self.advance(now_ms);
        let deadline_ms = now_ms.saturating_add(visibility_ms);
        let mut taken: Vec<Lease> = Vec::new();
        while taken.len() < max {
            let next = self.next_to_move(before, max - taken.len());
            if next.is_empty() {
                break;
            }
            taken.extend(next.into_iter().filter_map(|at| self.take_one_to_move(at, now_ms, deadline_ms)));
        }
        taken
    }

    fn next_to_move(&self, before: u64, max: usize) -> Vec<u64> {
        let mut next = if self.policy.fifo {
            let open = self.groups.first_open();
            open.map(|group| self.groups.first_visible(group, max)).unwrap_or_default()
        } else {
            let plain = self.ready.first().into_iter().chain(self.received.returned().first().copied());
            plain.chain(self.groups.lowest_open()).min().into_iter().collect()
        };
        next.retain(|sequence| *sequence < before);
        next
    }

    fn take_one_to_move(&mut self, sequence: u64, now_ms: i64, deadline_ms: i64) -> Option<Lease> {
        let hide = |message: &mut Received| {
            message.state = State::Moving;
            message.leased_at_ms = UNKNOWN_MS;
            message.deadline_ms = deadline_ms;
        };
        let lease = match self.take_fresh(sequence, now_ms) {
            None => self.change(sequence, hide)?,
            Some(mut message) => {
                hide(&mut message);
                self.receive(sequence, message);
                message.lease(sequence)
            }
        };
        Some(Lease { receive_count: MOVER, ..lease })
    }

    /// Shows a message again that was taken to be moved; ignored when it is on its way or gone.
    pub fn give_back(&mut self, sequence: u64, now_ms: i64) {
        self.advance(now_ms);
        let waits = |message: &&Received| message.state == State::Moving && !message.settling;
        if self.received.get(sequence).filter(waits).is_some() {
            self.show(sequence);
        }
    }

    /// Counts messages of a FIFO queue that a move gave back among those never received, which they are: as a restart
    /// would, that knows of no move.
    pub(super) fn forget_moves(&mut self) {
        let is_untouched = |message: &Received| message.receive_count == 0 && message.is_visible();
        let untouched = self.received.iter().filter(|(_, message)| is_untouched(message));
        let untouched: Vec<(u64, Received)> = untouched.map(|(at, message)| (at, *message)).collect();
        for (sequence, message) in untouched {
            let Some(group) = message.group else { continue };
            // It stays in its group, which is forgotten with its last message.
            let (name, last_sent_at_ms) = self.groups.facts(group);
            self.groups.join(name, last_sent_at_ms);
            let mut links = Links { timers: &mut self.timers, groups: &mut self.groups };
            self.received.remove(sequence, &mut links);
            self.sent_times.set(sequence, message.sent_at_ms);
            self.groups.insert_fresh(sequence, group);
            self.groups.show(group, sequence);
        }
    }
}
