//! Queues: messages leased to workers, returned when a lease runs out, moved to a dead-letter
//! queue when received too often.

pub mod directory;
mod envelope;
mod feeder;
mod moved;
pub mod moves;
mod put_aside;
mod quarantine;
#[expect(clippy::module_inception, reason = "the folder is the kind of node, the file is the queue itself")]
mod queue;
mod redrive;
mod room;
mod section;
mod stage;
mod tallies;
#[cfg(test)]
mod tests;

pub use envelope::{Envelope, MessageAttribute, raw as envelope_of};
pub use moved::MovedMessage;
pub use put_aside::{PutAside, origin_of};
pub use quarantine::Quarantine;
pub use queue::{FifoTerms, Queue, QueueError};
pub use room::commit_when_room;
pub use section::{DeadLetter, QueueSection};
pub use stage::{QueueStage, oldest_age};
pub use tallies::{add_tally, put_tally, read_tally, sum_tallies, tally_key};
