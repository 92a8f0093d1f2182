//! Receiving messages: leases from the queue's machine, bodies from the log.

use super::batch::Batch;
use super::bodies;
use super::core::{Core, Message, Submission};
use super::entry::Operation;
use super::locking::locked;
use super::queue::{Attempt, Fingerprint, Lease, QueueMachine};
use super::track::{QueueState, Track};
use super::waiting::Timepiece;
use super::{LeasedMessage, QueueId, ReadError, Receipt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A message offered for the move to the dead-letter queue is hidden this long.
const EXHAUSTED_VISIBILITY_MS: i64 = 30_000;
/// One that is being moved to another queue, too.
const MOVE_VISIBILITY_MS: i64 = 30_000;

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
    /// Most messages in flight at a time: it gives fewer, or none. At the limit a standard queue refuses a
    /// request that does not wait.
    pub in_flight_limit: Option<u32>,
}

/// What is handed out, and under which attempt.
type Handed = (Vec<Lease>, Option<Attempt>);

fn queue_of(track: &Track) -> Result<&QueueState, ReadError> {
    track.queue.as_ref().filter(|_| !track.is_closed()).ok_or(ReadError::UnknownTarget(track.id))
}

/// Leases up to `max` visible messages, waiting up to `wait` for the first, but not beyond `stop`.
pub(super) async fn receive(
    core: &Arc<Core>,
    track: &Arc<Track>,
    request: ReceiveRequest,
    stop: impl Future<Output = ()> + Send,
) -> Result<Vec<LeasedMessage>, ReadError> {
    let deadline = Instant::now() + request.wait;
    let time = Timepiece {
        now_ms: || core.clock.now().steady_ms,
        left: || deadline.saturating_duration_since(Instant::now()),
        sleep: tokio::time::sleep,
    };
    let QueueState { machine, waiting } = queue_of(track)?;
    let look = |machine: &mut QueueMachine| {
        let found = look(core, track, machine, &request);
        found.map(|handed| Some(handed).filter(|handed| !handed.0.is_empty())).transpose()
    };
    let found = tokio::select! {
        biased;
        found = waiting.next(machine, time, look) => found,
        () = stop => None,
    };
    match found {
        Some(handed) => {
            let handed = handed?;
            // Asked again, an attempt gives the same messages.
            let returns = if handed.1.is_some() { Vec::new() } else { handed.0.clone() };
            let mut returned = Returned { core, track, leases: returns };
            let messages = hand_out(core, track, &handed).await;
            returned.leases.clear();
            messages
        }
        None => Ok(Vec::new()),
    }
}

/// Leases that go back when nobody waits any more for the messages that they are for.
struct Returned<'a> {
    core: &'a Arc<Core>,
    track: &'a Track,
    leases: Vec<Lease>,
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        let Some(queue) = self.track.queue.as_ref().filter(|_| !self.leases.is_empty()) else { return };
        let now = self.core.clock.now();
        let mut batch = Batch::new();
        let mut machine = locked(&queue.machine);
        for Lease { sequence, receive_count, .. } in self.leases.drain(..) {
            machine.release(sequence, receive_count, now.steady_ms);
            let receipt = Receipt { queue: QueueId(self.track.id), sequence, receive_count };
            batch.release(&receipt, now.wall_ms);
        }
        queue.waiting.stir(&machine);
        drop(machine);
        // When the committer's queue is full, a restart shows them after their visibility timeout.
        let _ = self.core.note(batch);
    }
}

/// What a receive gets now; nothing when there is nothing for it.
fn look(
    core: &Core,
    track: &Track,
    machine: &mut QueueMachine,
    request: &ReceiveRequest,
) -> Result<Handed, ReadError> {
    if core.is_closed() {
        return Err(ReadError::Closed);
    }
    queue_of(track)?;
    let now_ms = core.clock.now().steady_ms;
    let room = request.in_flight_limit.map_or(usize::MAX, |limit| machine.room(limit, now_ms));
    if room == 0 && request.wait.is_zero() && !machine.policy().fifo {
        return Err(ReadError::TooManyInFlight(track.id));
    }
    Ok(lease(machine, &ReceiveRequest { max: request.max.min(room), ..*request }, now_ms))
}

fn lease(machine: &mut QueueMachine, request: &ReceiveRequest, now_ms: i64) -> Handed {
    let visibility_ms = i64::try_from(request.visibility.as_millis()).unwrap_or(i64::MAX);
    let attempt = request.attempt.filter(|_| machine.policy().fifo);
    let again = attempt.and_then(|id| machine.lease_again(id, now_ms, visibility_ms));
    if let Some((leases, attempt)) = again {
        return (leases, Some(attempt));
    }
    let leases = machine.lease(now_ms, request.max, visibility_ms);
    let attempt = attempt.and_then(|id| machine.remember_attempt(id, now_ms, &leases));
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

/// Takes up to `max` visible messages sent before `before` out of the queue's view, so that a batch can settle
/// them and send them elsewhere. Nothing of it is logged: a restart shows them again.
pub(super) async fn take_to_move(
    core: &Arc<Core>,
    track: &Arc<Track>,
    max: usize,
    before: u64,
) -> Result<Vec<LeasedMessage>, ReadError> {
    let now_ms = core.clock.now().steady_ms;
    let take = |machine: &mut QueueMachine| machine.take_to_move(now_ms, max, before, MOVE_VISIBILITY_MS);
    let taken = take(&mut locked(&queue_of(track)?.machine));
    with_bodies(core, track, &taken).await
}

/// Shows messages again that were taken to be moved and were not.
pub(super) fn give_back(core: &Core, track: &Track, receipts: &[Receipt]) {
    let Some(queue) = &track.queue else { return };
    let mut machine = locked(&queue.machine);
    let now_ms = core.clock.now().steady_ms;
    receipts.iter().for_each(|receipt| machine.give_back(receipt.sequence, now_ms));
    queue.waiting.stir(&machine);
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
    with_bodies(core, track, &handed.0).await
}

async fn with_bodies(
    core: &Arc<Core>,
    track: &Arc<Track>,
    leases: &[Lease],
) -> Result<Vec<LeasedMessage>, ReadError> {
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
