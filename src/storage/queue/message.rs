//! A message that has been received at least once.

/// A message handed out until `visible_again_at_ms`. Times in milliseconds of the store's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub sequence: u64,
    /// How often it was handed out to workers, this time included.
    pub receive_count: u32,
    pub first_received_at_ms: i64,
    pub visible_again_at_ms: i64,
}

/// How a receipt stands to its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptState {
    /// The message is in flight by this receipt.
    InFlight,
    /// Its visibility timeout has passed or it was given back; nobody else has received it.
    Expired,
    /// Somebody else has received the message since.
    Superseded,
    /// The message is not in the queue any more.
    Gone,
}

/// Where a received message stands. Never received ones are kept as ranges (`Runs`, `DelayedRuns`)
/// or by group (`Groups`).
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
    /// Hidden while it is moved to another queue. No receipt of a receiver holds it.
    Moving,
}

/// The receive count in the receipt of who moves a message: no receive counts so far.
pub(super) const MOVER: u32 = u32::MAX;

/// A time so late that no work has been done since.
pub(super) const UNKNOWN_MS: i64 = i64::MAX;

/// What is known of a received message besides its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    pub state: State,
    /// A batch that deletes it or changes its visibility is on its way to the disk: hidden, whatever
    /// its state.
    pub settling: bool,
    /// Its send time is older than that of a message before it.
    pub backdated: bool,
    pub receive_count: u32,
    /// Its message group, by the number that `Groups` gave it.
    pub group: Option<u32>,
    pub sent_at_ms: i64,
    pub first_received_at_ms: i64,
    /// Since when somebody works on it; not durable, so [`UNKNOWN_MS`] after a restart.
    pub leased_at_ms: i64,
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

    /// Handed out and not given back, or in a batch on its way.
    pub fn is_in_flight(&self) -> bool {
        self.settling || matches!(self.state, State::Leased | State::Moving)
    }

    pub fn is_visible(&self) -> bool {
        !self.settling && self.state == State::Returned
    }

    /// True while a receipt with this count holds the message.
    pub fn is_held_by(&self, receive_count: u32, now_ms: i64) -> bool {
        self.receive_count == receive_count
            && !self.settling
            && self.state == State::Leased
            && self.deadline_ms > now_ms
    }
}
