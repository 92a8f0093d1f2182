//! Messages that have been received, with indexes of what is visible, hidden and spent.

use super::{
    delayed::Timers,
    message::{Lease, Received, State},
};
use std::collections::{BTreeMap, BTreeSet};

/// Every message is in exactly one index, by its state; these methods keep it so.
#[derive(Debug, Clone, Default)]
pub(super) struct ReceivedMessages {
    messages: BTreeMap<u64, Received>,
    returned: BTreeSet<u64>,
    exhausted: BTreeSet<u64>,
    leased: u64,
    postponed: u64,
    settling: u64,
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

    /// Visible messages, lowest sequence first.
    pub fn returned(&self) -> &BTreeSet<u64> {
        &self.returned
    }

    /// Visible to the move to the dead-letter queue, lowest sequence first.
    pub fn exhausted(&self) -> &BTreeSet<u64> {
        &self.exhausted
    }

    /// Hidden by a lease or by a deletion on its way.
    pub fn in_flight(&self) -> u64 {
        self.leased + self.settling
    }

    /// Given back and hidden until a deadline.
    pub fn postponed(&self) -> u64 {
        self.postponed
    }

    pub fn insert(&mut self, sequence: u64, message: Received, timers: &mut Timers) {
        self.messages.insert(sequence, message);
        if message.settling {
            self.settling += 1;
            return;
        }
        match message.state {
            State::Leased => {
                timers.insert((message.deadline_ms, sequence));
                self.leased += 1;
            }
            State::Postponed => {
                timers.insert((message.deadline_ms, sequence));
                self.postponed += 1;
            }
            State::Returned => {
                self.returned.insert(sequence);
            }
            State::Exhausted => {
                self.exhausted.insert(sequence);
            }
        }
    }

    /// True if it was there.
    pub fn remove(&mut self, sequence: u64, timers: &mut Timers) -> bool {
        let Some(message) = self.messages.remove(&sequence) else { return false };
        if message.settling {
            self.settling -= 1;
            return true;
        }
        match message.state {
            State::Leased => {
                timers.remove(&(message.deadline_ms, sequence));
                self.leased -= 1;
            }
            State::Postponed => {
                timers.remove(&(message.deadline_ms, sequence));
                self.postponed -= 1;
            }
            State::Returned => {
                self.returned.remove(&sequence);
            }
            State::Exhausted => {
                self.exhausted.remove(&sequence);
            }
        }
        true
    }

    /// Changes a message and what index it is in.
    pub fn change(
        &mut self,
        sequence: u64,
        timers: &mut Timers,
        change: impl FnOnce(&mut Received),
    ) -> Option<Lease> {
        let mut message = self.messages.get(&sequence).copied()?;
        self.remove(sequence, timers);
        change(&mut message);
        self.insert(sequence, message, timers);
        Some(message.lease(sequence))
    }
}
