//! Deleting messages and changing how long they stay hidden.

use super::{
    Sqs, batches,
    call_limits::Call,
    errors,
    receipt_handle::{ReceiptHandle, unavailable},
};
use crate::{
    pipeline::queue::directory::QueueResource,
    storage::{Receipt, ReceiptError, ReceiptState},
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use futures::future::join_all;
use std::time::Duration;

/// Longest time that a message may be hidden after it was received, in seconds: twelve hours.
const LONGEST: i64 = 43_200;

/// What came of the deletion of a message. It is no fault that it is gone already; and none on a standard queue
/// that somebody else has received it since: then it stays.
fn settled(
    queue: &QueueResource,
    result: Result<(), ReceiptError>,
    handle: &str,
) -> Result<(), ServiceError> {
    match result {
        Err(ReceiptError::Commit(error)) => Err(errors::not_committed(&error)),
        Err(ReceiptError::Refused(ReceiptState::Expired | ReceiptState::Superseded))
            if queue.queue.is_fifo() =>
        {
            Err(errors::invalid_value("ReceiptHandle", handle, "The receipt handle has expired."))
        }
        Ok(()) | Err(ReceiptError::Refused(_)) => Ok(()),
    }
}

pub(super) async fn delete(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    sqs.admit(&queue, Call::Delete, [])?;
    let handle = input.text("ReceiptHandle").unwrap_or_default();
    let lease = ReceiptHandle::open(sqs, &queue, handle)?;
    let deleted = sqs.directory.store().delete_messages(&[lease.receipt]).await.pop();
    settled(&queue, deleted.unwrap_or(Ok(())), handle)?;
    Ok(Reply::Empty)
}

pub(super) async fn delete_batch(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    sqs.admit(&queue, Call::Delete, [])?;
    let entries = batches::entries(input, "DeleteMessageBatchRequestEntry")?;
    let open = |(id, entry): (String, &Input)| {
        let handle = entry.text("ReceiptHandle").unwrap_or_default().to_owned();
        let lease = ReceiptHandle::open(sqs, &queue, &handle);
        (id, handle, lease)
    };
    let opened: Vec<_> = entries.into_iter().map(open).collect();
    let good = opened.iter().filter_map(|(_, _, lease)| Some(lease.as_ref().ok()?.receipt.clone()));
    let good: Vec<Receipt> = good.collect();
    let mut deleted = sqs.directory.store().delete_messages(&good).await.into_iter();
    let told = opened.into_iter().map(|(id, handle, lease)| {
        let result = lease.and_then(|_| settled(&queue, deleted.next().unwrap_or(Ok(())), &handle));
        let told = result.map(|()| Output::new().with("Id", id.as_str()));
        (id, told)
    });
    Ok(batches::answer(told.collect()))
}

/// Hides a message for so many seconds from now on, or shows it again at once.
async fn hide(
    sqs: &Sqs,
    queue: &QueueResource,
    handle: &str,
    seconds: Option<i64>,
) -> Result<(), ServiceError> {
    let lease = ReceiptHandle::open(sqs, queue, handle)?;
    let Some(seconds) = seconds else { return Err(errors::missing("VisibilityTimeout")) };
    let told = |reason: &str| errors::invalid_value("VisibilityTimeout", &seconds.to_string(), reason);
    let visibility = u64::try_from(seconds).ok().filter(|_| seconds <= LONGEST);
    let visibility =
        visibility.ok_or_else(|| told("VisibilityTimeout must be an integer between 0 and 43200"))?;
    let ends_ms = sqs.directory.store().steady_ms().saturating_add(seconds.saturating_mul(1_000));
    if ends_ms > lease.received_at_ms.saturating_add(LONGEST * 1_000) {
        return Err(told("Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"));
    }
    let change = (lease.receipt, Duration::from_secs(visibility));
    match sqs.directory.store().change_visibility(&[change]).await.pop() {
        Some(Err(ReceiptError::Commit(error))) => Err(errors::not_committed(&error)),
        Some(Err(ReceiptError::Refused(_))) => Err(unavailable(handle)),
        Some(Ok(())) | None => Ok(()),
    }
}

pub(super) async fn change_visibility(
    sqs: &Sqs,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    sqs.admit(&queue, Call::ChangeVisibility, [])?;
    let handle = input.text("ReceiptHandle").unwrap_or_default();
    hide(sqs, &queue, handle, input.integer("VisibilityTimeout")).await?;
    Ok(Reply::Empty)
}

pub(super) async fn change_visibility_batch(
    sqs: &Sqs,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    sqs.admit(&queue, Call::ChangeVisibility, [])?;
    let entries = batches::entries(input, "ChangeMessageVisibilityBatchRequestEntry")?;
    let (queue, all) = (&queue, entries.into_iter());
    let hidden = all.map(|(id, entry)| async move {
        let handle = entry.text("ReceiptHandle").unwrap_or_default();
        let hidden = hide(sqs, queue, handle, entry.integer("VisibilityTimeout")).await;
        let told = hidden.map(|()| Output::new().with("Id", id.as_str()));
        (id, told)
    });
    Ok(batches::answer(join_all(hidden).await))
}
