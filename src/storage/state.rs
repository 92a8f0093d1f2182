//! The state that the log's frames add up to. Only the committer and recovery change it.

use super::batch::Ending;
use super::clock::Time;
use super::entry::{Kind, Operation};
use super::locking::{locked, reading, writing};
use super::log_file::PlacedRun;
use super::queue::Arrivals;
use super::registry::Registry;
use super::track::Track;
use super::{QueuePolicy, Receipt, block};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, RwLock};

/// What is known of a log file without opening it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FileFacts {
    /// The last frame's LSN; 0 for a file without frames.
    pub last_lsn: u64,
    /// Where the next frame would begin.
    pub used: u64,
    /// Bytes on disk.
    pub size: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tracks {
    pub list: Vec<Arc<Track>>,
    names: HashMap<(Kind, String), u32>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub tracks: RwLock<Tracks>,
    pub registry: RwLock<Registry>,
    /// What the clocks showed at the last commit.
    pub time: Mutex<Time>,
    pub files: Mutex<BTreeMap<u64, FileFacts>>,
}

impl Tracks {
    pub(super) fn get(&self, id: u32) -> Option<&Arc<Track>> {
        self.list.get(usize::try_from(id).ok()?)
    }
    pub(super) fn named(&self, kind: Kind, name: &str) -> Option<u32> {
        self.names.get(&(kind, name.to_owned())).copied()
    }
    pub(super) fn next_id(&self) -> u32 {
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }
    /// Adds a track at the end; one whose number is taken or would leave a hole is refused.
    pub(super) fn add(&mut self, track: Track) -> Result<(), &'static str> {
        if track.id != self.next_id() {
            return Err("a shard or queue is declared out of order");
        }
        if !track.is_deleted() {
            self.names.insert((track.kind(), track.name.clone()), track.id);
        }
        self.list.push(Arc::new(track));
        Ok(())
    }
    /// Lets go of a shard or queue; only its number stays taken.
    fn delete(&mut self, id: u32) {
        let Some(place) = usize::try_from(id).ok().and_then(|place| self.list.get_mut(place)) else { return };
        let track = std::mem::replace(place, Arc::new(Track::deleted(id)));
        track.let_go();
        let name = (track.kind(), track.name.clone());
        // A deletion that is applied again must not touch a shard that has the name now.
        if self.names.get(&name) == Some(&id) {
            self.names.remove(&name);
        }
    }
}

impl State {
    pub(super) fn track(&self, id: u32) -> Option<Arc<Track>> {
        reading(&self.tracks).get(id).cloned()
    }

    pub(super) fn all_tracks(&self) -> Vec<Arc<Track>> {
        reading(&self.tracks).list.clone()
    }

    pub(super) fn get(&self, key: &str, now_ms: i64) -> Option<Bytes> {
        reading(&self.registry).get(key, now_ms)
    }

    fn declare(
        &self,
        id: u32,
        kind: Kind,
        policy: QueuePolicy,
        name: &str,
        time: Time,
    ) -> Result<(), &'static str> {
        let mut tracks = writing(&self.tracks);
        match tracks.get(id) {
            Some(track) if track.kind() == kind && track.name == name => {
                track.set_policy(policy, time);
                Ok(())
            }
            Some(_) => Err("a shard or queue is declared twice with different names"),
            None => tracks.add(Track::new(id, kind, policy, name.to_owned())),
        }
    }

    /// Applies a durable operation of a commit of that time. Applying one twice changes nothing.
    pub(super) fn apply(&self, operation: &Operation, time: Time) -> Result<(), &'static str> {
        match operation {
            Operation::Put { key, value, expires_at_ms } => {
                writing(&self.registry).put(key, value.clone(), *expires_at_ms);
                self.end(key);
            }
            Operation::Remove { key } => writing(&self.registry).remove(key),
            Operation::Declare { id, kind, policy, name } => self.declare(*id, *kind, *policy, name, time)?,
            Operation::DeleteQueue { queue } => {
                writing(&self.tracks).delete(*queue);
            }
            Operation::Trim { track, first } => {
                self.track(*track).ok_or("a trimmed shard is unknown")?.places().trim(*first);
            }
            Operation::Settle { queue, .. }
            | Operation::Expire { queue, .. }
            | Operation::Purge { queue, .. }
            | Operation::Attempt { queue, .. }
            | Operation::Lease { queue, .. } => self.apply_to_queue(*queue, operation, time)?,
            Operation::Release { receipt, .. } | Operation::ChangeVisibility { receipt, .. } => {
                self.apply_to_queue(receipt.queue.0, operation, time)?;
            }
        }
        Ok(())
    }

    /// Closes or deletes the shard that a registry value says this of.
    pub(super) fn end(&self, key: &str) {
        match Ending::of_key(key) {
            Some(Ending::Closed(id)) => {
                if let Some(track) = self.track(id) {
                    track.close();
                }
            }
            Some(Ending::Deleted(id)) => writing(&self.tracks).delete(id),
            None => {}
        }
    }

    fn apply_to_queue(&self, queue: u32, operation: &Operation, time: Time) -> Result<(), &'static str> {
        let track = self.track(queue).ok_or("a message's queue is unknown")?;
        // What comes late for a deleted queue has no meaning any more.
        if track.is_deleted() {
            return Ok(());
        }
        let queue = track.queue.as_ref().ok_or("a message's queue is a shard")?;
        let now_ms = time.steady_ms;
        let mut machine = locked(&queue.machine);
        match operation {
            Operation::Settle { sequence, .. } => machine.settled(*sequence),
            Operation::Expire { sequence, .. } => machine.expired(*sequence),
            Operation::Purge { before, .. } => machine.purge(*before, now_ms),
            Operation::Lease { lease, .. } => machine.replay_lease(lease),
            Operation::Attempt { attempt, .. } => machine.attempted(attempt.clone(), now_ms),
            Operation::Release { receipt, visible_at_ms } => {
                machine.release(receipt.sequence, receipt.receive_count, *visible_at_ms);
            }
            Operation::ChangeVisibility { receipt, visible_at_ms } => {
                let Receipt { sequence, receive_count, .. } = *receipt;
                machine.change_visibility(sequence, receive_count, *visible_at_ms, now_ms);
            }
            _ => {}
        }
        queue.waiting.stir(&machine);
        Ok(())
    }

    /// Applies records or messages found in `file` by recovery.
    pub(super) fn replay_run(
        &self,
        file: u64,
        placed: &PlacedRun<'_>,
        time: Time,
    ) -> Result<(), &'static str> {
        let PlacedRun { run, keys, records, spans } = placed;
        let track = self.track(run.track).ok_or("a run's shard or queue is unknown")?;
        if run.visible_at_ms.is_some() != track.queue.is_some() {
            return Err("a run is of the wrong kind for its shard or queue");
        }
        if run.first < track.next() {
            return Err("a shard's sequences go back");
        }
        track.extend(file, spans);
        if let (Some(queue), Some(visible_at_ms)) = (&track.queue, run.visible_at_ms) {
            let sent_at_ms: Vec<i64> =
                block::arrivals(records).into_iter().map(|at| time.steady_since(at)).collect();
            locked(&queue.machine).sent(&Arrivals {
                first: run.first,
                sent_at_ms: &sent_at_ms,
                visible_at_ms,
                keys,
                now_ms: time.steady_ms,
            });
        }
        track.next.send_replace(run.first + u64::from(run.count));
        Ok(())
    }
}
