//! Opening and closing a data folder.

use super::clock::Clock;
use super::committer::ActiveFile;
use super::core::{Core, Message};
use super::library::Library;
use super::locking::{locked, writing};
use super::log_file::{self, FIRST_FRAME};
use super::manifest::ManifestKeeper;
use super::recovery::{self, Recovered, failed};
use super::snapshot::{Snapshot, state_folder};
use super::{OpenError, StorageSettings, disk, doctor, preparer, upkeep};
use crate::telemetry::StorageMetrics;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Longest wait for a folder that somebody holds, and how often it is tried meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);

/// An opened folder, its threads not yet started.
pub(super) struct Opened {
    pub core: Arc<Core>,
    pub inbox: flume::Receiver<Message>,
    pub active: ActiveFile,
    pub next_number: u64,
    pub lock: File,
}

/// Opens a folder: locks, recovers, tidies.
pub(super) fn open(
    folder: &Path,
    settings: StorageSettings,
    metrics: StorageMetrics,
) -> Result<Opened, OpenError> {
    let started = Instant::now();
    for path in [folder.to_owned(), log_file::log_folder(folder), state_folder(folder)] {
        disk::make_folder(&path).map_err(failed("making", &path))?;
    }
    let lock = lock(folder)?;
    let Recovered { state, lsn, manifest, active, empty, last_number } = recovery::recover(folder)?;
    let (inlet, inbox) = flume::bounded(settings.commit_queue.max(1));
    let clock = Clock::resume(*locked(&state.time));
    let core = Arc::new(Core {
        folder: folder.to_owned(),
        metrics,
        clock,
        state,
        library: Library::new(folder),
        bodies: Mutex::default(),
        manifest: Mutex::new(ManifestKeeper::new(folder, manifest)),
        spares: Mutex::default(),
        inlet,
        failure: watch::Sender::new(None),
        full: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        snapshot_pending: AtomicBool::new(false),
        lsn: AtomicU64::new(lsn),
        written: AtomicU64::new(0),
        settings,
    });
    if let Some((_, text)) = doctor::read_losses(folder)? {
        writing(&core.state.registry).put(doctor::LOSSES_KEY, text.into(), None);
    }
    locked(&core.manifest).change(|_| {}).map_err(failed("writing the manifest in", folder))?;
    tidy(&core, &empty).map_err(failed("tidying", folder))?;
    let (active, next_number) = match active {
        Some(active) => (active, last_number + 1),
        None => {
            let number = last_number + 1;
            let made = preparer::prepare(&core, number, false);
            let path = log_file::log_path(folder, number);
            let prepared = made.map_err(failed("making", &path))?;
            let file = Arc::new(prepared.file);
            (ActiveFile { header: prepared.header, file, offset: FIRST_FRAME }, number + 1)
        }
    };
    tracing::info!(lsn, elapsed = ?started.elapsed(), "the store is open");
    Ok(Opened { core, inbox, active, next_number, lock })
}

/// Locks a folder. A program that was being started when the last owner died holds its lock until it runs, so
/// one that is held is tried again for a moment.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    let (path, begun) = (folder.join("LOCK"), Instant::now());
    loop {
        match disk::lock(&path).map_err(failed("locking", &path))? {
            Some(lock) => return Ok(lock),
            None if begun.elapsed() >= PATIENCE => return Err(OpenError::Locked { path: folder.to_owned() }),
            None => std::thread::sleep(LOOK),
        }
    }
}

/// Keeps emptied files of the right size to be written over and removes what belongs to nothing.
fn tidy(core: &Core, empty: &[PathBuf]) -> io::Result<()> {
    let files = locked(&core.manifest).current().files.clone();
    let mut spares = Vec::new();
    for path in disk::list(&log_file::log_folder(&core.folder))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let number = log_file::number_of(&path);
        let of_file = |number: u64| files.contains_key(&number);
        let index_of = || path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let stays = match path.extension().and_then(|kind| kind.to_str()) {
            Some("log") => number.is_some_and(of_file),
            Some("idx") => index_of().is_some_and(of_file),
            Some("new") => false,
            _ => !name.starts_with("spare-"),
        };
        if stays {
            continue;
        }
        let reusable = (name.starts_with("spare-") || empty.contains(&path))
            && spares.len() < 2
            && std::fs::metadata(&path)?.len() == core.settings.log_file_bytes;
        if reusable {
            let spare = match number {
                Some(number) => path.with_file_name(format!("spare-{number:010}")),
                None => path.clone(),
            };
            disk::rename(&path, &spare)?;
            spares.push(spare);
        } else {
            disk::remove(&path)?;
        }
    }
    *locked(&core.spares) = spares;
    Ok(())
}

/// Writes the last snapshot and the mark of an orderly end.
pub(super) fn mark_closed(core: &Core, snapshot: &Snapshot) -> Result<(), OpenError> {
    let marked = upkeep::write_snapshot(core, snapshot).and_then(|()| {
        locked(&core.manifest).change(|manifest| {
            manifest.clean = true;
            manifest.durable_lsn = snapshot.lsn;
        })
    });
    marked.map_err(failed("closing", &core.folder))
}
