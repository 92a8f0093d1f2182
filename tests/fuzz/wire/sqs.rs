//! What requests to queues may hold.

#[path = "../../../src/wire/sqs/model.rs"]
mod model;

pub use model::OPERATIONS;
