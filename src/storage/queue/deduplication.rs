//! Deduplication: the ids of what was sent to a FIFO queue within the last five minutes.

use super::keys::Fingerprint;
use std::collections::{HashMap, VecDeque};

/// How long a deduplication id is remembered, counted from the first message sent with it.
pub(super) const WINDOW_MS: i64 = 5 * 60_000;

/// An id and the message that was sent with it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub id: Fingerprint,
    pub sequence: u64,
    pub at_ms: i64,
}

/// Ids by the order in which they came. Deleting a message does not forget its id.
#[derive(Debug, Clone, Default)]
pub(super) struct Deduplication {
    sequences: HashMap<Fingerprint, u64>,
    order: VecDeque<(i64, Fingerprint)>,
}

impl Deduplication {
    /// Forgets what is older than the window.
    pub fn turn(&mut self, now_ms: i64) {
        while self.order.front().is_some_and(|(at_ms, _)| at_ms.saturating_add(WINDOW_MS) <= now_ms) {
            if let Some((_, id)) = self.order.pop_front() {
                self.sequences.remove(&id);
            }
        }
        // What was a burst gives its memory back.
        if self.order.capacity() > 1_024 && self.order.len() < self.order.capacity() / 8 {
            self.order.shrink_to(self.order.len() * 2);
            self.sequences.shrink_to(self.sequences.len() * 2);
        }
    }

    /// The message that was sent with this id within the window. After [`Self::turn`].
    pub fn first(&self, id: Fingerprint) -> Option<u64> {
        self.sequences.get(&id).copied()
    }

    /// Remembers an id unless it is known; `at_ms` must not go back from call to call.
    pub fn remember(&mut self, Seen { id, sequence, at_ms }: Seen) {
        if let std::collections::hash_map::Entry::Vacant(place) = self.sequences.entry(id) {
            place.insert(sequence);
            self.order.push_back((at_ms, id));
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Seen> + '_ {
        self.order.iter().map(|(at_ms, id)| Seen {
            id: *id,
            sequence: self.sequences.get(id).copied().unwrap_or(0),
            at_ms: *at_ms,
        })
    }
}
