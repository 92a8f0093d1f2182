//! Messages on their way to a queue.

use super::block::{self, Provenance, SealedBlock};
use super::clock::Time;
use super::queue::{Fingerprint, MessageKeys};
use super::{QueuePolicy, Receipt};
use std::time::Duration;

/// One message to send.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewMessage<'a> {
    /// Wall clock, milliseconds since the epoch.
    pub sent_at_ms: i64,
    /// At most 65,535 bytes; kept with the message.
    pub key: &'a [u8],
    /// At most 64 MiB; kept with the message.
    pub attributes: &'a [u8],
    /// At most 64 MiB.
    pub body: &'a [u8],
    /// The message group. On a FIFO queue a message without one is in the group of its key.
    pub group: Option<Fingerprint>,
    /// What a message sent twice is known by. FIFO queues only.
    pub deduplication: Option<Fingerprint>,
    /// Hidden this long; without it the queue's delay counts. Standard queues only.
    pub delay: Option<Duration>,
    /// Where it comes from when it was moved from another queue.
    pub provenance: Option<Provenance>,
}

/// When a message sent becomes visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visible {
    ByPolicy,
    /// Wall clock.
    At(i64),
    After(Duration),
}

/// Messages for one queue that are visible at the same time.
#[derive(Debug)]
pub(super) struct Sending {
    pub queue: u32,
    pub block: SealedBlock,
    pub visible: Visible,
    /// One for each message, or none at all.
    pub keys: Vec<MessageKeys>,
}

impl Sending {
    /// When its messages become visible by the steady clock; 0: at once, or as the FIFO queue has it.
    pub(super) fn visible_at_ms(&self, policy: &QueuePolicy, time: Time) -> i64 {
        let after = |delay: Duration| if delay.is_zero() { 0 } else { time.steady_after(delay) };
        match self.visible {
            _ if policy.fifo => 0,
            Visible::ByPolicy => after(policy.delay),
            Visible::At(wall_ms) => time.steady_at(wall_ms),
            Visible::After(delay) => after(delay),
        }
    }

    /// Gives each message of a FIFO queue the group of its key unless it has one.
    pub(super) fn group_by_key(&mut self) {
        if self.keys.is_empty() {
            self.keys = block::keys(&self.block.bytes).map(|_| MessageKeys::default()).collect();
        }
        for (keys, key) in self.keys.iter_mut().zip(block::keys(&self.block.bytes)) {
            keys.group.get_or_insert_with(|| Fingerprint::of(key));
        }
    }
}

impl Provenance {
    /// Where a message comes from when it moves on from the queue of its receipt.
    pub fn of_moved(receipt: &Receipt, before: Option<&Self>) -> Self {
        Self {
            origin: before.map_or((receipt.queue, receipt.sequence), |before| before.origin),
            source: receipt.queue,
            receives: receipt.receive_count.saturating_add(before.map_or(0, |before| before.receives)),
        }
    }
}
