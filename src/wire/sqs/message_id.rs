//! Ids of messages that no sender gave one: made of the message's place, so that they are the same at every receive
//! and for whoever sends a message of a FIFO queue twice.

use crate::{
    pipeline::{queue::Envelope, uuid_of},
    storage::{LeasedMessage, QueueId},
};
use md5::{Digest as _, Md5};

/// The id of a message by the queue that it was first sent to and its sequence there.
pub(super) fn of_place(queue: QueueId, sequence: u64) -> String {
    let place = format!("{}/{sequence}", queue.0);
    uuid_of(u128::from_be_bytes(Md5::digest(place).into()))
}

/// The id of a message that was received.
pub(super) fn of(message: &LeasedMessage, envelope: Option<&Envelope>) -> String {
    let given = envelope.and_then(|envelope| envelope.id.clone());
    given.unwrap_or_else(|| {
        let here = (message.receipt.queue, message.receipt.sequence);
        let (queue, sequence) = message.record.provenance.map_or(here, |provenance| provenance.origin);
        of_place(queue, sequence)
    })
}
