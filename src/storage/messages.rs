//! Receiving messages: leases from the queue's machine, bodies from the log.

use super::batch::Batch;
use super::core::{Core, Message, Submission};
use super::entry::Operation;
use super::locking::locked;
use super::queue::{Lease, QueueMachine};
use super::reader::{self, Portion};
use super::track::{QueueState, Track};
use super::{LeasedMessage, QueueId, ReadError, Receipt, clock};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A message offered for the move to the dead-letter queue is hidden this long.
const EXHAUSTED_VISIBILITY_MS: i64 = 30_000;

fn queue_of(track: &Track) -> Result<&QueueState, ReadError> {
    track.queue.as_ref().ok_or(ReadError::UnknownTarget(track.id))
}

/// Leases up to `max` visible messages, waiting up to `wait` for the first, but not beyond `stop`. Unlike a
/// future that is dropped, it loses no lease when it stops.
pub(super) async fn receive(
    core: &Arc<Core>,
    track: &Arc<Track>,
    max: usize,
    visibility: Duration,
    wait: Duration,
    stop: impl Future<Output = ()> + Send,
) -> Result<Vec<LeasedMessage>, ReadError> {
    let mut stop = pin!(stop);
    let queue = queue_of(track)?;
    let visibility_ms = i64::try_from(visibility.as_millis()).unwrap_or(i64::MAX);
    let deadline = Instant::now() + wait;
    loop {
        if core.is_closed() {
            return Err(ReadError::Closed);
        }
        // Asked for before looking, so that what comes in between is not missed.
        let changed = queue.changed.notified();
        let now_ms = clock::now_ms();
        let (leases, next_ms) = {
            let mut machine = locked(&queue.machine);
            (machine.lease(now_ms, max, visibility_ms), machine.next_event_ms())
        };
        if !leases.is_empty() {
            return hand_out(core, track, &leases).await;
        }
        let until_event =
            next_ms.map(|at| Duration::from_millis(at.saturating_sub(now_ms).max(1).unsigned_abs()));
        let event = until_event.map_or(deadline, |time| deadline.min(Instant::now() + time));
        if max == 0 || Instant::now() >= deadline {
            return Ok(Vec::new());
        }
        tokio::select! {
            // Either way there is another look; only the time left matters.
            _ = tokio::time::timeout_at(event, changed) => {}
            () = &mut stop => return Ok(Vec::new()),
        }
    }
}

/// Leases messages that have been received too often.
pub(super) async fn exhausted(
    core: &Arc<Core>,
    track: &Arc<Track>,
    max: usize,
) -> Result<Vec<LeasedMessage>, ReadError> {
    let lease =
        |machine: &mut QueueMachine| machine.lease_exhausted(clock::now_ms(), max, EXHAUSTED_VISIBILITY_MS);
    let leases = lease(&mut locked(&queue_of(track)?.machine));
    hand_out(core, track, &leases).await
}

/// Hides messages for `visibility` from now, as long as nobody else has received them. How many were.
pub(super) async fn extend(
    core: &Arc<Core>,
    track: &Arc<Track>,
    receipts: &[Receipt],
    visibility: Duration,
) -> Result<usize, ReadError> {
    let queue = queue_of(track)?;
    let visibility_ms = i64::try_from(visibility.as_millis()).unwrap_or(i64::MAX);
    let until_ms = clock::now_ms().saturating_add(visibility_ms);
    let leases: Vec<Lease> = {
        let mut machine = locked(&queue.machine);
        let extend = |receipt: &Receipt| machine.extend(receipt.sequence, receipt.receive_count, until_ms);
        receipts.iter().filter_map(extend).collect()
    };
    log_leases(core, track.id, &leases).await;
    Ok(leases.len())
}

async fn hand_out(
    core: &Arc<Core>,
    track: &Arc<Track>,
    leases: &[Lease],
) -> Result<Vec<LeasedMessage>, ReadError> {
    log_leases(core, track.id, leases).await;
    let mut messages = Vec::with_capacity(leases.len());
    let mut rest = leases;
    while let Some(first) = rest.first() {
        let following = rest.iter().zip(first.sequence..).take_while(|(lease, at)| lease.sequence == *at);
        let (together, after) = rest.split_at(following.count());
        let portion = Portion { records: together.len(), bytes: usize::MAX };
        let slice = match reader::read(core, Arc::clone(track), first.sequence, portion).await {
            Err(ReadError::Lost { .. }) => {
                forget_lost(core, track.id, first.sequence);
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            slice => slice?,
        };
        // A read may give fewer: what is left is read in the next round.
        let given = slice.records.len().max(1);
        for (lease, record) in together.iter().zip(slice.records) {
            let receipt = Receipt {
                queue: QueueId(track.id),
                sequence: lease.sequence,
                receive_count: lease.receive_count,
            };
            messages.push(LeasedMessage {
                receipt,
                first_received_at_ms: lease.first_received_at_ms,
                visible_again_at_ms: lease.visible_again_at_ms,
                record,
            });
        }
        rest = together
            .get(given..)
            .filter(|left| !left.is_empty())
            .map_or(after, |_| rest.get(given..).unwrap_or_default());
    }
    Ok(messages)
}

/// Logs leases without waiting for the disk: losing one only shows its message early.
async fn log_leases(core: &Arc<Core>, queue: u32, leases: &[Lease]) {
    let mut batch = Batch::new();
    for lease in leases {
        batch.add(Operation::Lease { queue, lease: *lease });
    }
    if !batch.is_empty() {
        let submission = Submission { batch, answer: None, room: None };
        // The committer is gone only when the store closes.
        let _ = core.inlet.send_async(Message::Batch(submission)).await;
    }
}

/// A message whose body the doctor had to give up cannot be handed out; `LOSSES.json` has it.
fn forget_lost(core: &Arc<Core>, queue: u32, sequence: u64) {
    tracing::error!(queue, sequence, "a message's body was lost to damage; the message is dropped");
    let mut batch = Batch::new();
    batch.add(Operation::Expire { queue, sequence });
    // When the committer's queue is full the message is met again after its visibility timeout.
    let _ = core.note(batch);
}
