//! Receipt handles: a lease as text, opaque and of no use once changed.

use super::{Sqs, errors};
use crate::{
    pipeline::queue::directory::QueueResource,
    storage::{QueueId, Receipt},
    wire::ServiceError,
};

/// What handles are sealed for.
const PURPOSE: &str = "sqs-receipt";

/// A lease that a receive gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReceiptHandle {
    pub receipt: Receipt,
    /// By the store's steady clock, which no jump of the wall clock moves.
    pub received_at_ms: i64,
}

impl ReceiptHandle {
    pub(super) fn close(&self, sqs: &Sqs) -> String {
        let Receipt { queue, sequence, receive_count } = self.receipt;
        let mut bytes = Vec::with_capacity(24);
        bytes.extend_from_slice(&queue.0.to_be_bytes());
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(&receive_count.to_be_bytes());
        bytes.extend_from_slice(&self.received_at_ms.to_be_bytes());
        sqs.seal.close(PURPOSE, &bytes, 0)
    }

    /// Reads a handle that a receive of this queue gave.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid`.
    pub(super) fn open(sqs: &Sqs, queue: &QueueResource, handle: &str) -> Result<Self, ServiceError> {
        let shown: String = handle.chars().take(1_024).collect();
        let refuse = |told: String| ServiceError::bad_request("ReceiptHandleIsInvalid", told);
        let opened = sqs.seal.open(PURPOSE, handle).and_then(|bytes| Self::read(&bytes));
        let read = opened.ok_or_else(|| {
            refuse(format!("The input receipt handle \"{shown}\" is not a valid receipt handle."))
        })?;
        match read.receipt.queue == queue.queue.id() {
            true => Ok(read),
            false => Err(refuse(format!("The receipt handle \"{shown}\" is not valid for this queue."))),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (queue, rest) = bytes.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let (receive_count, rest) = rest.split_first_chunk::<4>()?;
        let (received_at_ms, _) = rest.split_first_chunk::<8>()?;
        let receipt = Receipt {
            queue: QueueId(u32::from_be_bytes(*queue)),
            sequence: u64::from_be_bytes(*sequence),
            receive_count: u32::from_be_bytes(*receive_count),
        };
        Some(Self { receipt, received_at_ms: i64::from_be_bytes(*received_at_ms) })
    }
}

/// A visibility timeout of a message that nobody may change any more.
pub(super) fn unavailable(handle: &str) -> ServiceError {
    let reason = "Message does not exist or is not available for visibility timeout change.";
    errors::invalid_value("ReceiptHandle", handle, reason)
}
