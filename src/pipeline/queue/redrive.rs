//! Moving messages that were received too often to the dead-letter queue.

use super::{MovedMessage, PutAside, Queue, commit_when_room, envelope, origin_of};
use crate::{
    pipeline::{Context, Retire, TaskError, now_ms},
    storage::{Batch, CommitError, LeasedMessage, Store},
};
use std::{sync::Arc, time::Duration};

/// Messages moved in one batch; few, because each may be large.
const MOST_MESSAGES: usize = 10;
/// How often it looks for exhausted messages while there are none.
const REST: Duration = Duration::from_millis(500);

/// One queue's way to its dead-letter queue.
#[derive(Debug)]
pub(super) struct Redrive {
    pub context: Context,
    pub queue: Arc<Queue>,
    pub dead_letter: Arc<Queue>,
}

/// Where the number of messages moved so far lies in the registry.
pub(super) fn redriven_key(queue: &str) -> String {
    format!("redriven/{queue}")
}

impl Redrive {
    /// Moves messages until asked to end. A move is one batch, so that a message is in exactly one of
    /// the two queues whatever happens.
    pub async fn run(self: Arc<Self>, retire: Retire) -> Result<(), TaskError> {
        let store = &self.context.store;
        while !retire.is_asked() {
            let messages = store
                .exhausted(self.queue.id(), MOST_MESSAGES)
                .await
                .map_err(|error| TaskError::new("reading exhausted messages", error))?;
            if messages.is_empty() {
                retire.sleep(REST).await;
            } else {
                self.move_all(&messages, &retire).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn move_all(
        &self,
        messages: &[LeasedMessage],
        retire: &Retire,
    ) -> Result<(), TaskError> {
        if !self.move_batch(messages, retire).await? && messages.len() > 1 {
            // One of them was settled by a late worker, or they are too much for one batch.
            for message in messages {
                self.move_batch(std::slice::from_ref(message), retire).await?;
            }
        }
        Ok(())
    }

    /// False when nothing was moved: a message is no longer there, or there is no room for all.
    async fn move_batch(&self, messages: &[LeasedMessage], retire: &Retire) -> Result<bool, TaskError> {
        let build = || redriven_batch(&self.context.store, &self.queue, &self.dead_letter, messages);
        match commit_when_room(&self.context.store, build, || !retire.is_asked()).await {
            Ok(_) => {}
            // Nothing has changed; the leases run out and the messages are offered again.
            Err(CommitError::StaleReceipt | CommitError::DiskFull) => return Ok(false),
            Err(CommitError::TooLarge { .. }) if messages.len() > 1 => return Ok(false),
            Err(error) => return Err(TaskError::new("moving messages to the dead-letter queue", error)),
        }
        self.context.metrics.quarantined(messages.len() as u64);
        tracing::warn!(
            queue = self.queue.name(),
            dead_letter = self.dead_letter.name(),
            messages = messages.len(),
            "messages received too often were moved"
        );
        Ok(true)
    }

    /// Messages moved so far, durably counted.
    pub fn moved(&self) -> u64 {
        moved(&self.context.store, self.queue.name())
    }
}

fn moved(store: &Store, queue: &str) -> u64 {
    let bytes = store.get(&redriven_key(queue));
    bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok()).unwrap_or(0)
}

/// The batch that moves messages and counts them.
pub(super) fn redriven_batch(
    store: &Store,
    queue: &Queue,
    dead_letter: &Queue,
    messages: &[LeasedMessage],
) -> Batch {
    let (mut batch, now_ms) = (Batch::new(), now_ms());
    for message in messages {
        dead_letter_of(queue, message).post(&mut batch, dead_letter.id(), now_ms);
    }
    let moved = moved(store, queue.name()).saturating_add(messages.len() as u64);
    batch.put(redriven_key(queue.name()), moved.to_string(), None);
    batch
}

fn dead_letter_of(queue: &Queue, message: &LeasedMessage) -> MovedMessage {
    let LeasedMessage { receipt, record, .. } = message;
    let reason = format!("received {} times without success", receipt.receive_count);
    let why = PutAside {
        origin: origin_of(record, queue.name(), 0),
        reason: &reason,
        node: queue.name(),
        queue: None,
        receives: Some(receipt.receive_count),
        rules: None,
        envelope: envelope::raw(&record.attributes),
    };
    MovedMessage::new(message, queue.is_fifo(), &why)
}
