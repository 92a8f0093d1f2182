//! A message on its way to a dead-letter queue: it stays who it is.

use super::{Envelope, PutAside};
use crate::storage::{Batch, Fingerprint, LeasedMessage, NewMessage, Provenance, QueueId, Receipt};
use bytes::Bytes;

/// A message that leaves its queue for another one, whoever moves it. Its id, its message group, its key and what
/// its sender said of it stay. As AWS has it, its age counts on from when it was first sent on a standard queue,
/// and anew on a FIFO queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedMessage {
    receipt: Receipt,
    /// Wall clock, milliseconds; `None`: when it moves.
    sent_at_ms: Option<i64>,
    group: Option<Fingerprint>,
    provenance: Provenance,
    pub key: Bytes,
    /// Why it moved, and the sender's envelope.
    pub attributes: Bytes,
    pub payload: Bytes,
}

impl MovedMessage {
    /// A message of a queue that is FIFO or not, with what is kept of why it moves.
    pub fn new(message: &LeasedMessage, fifo: bool, why: &PutAside<'_>) -> Self {
        let LeasedMessage { receipt, record, .. } = message;
        // What has no envelope is on a FIFO queue in the group of its key.
        let group = Envelope::decode(&record.attributes).and_then(|envelope| envelope.group);
        Self {
            receipt: receipt.clone(),
            sent_at_ms: (!fifo).then_some(record.arrived_at_ms),
            group: group.map(|group| Fingerprint::of(group.as_bytes())),
            provenance: Provenance::of_moved(receipt, record.provenance.as_ref()),
            key: record.key.clone(),
            attributes: why.encode().into(),
            payload: record.payload.clone(),
        }
    }

    /// Sends it to a queue and takes it off its own, in one batch.
    pub fn post(&self, batch: &mut Batch, to: QueueId, now_ms: i64) {
        let message = NewMessage {
            sent_at_ms: self.sent_at_ms.unwrap_or(now_ms),
            key: &self.key,
            attributes: &self.attributes,
            body: &self.payload,
            group: self.group,
            provenance: Some(self.provenance),
            ..NewMessage::default()
        };
        batch.send_message(to, &message);
        batch.settle(&self.receipt);
    }
}
