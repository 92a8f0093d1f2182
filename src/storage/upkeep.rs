//! The upkeep thread: writes snapshots and indexes, watches the disk, lets old records go.

use super::batch::Batch;
use super::clock::Time;
use super::core::{Core, Message};
use super::entry::{Kind, Operation};
use super::library::Volume;
use super::locking::{locked, reading, writing};
use super::snapshot::{Snapshot, snapshot_path};
use super::span::Span;
use super::track::{Extent, Track};
use super::{disk, log_file, preparer, retention, rewrite};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_secs(1);
/// Most files kept to be written over.
const SPARES: usize = 2;
/// Snapshots kept, so that a damaged one costs only a longer replay.
const SNAPSHOTS: usize = 2;
/// Clocks drift apart slowly; more than this at once, in milliseconds, is a jump.
const JUMP_MS: u64 = 1_000;

/// What the upkeep thread is told.
#[derive(Debug)]
pub(super) enum Job {
    WriteSnapshot(Snapshot),
    WriteIndex {
        number: u64,
        salt: u64,
        volume: Arc<Volume>,
    },
    /// Look after everything now, and say when it is done.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests do not wait for the clock"))]
    Tick(flume::Sender<()>),
    Stop,
}

/// Works until told to stop.
pub(super) fn run(core: &Arc<Core>, jobs: &flume::Receiver<Job>) {
    let mut next = Instant::now();
    let mut cursor = 0;
    loop {
        match jobs.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Job::WriteSnapshot(snapshot)) => {
                write_snapshot_reported(core, &snapshot);
                core.snapshot_pending.store(false, Ordering::Release);
            }
            Ok(Job::WriteIndex { number, salt, volume }) => {
                let path = log_file::index_path(&core.folder, number);
                if let Err(error) = disk::replace_derived(&path, &volume.index.encode(number, salt)) {
                    tracing::warn!(path = %path.display(), %error, "an index could not be written");
                }
            }
            Ok(Job::Tick(done)) => {
                tick(core, &mut cursor);
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            Err(flume::RecvTimeoutError::Timeout) => {
                tick(core, &mut cursor);
                next = Instant::now() + TICK;
            }
            Ok(Job::Stop) | Err(flume::RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn tick(core: &Arc<Core>, cursor: &mut u64) {
    if core.failed().is_some() {
        return;
    }
    let now = core.clock.now();
    watch_space(core);
    note_jump(core, now);
    writing(&core.state.registry).forget_expired(now.wall_ms);
    expire_messages(core, now.steady_ms);
    trim_shards(core, now.wall_ms);
    let mut keep = || {
        remove_dead_files(core)?;
        *cursor = rewrite::step(core, *cursor, covered(core))?;
        mark_durable(core)?;
        keep_ballast(core)
    };
    let done: io::Result<()> = keep();
    if let Err(error) = done {
        if disk::is_full(&error) {
            tracing::warn!(%error, "no room for the store's upkeep");
        } else {
            core.fail(format!("keeping the data folder: {error}"));
        }
    }
}

/// Lets the log know when the wall clock has jumped, so that it counts for nothing after a restart.
fn note_jump(core: &Core, now: Time) {
    let logged = *locked(&core.state.time);
    let jump_ms = now.lead_ms().saturating_sub(logged.lead_ms());
    if logged != Time::default() && jump_ms.unsigned_abs() > JUMP_MS {
        tracing::warn!(jump_ms, "the wall clock has jumped; leases and delays go on by the steady clock");
        note_nothing(core);
    }
}

/// Holds writes back while the disk has too little room, until it has twice that.
fn watch_space(core: &Core) {
    let floor = core.settings.free_space_floor;
    let free = match disk::free_space(&core.folder) {
        Ok(free) => free,
        Err(error) => return tracing::warn!(%error, "the free space cannot be read"),
    };
    let was = core.is_full();
    let enough = floor.max(core.settings.log_file_bytes).saturating_mul(2);
    let full = if was { free < enough } else { free < floor };
    if full != was {
        core.full.store(full, Ordering::Relaxed);
        if full {
            tracing::warn!(free, floor, "the disk is nearly full; writes are held back");
        } else {
            tracing::info!(free, "the disk has room again");
        }
    }
    let log_bytes = locked(&core.state.files).values().map(|facts| facts.size).sum();
    core.metrics.show_log(log_bytes, free, full);
}

fn expire_messages(core: &Core, now_ms: i64) {
    for track in core.state.all_tracks() {
        let Some(queue) = &track.queue else { continue };
        let mut batch = Batch::new();
        for sequence in locked(&queue.machine).expire(now_ms) {
            batch.add(Operation::Expire { queue: track.id, sequence });
        }
        // A full committer loses only the note: the messages expire again after a restart.
        let _ = batch.is_empty() || core.note(batch);
        queue.waiting.stir(&locked(&queue.machine));
        let needed_from = locked(&queue.machine).needed_from();
        track.places().trim(needed_from);
    }
}

fn trim_shards(core: &Arc<Core>, now_ms: i64) {
    let unread = reading(&core.state.registry).lowest_checkpoints();
    let mut batch = Batch::new();
    for track in core.state.all_tracks().iter().filter(|track| track.kind() == Kind::Shard) {
        let spans = |extent: &Extent| spans_of(core, track, extent);
        let places = track.places();
        let view = places.outline();
        drop(places);
        let keep = retention::keep_from(&view, unread.get(&track.id).copied(), now_ms, spans);
        if keep > view.first {
            batch.add(Operation::Trim { track: track.id, first: keep });
        }
    }
    if !batch.is_empty() {
        core.note(batch);
    }
}

fn spans_of(core: &Core, track: &Track, extent: &Extent) -> Vec<Span> {
    let places = track.places();
    if places.active_file == extent.file && !places.active.is_empty() {
        return places.active.clone();
    }
    drop(places);
    match core.library.volume(extent.file) {
        Ok(volume) => volume.index.of_track(track.id).to_vec(),
        Err(error) => {
            tracing::error!(%error, "retention cannot read a log file");
            Vec::new()
        }
    }
}

/// The last commit that every kept snapshot covers.
fn covered(core: &Core) -> u64 {
    let manifest = locked(&core.manifest);
    let snapshots = &manifest.current().snapshots;
    snapshots.get(SNAPSHOTS - 1).copied().unwrap_or(0)
}

/// Lets go of files that nothing refers to and that no kept snapshot needs for its replay.
fn remove_dead_files(core: &Arc<Core>) -> io::Result<()> {
    let live: BTreeSet<u64> =
        core.state.all_tracks().iter().flat_map(|track| track.places().files()).collect();
    let files: BTreeMap<u64, _> = locked(&core.state.files).clone();
    let snapshots = locked(&core.manifest).current().snapshots.clone();
    let covered = covered(core);
    let newest = files.keys().next_back().copied().unwrap_or(0);
    let dead = files.iter().filter(|(number, _)| **number < newest && !live.contains(*number));
    let (ready, held): (Vec<_>, Vec<_>) = dead.partition(|(_, facts)| facts.last_lsn <= covered);
    if !held.is_empty() {
        ask_for_snapshot(core, snapshots.first().copied().unwrap_or(0));
    }
    for number in ready.into_iter().map(|(number, _)| number) {
        locked(&core.manifest).change(|manifest| {
            manifest.files.remove(number);
        })?;
        locked(&core.state.files).remove(number);
        let unread = core.library.release(*number);
        let path = log_file::log_path(&core.folder, *number);
        disk::remove(&log_file::index_path(&core.folder, *number))?;
        let mut spares = locked(&core.spares);
        let is_whole = std::fs::metadata(&path)?.len() == core.settings.log_file_bytes;
        if unread && is_whole && spares.len() < SPARES {
            let spare = log_file::log_folder(&core.folder).join(format!("spare-{number:010}"));
            disk::rename(&path, &spare)?;
            spares.push(spare);
        } else {
            disk::remove(&path)?;
        }
        tracing::info!(file = %path.display(), "a log file without live records was let go");
    }
    Ok(())
}

/// A snapshot covers what comes before it, so the log must have moved since the last one.
fn ask_for_snapshot(core: &Core, newest: u64) {
    if core.lsn.load(Ordering::Acquire) == newest {
        note_nothing(core);
    }
    // When the committer's queue is full there is another chance at the next tick.
    let _ = core.inlet.try_send(Message::Snapshot);
}

/// Commits a frame that changes nothing.
fn note_nothing(core: &Core) {
    let mut batch = Batch::new();
    batch.remove("");
    core.note(batch);
}

/// Notes how far the log is known to reach, so that its end cannot vanish unseen.
fn mark_durable(core: &Core) -> io::Result<()> {
    let lsn = core.lsn.load(Ordering::Acquire);
    let mut manifest = locked(&core.manifest);
    if manifest.current().durable_lsn == lsn || !core.settings.flush {
        return Ok(());
    }
    manifest.change(|manifest| manifest.durable_lsn = lsn)
}

fn keep_ballast(core: &Core) -> io::Result<()> {
    let (path, size) = (preparer::ballast_path(core), core.settings.log_file_bytes);
    let wanted = core.settings.free_space_floor.saturating_mul(2).saturating_add(size.saturating_mul(2));
    if path.exists() || disk::free_space(&core.folder)? < wanted {
        return Ok(());
    }
    disk::allocate(&disk::create(&path)?, size)
}

fn write_snapshot_reported(core: &Core, snapshot: &Snapshot) {
    let mut written = write_snapshot(core, snapshot);
    if written.as_ref().is_err_and(disk::is_full) && preparer::ballast_path(core).exists() {
        tracing::warn!("the disk is full; the ballast makes room for a snapshot");
        written = disk::remove(&preparer::ballast_path(core)).and_then(|()| write_snapshot(core, snapshot));
    }
    match written {
        Ok(()) => tracing::debug!(lsn = snapshot.lsn, "a snapshot was written"),
        Err(error) if disk::is_full(&error) => {
            tracing::warn!(%error, "no room for a snapshot; a restart will take longer");
        }
        Err(error) => core.fail(format!("writing a snapshot: {error}")),
    }
}

/// Writes a snapshot, names it in the manifest, and lets the ones before the last two go.
pub(super) fn write_snapshot(core: &Core, snapshot: &Snapshot) -> io::Result<()> {
    snapshot.write(&core.folder)?;
    let mut manifest = locked(&core.manifest);
    let before = manifest.current().snapshots.clone();
    manifest.change(|manifest| {
        manifest.durable_lsn = manifest.durable_lsn.max(snapshot.lsn);
        manifest.snapshots.retain(|lsn| *lsn != snapshot.lsn);
        manifest.snapshots.insert(0, snapshot.lsn);
        manifest.snapshots.truncate(SNAPSHOTS);
    })?;
    let kept = manifest.current().snapshots.clone();
    drop(manifest);
    for lsn in before.iter().filter(|lsn| !kept.contains(lsn)) {
        disk::remove(&snapshot_path(&core.folder, *lsn))?;
    }
    Ok(())
}
