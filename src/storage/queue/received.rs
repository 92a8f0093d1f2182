//! Messages that have been received, with indexes of what is visible, hidden and spent.

use super::{
    delayed::Timers,
    groups::Groups,
    message::{Lease, Received, State},
};
use std::collections::{BTreeMap, BTreeSet};

/// Every message is in exactly one index, by its state; these methods keep it so.
#[derive(Debug, Clone, Default)]
pub(super) struct ReceivedMessages {
    messages: BTreeMap<u64, Received>,
    /// Those without a group; the others are visible in `Groups`.
    returned: BTreeSet<u64>,
    exhausted: BTreeSet<u64>,
    leased: u64,
    postponed: u64,
    settling: u64,
    backdated: u64,
}

/// What is kept in step with the messages.
pub(super) struct Links<'a> {
    pub timers: &'a mut Timers,
    pub groups: &'a mut Groups,
}

impl ReceivedMessages {
    pub fn get(&self, sequence: u64) -> Option<&Received> {
        self.messages.get(&sequence)
    }

    pub fn first(&self) -> Option<u64> {
        self.messages.first_key_value().map(|(sequence, _)| *sequence)
    }

    /// In ascending order of sequence.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Received)> {
        self.messages.iter().map(|(sequence, message)| (*sequence, message))
    }

    /// Visible messages without a group, lowest sequence first.
    pub fn returned(&self) -> &BTreeSet<u64> {
        &self.returned
    }

    /// Visible to the move to the dead-letter queue, lowest sequence first.
    pub fn exhausted(&self) -> &BTreeSet<u64> {
        &self.exhausted
    }

    /// Hidden by a lease or by a batch on its way.
    pub fn in_flight(&self) -> u64 {
        self.leased + self.settling
    }

    /// Given back and hidden until a deadline.
    pub fn postponed(&self) -> u64 {
        self.postponed
    }

    /// True when send times may not ascend with the sequences.
    pub fn has_backdated(&self) -> bool {
        self.backdated > 0
    }

    pub fn insert(&mut self, sequence: u64, message: Received, links: &mut Links<'_>) {
        self.messages.insert(sequence, message);
        self.backdated += u64::from(message.backdated);
        self.index(sequence, &message, links.timers);
        if let Some(group) = message.group {
            links.groups.moved(group, sequence, None, Some(&message));
        }
    }

    /// True if it was there.
    pub fn remove(&mut self, sequence: u64, links: &mut Links<'_>) -> bool {
        let Some(message) = self.messages.remove(&sequence) else { return false };
        self.backdated -= u64::from(message.backdated);
        self.unindex(sequence, &message, links.timers);
        if let Some(group) = message.group {
            links.groups.moved(group, sequence, Some(&message), None);
            links.groups.leave(group);
        }
        true
    }

    /// Changes a message and what index it is in.
    pub fn change(
        &mut self,
        sequence: u64,
        links: &mut Links<'_>,
        change: impl FnOnce(&mut Received),
    ) -> Option<Lease> {
        let message = self.messages.get_mut(&sequence)?;
        let before = *message;
        change(message);
        let after = *message;
        self.unindex(sequence, &before, links.timers);
        self.index(sequence, &after, links.timers);
        if let Some(group) = after.group {
            links.groups.moved(group, sequence, Some(&before), Some(&after));
        }
        Some(after.lease(sequence))
    }

    fn index(&mut self, sequence: u64, message: &Received, timers: &mut Timers) {
        if message.settling {
            self.settling += 1;
            return;
        }
        match message.state {
            State::Leased | State::Moving => {
                timers.insert((message.deadline_ms, sequence));
                self.leased += 1;
            }
            State::Postponed => {
                timers.insert((message.deadline_ms, sequence));
                self.postponed += 1;
            }
            State::Returned if message.group.is_none() => {
                self.returned.insert(sequence);
            }
            State::Returned => {}
            State::Exhausted => {
                self.exhausted.insert(sequence);
            }
        }
    }

    fn unindex(&mut self, sequence: u64, message: &Received, timers: &mut Timers) {
        if message.settling {
            self.settling -= 1;
            return;
        }
        match message.state {
            State::Leased | State::Moving => {
                timers.remove(&(message.deadline_ms, sequence));
                self.leased -= 1;
            }
            State::Postponed => {
                timers.remove(&(message.deadline_ms, sequence));
                self.postponed -= 1;
            }
            State::Returned if message.group.is_none() => {
                self.returned.remove(&sequence);
            }
            State::Returned => {}
            State::Exhausted => {
                self.exhausted.remove(&sequence);
            }
        }
    }
}
