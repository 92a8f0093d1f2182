//! A message that has been received at least once.

/// A message handed out until `visible_again_at_ms`. Times in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub sequence: u64,
    /// How often it was handed out to workers, this time included.
    pub receive_count: u32,
    pub first_received_at_ms: i64,
    pub visible_again_at_ms: i64,
}

/// Where a received message stands. Never received ones are kept as ranges (`Runs`, `DelayedRuns`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Hidden while somebody works on it.
    Leased,
    /// Given back, hidden until its deadline.
    Postponed,
    /// Visible.
    Returned,
    /// Visible, but only to the move to the dead-letter queue.
    Exhausted,
}

/// What is known of a received message besides its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    pub state: State,
    /// A batch that deletes it is on its way to the disk: hidden, whatever its state.
    pub settling: bool,
    pub receive_count: u32,
    pub sent_at_ms: i64,
    pub first_received_at_ms: i64,
    /// When a hidden message becomes visible.
    pub deadline_ms: i64,
}

impl Received {
    pub fn lease(&self, sequence: u64) -> Lease {
        Lease {
            sequence,
            receive_count: self.receive_count,
            first_received_at_ms: self.first_received_at_ms,
            visible_again_at_ms: self.deadline_ms,
        }
    }
}
