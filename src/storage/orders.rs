//! What the batches of one frame ask of queues before anything is written: claims on messages,
//! deduplication, queues made, purged and deleted.

use super::batch::Batch;
use super::clock::Time;
use super::core::Core;
use super::entry::{Kind, Operation};
use super::locking::{locked, reading};
use super::queue::{Fingerprint, MessageKeys, QueueMachine};
use super::track::Track;
use super::{CommitError, Placement, QueuePolicy, ShardId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A queue is purged once in this time.
const PURGE_INTERVAL_MS: i64 = 60_000;

/// A message that a batch on its way deletes or changes.
#[derive(Debug)]
pub(super) struct Claim {
    track: Arc<Track>,
    sequence: u64,
}

/// An operation as it goes into the frame, if it does, and what its batch is told.
pub(super) struct Ordered {
    pub operation: Option<Operation>,
    pub placement: Option<Placement>,
}

/// What the batches admitted so far will change.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Queues and shards by kind and name, with their number.
    declared: BTreeMap<(u8, String), (u32, QueuePolicy)>,
    made: u32,
    deleted: BTreeSet<u32>,
    purged: BTreeSet<u32>,
    /// Deduplication ids by queue, with the sequence of their message.
    sent: HashMap<(u32, Fingerprint), u64>,
}

impl Claim {
    /// The batch was not committed.
    pub(super) fn give_back(&self) {
        let Some(queue) = &self.track.queue else { return };
        let mut machine = locked(&queue.machine);
        machine.unclaim(self.sequence);
        queue.waiting.stir(&machine);
    }
}

fn with_machine<T>(track: &Track, then: impl FnOnce(&mut QueueMachine) -> T) -> Option<T> {
    track.queue.as_ref().map(|queue| then(&mut locked(&queue.machine)))
}

impl Orders {
    pub(super) fn deletes(&self, track: u32) -> bool {
        self.deleted.contains(&track)
    }

    /// Checks what does not concern single messages.
    pub(super) fn check(&self, core: &Core, batch: &Batch, time: Time) -> Result<(), CommitError> {
        let mut deleted = BTreeSet::new();
        for operation in &batch.operations {
            match operation {
                Operation::DeleteQueue { queue } => {
                    deleted.insert(*queue);
                }
                Operation::Purge { queue, .. } => {
                    let track = core.state.track(*queue);
                    let purged =
                        track.and_then(|track| with_machine(&track, |machine| machine.purged_at_ms()));
                    let is_recent = |at_ms: i64| at_ms.saturating_add(PURGE_INTERVAL_MS) > time.steady_ms;
                    if self.purged.contains(queue) || purged.flatten().is_some_and(is_recent) {
                        return Err(CommitError::PurgeInProgress);
                    }
                }
                Operation::Declare { kind, policy, name, .. } => {
                    let known = self.known(core, *kind, name).filter(|(id, _)| !deleted.contains(id));
                    if known.is_some_and(|(_, known)| known.fifo != policy.fifo) {
                        return Err(CommitError::OtherKind { name: name.clone(), fifo: !policy.fifo });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Claims every message that the batch deletes or changes the visibility of, or none.
    pub(super) fn claim(&self, core: &Core, batch: &Batch, time: Time) -> Result<Vec<Claim>, CommitError> {
        let mut claims: Vec<Claim> = Vec::new();
        for operation in &batch.operations {
            let (queue, sequence, receive_count) = match operation {
                Operation::Settle { queue, sequence, receive_count } => (*queue, *sequence, *receive_count),
                Operation::ChangeVisibility { receipt, .. } => {
                    (receipt.queue.0, receipt.sequence, receipt.receive_count)
                }
                _ => continue,
            };
            let track = core.state.track(queue).filter(|_| !self.purged.contains(&queue));
            let grant = |machine: &mut QueueMachine| match operation {
                Operation::Settle { .. } => machine.claim(sequence, receive_count, time.steady_ms),
                _ => machine.claim_to_hide(sequence, receive_count, time.steady_ms),
            };
            match track.filter(|track| with_machine(track, grant) == Some(true)) {
                Some(track) => claims.push(Claim { track, sequence }),
                None => {
                    claims.iter().for_each(Claim::give_back);
                    return Err(CommitError::StaleReceipt);
                }
            }
        }
        Ok(claims)
    }

    /// Takes in an operation of an admitted batch: times become those of the steady clock, a declaration
    /// is answered with the number it names.
    pub(super) fn take(&mut self, core: &Core, operation: Operation, time: Time) -> Ordered {
        let operation = match operation {
            Operation::Declare { kind, policy, name, .. } => return self.declare(core, kind, policy, name),
            Operation::Release { receipt, visible_at_ms } => {
                Operation::Release { receipt, visible_at_ms: time.steady_at(visible_at_ms) }
            }
            Operation::ChangeVisibility { receipt, visible_at_ms } => {
                let visible_at_ms = time.steady_ms.saturating_add(visible_at_ms);
                Operation::ChangeVisibility { receipt, visible_at_ms }
            }
            Operation::Purge { queue, .. } => {
                self.purged.insert(queue);
                let before = core.state.track(queue).map_or(0, |track| track.next());
                Operation::Purge { queue, before }
            }
            Operation::DeleteQueue { queue } => {
                self.deleted.insert(queue);
                operation
            }
            other => other,
        };
        Ordered { operation: Some(operation), placement: None }
    }

    /// What is there by this name, or will be.
    fn known(&self, core: &Core, kind: Kind, name: &str) -> Option<(u32, QueuePolicy)> {
        let pending = self.declared.get(&(kind.code(), name.to_owned())).copied();
        let tracks = reading(&core.state.tracks);
        let known = || {
            let id = tracks.named(kind, name)?;
            Some((id, *locked(&tracks.get(id)?.policy)))
        };
        pending.or_else(known).filter(|(id, _)| !self.deleted.contains(id))
    }

    fn declare(&mut self, core: &Core, kind: Kind, policy: QueuePolicy, name: String) -> Ordered {
        let known = self.known(core, kind, &name);
        let id = known.map_or_else(|| reading(&core.state.tracks).next_id() + self.made, |(id, _)| id);
        self.made += u32::from(known.is_none());
        self.declared.insert((kind.code(), name.clone()), (id, policy));
        let same = known.is_some_and(|(_, known)| known == policy);
        let operation = (!same).then_some(Operation::Declare { id, kind, policy, name });
        Ordered { operation, placement: Some(Placement { shard: ShardId(id), first_sequence: 0, count: 0 }) }
    }

    /// What a single message sent to a FIFO queue is known by.
    pub(super) fn deduplication_id(&self, track: &Track, keys: &[MessageKeys]) -> Option<Fingerprint> {
        let [keys] = keys else { return None };
        with_machine(track, |machine| machine.deduplication_id(keys)).flatten()
    }

    /// The message that was sent with this id, or will be by this frame.
    pub(super) fn first_sent_with(&self, track: &Track, id: Fingerprint, time: Time) -> Option<u64> {
        let pending = self.sent.get(&(track.id, id)).copied();
        let known = || with_machine(track, |machine| machine.first_sent_with(id, time.steady_ms)).flatten();
        pending.or_else(known)
    }

    pub(super) fn note_sent(&mut self, queue: u32, id: Option<Fingerprint>, sequence: u64) {
        self.sent.extend(id.map(|id| ((queue, id), sequence)));
    }
}
