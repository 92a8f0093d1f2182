//! The store as the pipeline sees it.

use super::batch::{MAX_BATCH, checkpoint_key};
use super::committer::Committer;
use super::core::{Core, Message, Submission};
use super::entry::{Kind, MAX_KEY, Operation};
use super::locking::{locked, reading};
use super::opening;
use super::reader::{self, Portion};
use super::registry::checkpoint_value;
use super::track::Track;
use super::upkeep::{self, Job};
use super::{Batch, CommitError, Committed, OpenError, Page, QueuePolicy, ReadError, Retention};
use super::{ShardId, ShardRange, Slice, StorageSettings, Ticket};
use crate::telemetry::StorageMetrics;
use bytes::Bytes;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Memory of batches that wait for the committer is counted in pieces of this many bytes.
const ROOM_PIECE: usize = 1024;
/// Most bytes of batches that wait for the committer.
pub(super) const ROOM: usize = 2 * MAX_BATCH;

/// The durable store: cheap to clone, safe to share.
///
/// Dropping the last clone without [`Store::close`] ends it as a kill would: what was answered is
/// safe, the next start takes a little longer.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) handle: Arc<Handle>,
}

/// The store's threads; they end with it.
#[derive(Debug)]
pub(super) struct Handle {
    pub core: Arc<Core>,
    pub room: Arc<Semaphore>,
    pub threads: Mutex<Option<Threads>>,
}

#[derive(Debug)]
pub(super) struct Threads {
    pub committer: JoinHandle<()>,
    pub upkeep: JoinHandle<()>,
    pub preparer: JoinHandle<()>,
    pub jobs: flume::Sender<Job>,
    pub lock: File,
}

impl Threads {
    /// Waits until all threads have ended; the committer has been told.
    fn end(self) -> File {
        let join = |thread: JoinHandle<()>| {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        };
        join(self.committer);
        // The upkeep thread may have ended by itself.
        let _ = self.jobs.send(Job::Stop);
        join(self.upkeep);
        join(self.preparer);
        self.lock
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.closed.store(true, Ordering::Relaxed);
        if let Some(threads) = locked(&self.threads).take() {
            // The committer may have ended by itself.
            let _ = self.core.inlet.send(Message::Abandon);
            drop(threads.end());
        }
    }
}

impl Store {
    /// Opens (or makes) the data folder, recovers, and starts committing. Blocking.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed except the cutting of a torn tail.
    pub fn open(
        folder: &Path,
        settings: StorageSettings,
        metrics: StorageMetrics,
    ) -> Result<Self, OpenError> {
        let opened = opening::open(folder, settings, metrics)?;
        let core = opened.core;
        let (jobs, job_list) = flume::bounded(64);
        let (ready, prepared) = flume::bounded(0);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let doing = "starting a thread for";
            let failed = |source| OpenError::Io { doing, path: folder.to_owned(), source };
            std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(failed)
        };
        let shared = Arc::clone(&core);
        let first = opened.next_number;
        let preparer =
            spawn("caudal-prepare", Box::new(move || super::preparer::run(&shared, first, &ready)))?;
        let shared = Arc::clone(&core);
        let upkeep = spawn("caudal-upkeep", Box::new(move || upkeep::run(&shared, &job_list)))?;
        let committer =
            Committer::new(Arc::clone(&core), opened.inbox, prepared, jobs.clone(), opened.active);
        let committer = spawn("caudal-log", Box::new(move || run_or_abort(committer)))?;
        let threads = Threads { committer, upkeep, preparer, jobs, lock: opened.lock };
        let room = Arc::new(Semaphore::new(ROOM / ROOM_PIECE));
        Ok(Self { handle: Arc::new(Handle { core, room, threads: Mutex::new(Some(threads)) }) })
    }

    /// Waits for held batches, writes a snapshot and a clean mark, releases the folder. Blocking, once.
    ///
    /// # Errors
    /// When the snapshot cannot be written; the log itself is safe.
    pub fn close(&self) -> Result<(), OpenError> {
        let core = self.core();
        let Some(threads) = locked(&self.handle.threads).take() else { return Ok(()) };
        let (answer, last) = flume::bounded(1);
        // The committer may have ended by itself.
        let _ = core.inlet.send(Message::Close(answer));
        let snapshot = last.recv();
        core.closed.store(true, Ordering::Relaxed);
        for track in core.state.all_tracks() {
            if let Some(queue) = &track.queue {
                queue.waiting.wake_all();
            }
        }
        let lock = threads.end();
        let closed = match (core.failed(), snapshot) {
            (None, Ok(snapshot)) => opening::mark_closed(core, &snapshot),
            _ => Ok(()),
        };
        drop(lock);
        closed
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    /// Hands a batch to the committer; waits while its queue is full.
    ///
    /// # Errors
    /// [`CommitError::Closed`], [`CommitError::TooLarge`], [`CommitError::DiskFull`].
    pub async fn submit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        let core = self.core();
        if core.is_closed() {
            return Err(CommitError::Closed);
        }
        batch.fits()?;
        if batch.grows() && core.is_full() {
            return Err(CommitError::DiskFull);
        }
        let pieces = u32::try_from(batch.size() / ROOM_PIECE + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.handle.room).acquire_many_owned(pieces).await;
        let (answer, wait) = oneshot::channel();
        let submission = Submission { batch, answer: Some(answer), room: room.ok() };
        let sent = core.inlet.send_async(Message::Batch(submission)).await;
        sent.map_err(|_| CommitError::Closed)?;
        Ok(Ticket { answer: wait })
    }

    /// `submit` and wait until durable.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        self.submit(batch).await?.durable().await
    }

    /// Finds or makes a shard by name (for example `trips/shardId-000000000000`). Idempotent.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn declare_shard(&self, name: &str) -> Result<ShardId, CommitError> {
        self.declare(Kind::Shard, name, QueuePolicy::default()).await.map(ShardId)
    }

    pub(super) async fn declare(
        &self,
        kind: Kind,
        name: &str,
        policy: QueuePolicy,
    ) -> Result<u32, CommitError> {
        if name.len() > MAX_KEY {
            return Err(CommitError::TooLarge { size: name.len(), limit: MAX_KEY });
        }
        let mut batch = Batch::new();
        batch.add(Operation::Declare { id: 0, kind, policy, name: name.to_owned() });
        let committed = self.commit(batch).await?;
        committed.placements.first().map(|placement| placement.shard.0).ok_or(CommitError::Closed)
    }

    /// Sets how long a shard keeps what its readers have passed; not remembered over a restart.
    pub fn retain(&self, shard: ShardId, retention: Retention) {
        if let Some(track) = self.shard(shard) {
            track.places().retention = retention;
        }
    }

    fn shard(&self, shard: ShardId) -> Option<Arc<Track>> {
        let track = self.core().state.track(shard.0);
        track.filter(|track| track.kind() == Kind::Shard && !track.is_deleted())
    }

    pub fn range(&self, shard: ShardId) -> Option<ShardRange> {
        self.shard(shard).map(|track| track.range())
    }

    /// Reads records from `from` on: at most `max_records` and about `max_bytes` (one record at least).
    /// An empty slice means nothing has come yet.
    ///
    /// # Errors
    /// See [`ReadError`]: damage is named, never skipped.
    pub async fn read(
        &self,
        shard: ShardId,
        from: u64,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Slice, ReadError> {
        let page = self.read_page(shard, from, max_records, max_bytes).await?;
        Ok(Slice { records: page.records(), next: page.next(), tail: page.tail() })
    }

    /// The same for who hands records on as they lie.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_page(
        &self,
        shard: ShardId,
        from: u64,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Page, ReadError> {
        let track = self.shard(shard).ok_or(ReadError::UnknownTarget(shard.0))?;
        let portion = Portion { records: max_records, bytes: max_bytes };
        reader::read(self.core(), track, from, portion).await
    }

    /// Waits until the shard's next sequence is above `beyond`, or `wait` has passed. True if it is.
    pub async fn wait_for_records(&self, shard: ShardId, beyond: u64, wait: Duration) -> bool {
        let Some(track) = self.shard(shard) else { return false };
        let mut next = track.next.subscribe();
        let waited = tokio::time::timeout(wait, next.wait_for(|next| *next > beyond)).await;
        waited.is_ok_and(|seen| seen.is_ok())
    }

    /// A reader's checkpoint in a shard, if it has one.
    pub fn checkpoint(&self, reader: &str, shard: ShardId) -> Option<u64> {
        self.get(&checkpoint_key(reader, shard.0)).and_then(|value| checkpoint_value(&value))
    }

    /// The readers that have a checkpoint in one of these shards, each with the shard and its place there.
    pub fn readers(&self, shards: &[ShardId]) -> Vec<(String, ShardId, u64)> {
        reading(&self.core().state.registry).checkpoints(shards)
    }

    /// A value of the registry.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.core().state.get(key, self.core().clock.now().wall_ms)
    }

    /// All values whose key starts with `prefix`, in key order.
    pub fn list(&self, prefix: &str) -> Vec<(String, Bytes)> {
        reading(&self.core().state.registry).list(prefix, self.core().clock.now().wall_ms)
    }

    /// False once a flush has failed: the process must exit (code 4).
    pub fn healthy(&self) -> bool {
        self.core().failed().is_none()
    }

    /// Resolves when a flush has failed, with what failed.
    pub async fn failed(&self) -> String {
        let mut failure = self.core().failure.subscribe();
        let known = failure.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
        match known {
            Some(what) => what,
            // The sender lives as long as the store does.
            None => std::future::pending().await,
        }
    }

    /// True while writes are refused for want of disk space.
    pub fn disk_full(&self) -> bool {
        self.core().is_full()
    }
}

/// A committer that panicked must never limp on: the state in memory may not be what is on disk.
fn run_or_abort(committer: Committer) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| committer.run())).is_err() {
        tracing::error!("the committer panicked; the process ends");
        std::process::abort();
    }
}
