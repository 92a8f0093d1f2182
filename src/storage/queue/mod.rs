//! What the store knows of a queue's messages: who may have one, until when, how often it was received.
//!
//! Pure: no clock, no disk. The bodies lie in the log; here are only sequences and their states.

mod attempts;
mod deduplication;
mod delayed;
mod expiry;
mod fairness;
mod groups;
#[cfg(test)]
mod history_tests;
mod keys;
mod leasing;
mod machine;
mod members;
mod message;
#[cfg(test)]
mod model_tests;
mod moving;
#[cfg(test)]
mod moving_tests;
#[cfg(test)]
pub mod naive_model;
mod numbers;
mod received;
mod runs;
mod sent_times;
mod settling;
mod snapshot;
#[cfg(test)]
mod tests;

pub use attempts::Attempt;
pub use keys::{Fingerprint, MessageKeys};
pub use machine::{Arrivals, QueueMachine};
pub use message::{Lease, ReceiptState};
