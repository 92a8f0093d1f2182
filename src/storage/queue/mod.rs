//! What the store knows of a queue's messages: who may have one, until when, how often it was received.
//!
//! Pure: no clock, no disk. The bodies lie in the log; here are only sequences and their states.

mod delayed;
mod machine;
mod message;
#[cfg(test)]
mod model_tests;
mod received;
mod runs;
mod sent_times;
mod snapshot;
#[cfg(test)]
mod tests;

pub use machine::QueueMachine;
pub use message::Lease;
