//! The store's queues as the pipeline sees them.

use super::entry::Kind;
use super::locking::{locked, reading};
use super::messages::{self, ReceiveRequest};
use super::track::Track;
use super::{Batch, CommitError, LeasedMessage, QueueDepth, QueueId, QueuePolicy, ReadError, Receipt};
use super::{ReceiptError, ReceiptState, Store};
use std::sync::Arc;
use std::time::Duration;

impl Store {
    fn queue(&self, queue: QueueId) -> Result<Arc<Track>, ReadError> {
        self.core().state.track(queue.0).ok_or(ReadError::UnknownTarget(queue.0))
    }

    /// Finds or makes a queue by name. Idempotent; the policy is the latest given.
    ///
    /// # Errors
    /// [`CommitError::OtherKind`] when there is one that is FIFO and should not be, or the other way
    /// round; else see [`CommitError`].
    pub async fn declare_queue(&self, name: &str, policy: QueuePolicy) -> Result<QueueId, CommitError> {
        self.declare(Kind::Queue, name, policy).await.map(QueueId)
    }

    /// Deletes a queue with all its messages; those who wait for messages of it get an error.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn delete_queue(&self, queue: QueueId) -> Result<(), CommitError> {
        let mut batch = Batch::new();
        batch.delete_queue(queue);
        self.commit(batch).await.map(|_| ())
    }

    /// Deletes all messages that a queue holds, at most once in 60 seconds. Deduplication ids stay.
    ///
    /// # Errors
    /// [`CommitError::PurgeInProgress`], else see [`CommitError`].
    pub async fn purge(&self, queue: QueueId) -> Result<(), CommitError> {
        let mut batch = Batch::new();
        batch.purge(queue);
        self.commit(batch).await.map(|_| ())
    }

    /// All queues by name.
    pub fn queues(&self) -> Vec<(String, QueueId)> {
        let tracks = reading(&self.core().state.tracks);
        let queues = tracks.list.iter().filter(|track| track.kind() == Kind::Queue);
        let mut queues: Vec<(String, QueueId)> =
            queues.map(|track| (track.name.clone(), QueueId(track.id))).collect();
        queues.sort_unstable();
        queues
    }

    pub fn queue_named(&self, name: &str) -> Option<QueueId> {
        reading(&self.core().state.tracks).named(Kind::Queue, name).map(QueueId)
    }

    pub fn queue_name(&self, queue: QueueId) -> Option<String> {
        self.queue(queue).ok().map(|track| track.name.clone())
    }

    pub fn queue_policy(&self, queue: QueueId) -> Option<QueuePolicy> {
        self.queue(queue).ok().map(|track| *locked(&track.policy))
    }

    /// Leases up to `max` visible messages, waiting up to `wait` for the first. A FIFO queue gives as
    /// many messages of one group as there are before it takes the next group, and none of a group that
    /// has a message in flight.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn receive(
        &self,
        queue: QueueId,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<LeasedMessage>, ReadError> {
        self.receive_until(queue, max, visibility, wait, std::future::pending()).await
    }

    /// The same, but without waiting any longer once `stop` has come.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn receive_until(
        &self,
        queue: QueueId,
        max: usize,
        visibility: Duration,
        wait: Duration,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Vec<LeasedMessage>, ReadError> {
        let request = ReceiveRequest { max, visibility, wait, attempt: None, in_flight_limit: None };
        self.receive_as(queue, request, stop).await
    }

    /// Receives as a request asks, without waiting any longer once `stop` has come. Messages of a receive that
    /// is dropped are given back. On a FIFO queue a request
    /// with an attempt id that is asked again within five minutes gives the same messages with the same
    /// receipts, hidden for `visibility` from then on, unless one of them was deleted, given back, received
    /// again, or had its visibility changed.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn receive_as(
        &self,
        queue: QueueId,
        request: ReceiveRequest,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Vec<LeasedMessage>, ReadError> {
        messages::receive(self.core(), &self.queue(queue)?, request, stop).await
    }

    /// Hides leased messages of one queue for `visibility` from now on. Those that somebody else has
    /// received since are left as they are; returns how many were hidden. Like a lease it is logged
    /// without waiting for the disk on a standard queue.
    ///
    /// # Errors
    /// [`ReadError::UnknownTarget`].
    pub async fn extend(
        &self,
        queue: QueueId,
        receipts: &[Receipt],
        visibility: Duration,
    ) -> Result<usize, ReadError> {
        messages::extend(self.core(), &self.queue(queue)?, receipts, visibility).await
    }

    /// Deletes received messages, each for itself, in as few flushes as can be. On a standard queue a receipt
    /// is good until somebody else receives the message, on a FIFO queue until its visibility timeout.
    pub async fn delete_messages(&self, receipts: &[Receipt]) -> Vec<Result<(), ReceiptError>> {
        // Most often all of them are good, and one batch costs a fraction of many.
        if receipts.len() > 1 {
            let mut batch = Batch::new();
            receipts.iter().for_each(|receipt| batch.settle(receipt));
            match self.commit(batch).await {
                Ok(_) => return receipts.iter().map(|_| Ok(())).collect(),
                // Of all receipts one or more are refused: each is asked for itself.
                Err(CommitError::StaleReceipt) => {}
                Err(error) => {
                    return receipts.iter().map(|_| Err(ReceiptError::Commit(error.clone()))).collect();
                }
            }
        }
        let batches = receipts.iter().map(|receipt| {
            let mut batch = Batch::new();
            batch.settle(receipt);
            (receipt, batch)
        });
        self.commit_each(batches).await
    }

    /// Hides messages for a time from now on, each for itself, still held by the same receipts; with no time they
    /// are visible at once. Each must be in flight by its receipt; on a standard queue it is enough that nobody else
    /// has received it. Unlike [`Self::extend`] it is answered after the flush.
    pub async fn change_visibility(&self, changes: &[(Receipt, Duration)]) -> Vec<Result<(), ReceiptError>> {
        let batches = changes.iter().map(|(receipt, visibility)| {
            let mut batch = Batch::new();
            batch.change_visibility(receipt, *visibility);
            (receipt, batch)
        });
        self.commit_each(batches).await
    }

    async fn commit_each(
        &self,
        batches: impl Iterator<Item = (&Receipt, Batch)> + Send,
    ) -> Vec<Result<(), ReceiptError>> {
        // Asked before any of them is on its way: one that is deleted must not hide why another is refused.
        let batches: Vec<(&Receipt, Batch, ReceiptState)> =
            batches.map(|(receipt, batch)| (receipt, batch, self.receipt_state(receipt))).collect();
        let mut submitted = Vec::with_capacity(batches.len());
        for (receipt, batch, state) in batches {
            submitted.push((receipt, state, self.submit(batch).await));
        }
        let mut answers = Vec::with_capacity(submitted.len());
        for (receipt, state, ticket) in submitted {
            let answer = match ticket {
                Ok(ticket) => ticket.durable().await,
                Err(error) => Err(error),
            };
            answers.push(match answer {
                Ok(_) => Ok(()),
                Err(CommitError::StaleReceipt) if state == ReceiptState::InFlight => {
                    Err(ReceiptError::Refused(self.receipt_state(receipt)))
                }
                Err(CommitError::StaleReceipt) => Err(ReceiptError::Refused(state)),
                Err(error) => Err(ReceiptError::Commit(error)),
            });
        }
        answers
    }

    /// Leases up to `max` messages that have been received too often, for a move to the dead-letter
    /// queue.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn exhausted(&self, queue: QueueId, max: usize) -> Result<Vec<LeasedMessage>, ReadError> {
        messages::exhausted(self.core(), &self.queue(queue)?, max).await
    }

    /// Takes up to `max` visible messages that were sent before the sequence `before`, for a move to another
    /// queue by one batch that settles them and sends them there. It does not count as a receive; what is
    /// not moved is shown again by [`Self::give_back`], a restart, or after 30 seconds. A FIFO queue gives
    /// them in order, and none of a group that has a message in flight.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn take_to_move(
        &self,
        queue: QueueId,
        max: usize,
        before: u64,
    ) -> Result<Vec<LeasedMessage>, ReadError> {
        messages::take_to_move(self.core(), &self.queue(queue)?, max, before).await
    }

    /// Shows messages again that were taken to be moved; those that were moved are gone and stay so.
    pub fn give_back(&self, queue: QueueId, receipts: &[Receipt]) {
        if let Ok(track) = self.queue(queue) {
            messages::give_back(self.core(), &track, receipts);
        }
    }

    /// The sequence that the next message of a queue will get.
    pub fn next_sequence(&self, queue: QueueId) -> Option<u64> {
        self.queue(queue).ok().map(|track| track.next())
    }

    /// How a receipt stands to its message, so that a refusal can be told exactly.
    pub fn receipt_state(&self, receipt: &Receipt) -> ReceiptState {
        let Ok(track) = self.queue(receipt.queue) else { return ReceiptState::Gone };
        let Some(queue) = &track.queue else { return ReceiptState::Gone };
        let now_ms = self.core().clock.now().steady_ms;
        locked(&queue.machine).receipt(receipt.sequence, receipt.receive_count, now_ms)
    }

    /// What the clock shows that queues live by, in milliseconds: it goes on over restarts, and does not jump when the
    /// wall clock is set.
    pub fn steady_ms(&self) -> i64 {
        self.core().clock.now().steady_ms
    }

    pub fn depth(&self, queue: QueueId) -> Option<QueueDepth> {
        let track = self.queue(queue).ok()?;
        let queue = track.queue.as_ref()?;
        let now = self.core().clock.now();
        let depth = locked(&queue.machine).depth(now.steady_ms);
        let oldest_sent_at_ms = depth.oldest_sent_at_ms.map(|at| now.wall_at(at));
        Some(QueueDepth { oldest_sent_at_ms, ..depth })
    }
}
