//! Receiving messages: leases from the queue's machine, bodies from the log.

use super::batch::Batch;
use super::bodies;
use super::clock::Time;
use super::core::{Core, Message, Submission};
use super::entry::Operation;
use super::locking::locked;
use super::queue::{Attempt, Fingerprint, Lease, QueueMachine};
use super::track::{QueueState, Track};
use super::{LeasedMessage, QueueId, ReadError, Receipt};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A message offered for the move to the dead-letter queue is hidden this long.
const EXHAUSTED_VISIBILITY_MS: i64 = 30_000;

/// What a receive asks for.
#[derive(Debug, Clone, Copy)]
pub struct ReceiveRequest {
    /// Most messages.
    pub max: usize,
    /// Hidden this long.
    pub visibility: Duration,
    /// How long to wait for the first message.
    pub wait: Duration,
    /// Asked again, it gives the same messages. FIFO queues only.
    pub attempt: Option<Fingerprint>,
}

/// What is handed out, and under which attempt.
type Handed = (Vec<Lease>, Option<Attempt>);

fn queue_of(track: &Track) -> Result<&QueueState, ReadError> {
    track.queue.as_ref().filter(|_| !track.is_closed()).ok_or(ReadError::UnknownTarget(track.id))
}

/// Leases up to `max` visible messages, waiting up to `wait` for the first, but not beyond `stop`. Unlike a
/// future that is dropped, it loses no lease when it stops.
pub(super) async fn receive(
    core: &Arc<Core>,
    track: &Arc<Track>,
    request: ReceiveRequest,
    stop: impl Future<Output = ()> + Send,
) -> Result<Vec<LeasedMessage>, ReadError> {
    let mut stop = pin!(stop);
    let deadline = Instant::now() + request.wait;
    loop {
        if core.is_closed() {
            return Err(ReadError::Closed);
        }
        let queue = queue_of(track)?;
        let mut change = pin!(queue.waiting.next_change());
        change.as_mut().enable();
        let now = core.clock.now();
        let (handed, next_ms) = {
            let mut machine = locked(&queue.machine);
            let handed = lease(&mut machine, &request, now);
            if !handed.0.is_empty() {
                queue.waiting.stir(&machine);
            }
            (handed, machine.next_event_ms())
        };
        if !handed.0.is_empty() {
            return hand_out(core, track, &handed).await;
        }
        if request.max == 0 || Instant::now() >= deadline {
            return Ok(Vec::new());
        }
        tokio::select! {
            // Either way there is another look; only the time left matters.
            () = queue.waiting.wait(change, now.steady_ms, next_ms, deadline) => {}
            () = &mut stop => return Ok(Vec::new()),
        }
    }
}

fn lease(machine: &mut QueueMachine, request: &ReceiveRequest, now: Time) -> Handed {
    let visibility_ms = i64::try_from(request.visibility.as_millis()).unwrap_or(i64::MAX);
    let attempt = request.attempt.filter(|_| machine.policy().fifo);
    let again = attempt.and_then(|id| machine.lease_again(id, now.steady_ms, visibility_ms));
    if let Some((leases, attempt)) = again {
        return (leases, Some(attempt));
    }
    let leases = machine.lease(now.steady_ms, request.max, visibility_ms);
    let attempt = attempt.and_then(|id| machine.remember_attempt(id, now.steady_ms, &leases));
    (leases, attempt)
}

/// Leases messages that have been received too often.
pub(super) async fn exhausted(
    core: &Arc<Core>,
    track: &Arc<Track>,
    max: usize,
) -> Result<Vec<LeasedMessage>, ReadError> {
    let now_ms = core.clock.now().steady_ms;
    let lease = |machine: &mut QueueMachine| machine.lease_exhausted(now_ms, max, EXHAUSTED_VISIBILITY_MS);
    let leases = lease(&mut locked(&queue_of(track)?.machine));
    hand_out(core, track, &(leases, None)).await
}

/// Hides messages for `visibility` from now, as long as nobody else has received them. How many were.
pub(super) async fn extend(
    core: &Arc<Core>,
    track: &Arc<Track>,
    receipts: &[Receipt],
    visibility: Duration,
) -> Result<usize, ReadError> {
    let queue = queue_of(track)?;
    let now = core.clock.now();
    let until_ms = now.steady_after(visibility);
    let leases: Vec<Lease> = {
        let mut machine = locked(&queue.machine);
        let extend = |receipt: &Receipt| {
            machine.extend(receipt.sequence, receipt.receive_count, until_ms, now.steady_ms)
        };
        receipts.iter().filter_map(extend).collect()
    };
    let extended = leases.len();
    log_leases(core, track, &(leases, None)).await?;
    Ok(extended)
}

async fn hand_out(
    core: &Arc<Core>,
    track: &Arc<Track>,
    handed: &Handed,
) -> Result<Vec<LeasedMessage>, ReadError> {
    log_leases(core, track, handed).await?;
    let leases = &handed.0;
    let sequences = leases.iter().map(|lease| lease.sequence).collect();
    let mut bodies = bodies::read(core, track, sequences).await?;
    let now = core.clock.now();
    let mut messages = Vec::with_capacity(leases.len());
    for lease in leases {
        let record = match bodies.remove(&lease.sequence) {
            Some(Err(ReadError::Lost { .. })) => {
                forget_lost(core, track.id, lease.sequence);
                continue;
            }
            // It was purged or has expired meanwhile.
            Some(Err(ReadError::Trimmed { .. })) | None => continue,
            Some(record) => record?,
        };
        let Lease { sequence, receive_count, .. } = *lease;
        messages.push(LeasedMessage {
            receipt: Receipt { queue: QueueId(track.id), sequence, receive_count },
            first_received_at_ms: now.wall_at(lease.first_received_at_ms),
            visible_again_at_ms: now.wall_at(lease.visible_again_at_ms),
            record,
        });
    }
    Ok(messages)
}

/// Logs leases. A standard queue does not wait for the disk: losing one only shows its message early,
/// which at-least-once allows. A FIFO queue waits.
async fn log_leases(core: &Arc<Core>, track: &Track, (leases, attempt): &Handed) -> Result<(), ReadError> {
    let mut batch = Batch::new();
    let queue = track.id;
    leases.iter().for_each(|lease| batch.add(Operation::Lease { queue, lease: *lease }));
    attempt.iter().cloned().for_each(|attempt| batch.add(Operation::Attempt { queue, attempt }));
    if batch.is_empty() {
        return Ok(());
    }
    let (answer, wait) = match locked(&track.policy).fifo {
        true => {
            let (answer, wait) = oneshot::channel();
            (Some(answer), Some(wait))
        }
        false => (None, None),
    };
    // The committer is gone only when the store closes.
    let _ = core.inlet.send_async(Message::Batch(Submission { batch, answer, room: None })).await;
    match wait {
        Some(wait) => match wait.await {
            Ok(Ok(_)) => Ok(()),
            // Deleted meanwhile, or the process is about to end.
            Ok(Err(_)) => queue_of(track).and(Err(ReadError::Closed)),
            Err(_) => Err(ReadError::Closed),
        },
        None => Ok(()),
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
