//! A message on its way out of a dead-letter queue: a new message, as AWS has it.

use crate::{
    pipeline::{
        Origin,
        queue::{Envelope, directory::QueueResource},
        random_uuid,
    },
    storage::{Batch, Fingerprint, LeasedMessage, NewMessage, StoredRecord},
};
use std::sync::Arc;

/// A message and where it goes.
#[derive(Debug, Clone)]
pub(super) struct Parcel<'m> {
    pub message: &'m LeasedMessage,
    pub to: Arc<QueueResource>,
}

impl Parcel<'_> {
    /// Body, attributes, sender, trace and group stay. Ids and send time are new, so that its retention and
    /// its receives begin anew; that it was a dead letter is forgotten.
    pub fn post(&self, batch: &mut Batch, now_ms: i64) {
        let LeasedMessage { receipt, record, .. } = self.message;
        let envelope = Envelope::decode(&record.attributes);
        let envelope = envelope.map(|envelope| Envelope {
            // That of a FIFO queue is told by its place.
            id: envelope.id.map(|_| random_uuid()),
            deduplication: None,
            ..envelope
        });
        let attributes = attributes(record, envelope.as_ref());
        let group = envelope.and_then(|envelope| envelope.group);
        batch.settle(receipt);
        let message = NewMessage {
            sent_at_ms: now_ms,
            key: &record.key,
            attributes: &attributes,
            body: &record.payload,
            group: group.map(|group| Fingerprint::of(group.as_bytes())),
            ..NewMessage::default()
        };
        batch.send_message(self.to.queue.id(), &message);
    }
}

/// What came from a stream keeps its origin.
fn attributes(record: &StoredRecord, envelope: Option<&Envelope>) -> Vec<u8> {
    match envelope {
        Some(envelope) => envelope.encode(),
        None => Origin::decode(&record.attributes).map_or_else(Vec::new, |origin| origin.encode()),
    }
}
