//! The next log file, made ready before it is needed: the committer never waits for a new file.
//!
//! A file that held the log before is written over (its blocks are written, so a flush needs no
//! change of the file system's own records); else blocks are given to a fresh one, and filled
//! with zeros while the log grows slowly.

use super::core::Core;
use super::disk;
use super::locking::locked;
use super::log_file::{self, FileHeader};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Above this rate zeros would take bandwidth from the log itself.
const SLOW_BYTES_PER_SECOND: f64 = 16.0 * 1024.0 * 1024.0;

/// A file ready to take frames.
#[derive(Debug)]
pub(super) struct Prepared {
    pub header: FileHeader,
    pub file: File,
}

/// Kept aside to be used when the disk is full, so that settles and checkpoints still fit.
pub(super) fn ballast_path(core: &Core) -> PathBuf {
    log_file::log_folder(&core.folder).join(log_file::BALLAST)
}

/// Makes file after file from `number` on, each handed over when the committer asks for it.
pub(super) fn run(core: &Arc<Core>, mut number: u64, ready: &flume::Sender<io::Result<Prepared>>) {
    let (mut seen, mut since) = (core.written.load(Ordering::Relaxed), Instant::now());
    loop {
        let written = core.written.load(Ordering::Relaxed);
        let rate = (written - seen) as f64 / since.elapsed().as_secs_f64().max(0.001);
        (seen, since) = (written, Instant::now());
        let prepared = prepare(core, number, rate < SLOW_BYTES_PER_SECOND);
        number += u64::from(prepared.is_ok());
        if ready.send(prepared).is_err() {
            return;
        }
    }
}

/// Makes one file with its header, and names it in the manifest.
pub(super) fn prepare(core: &Core, number: u64, slow: bool) -> io::Result<Prepared> {
    let path = log_file::log_path(&core.folder, number);
    let header = FileHeader::new(number, core.settings.log_file_bytes);
    let spare = locked(&core.spares).pop();
    let file = match spare {
        Some(spare) => reuse(&spare, &path, header.size)?,
        None => match fresh(&path, &header, slow) {
            Err(error) if disk::is_full(&error) && ballast_path(core).exists() => {
                tracing::warn!("the disk is full; the log goes on in its ballast");
                core.full.store(true, Ordering::Relaxed);
                reuse(&ballast_path(core), &path, header.size)?
            }
            file => file?,
        },
    };
    disk::write_all_at(&file, &header.encode(), 0)?;
    disk::flush(&file)?;
    disk::flush_folder(&log_file::log_folder(&core.folder))?;
    locked(&core.manifest).change(|manifest| {
        manifest.files.insert(number, header.salt);
    })?;
    Ok(Prepared { header, file })
}

/// Takes over a file of at least `size` bytes; a shorter one is given what it lacks, so that the header
/// that names its size never promises more than is there.
fn reuse(from: &std::path::Path, path: &std::path::Path, size: u64) -> io::Result<File> {
    std::fs::rename(from, path)?;
    let file = disk::open_to_write(path)?;
    if file.metadata()?.len() < size {
        disk::allocate(&file, size)?;
    }
    Ok(file)
}

fn fresh(path: &std::path::Path, header: &FileHeader, slow: bool) -> io::Result<File> {
    let file = disk::create(path)?;
    let made = disk::allocate(&file, header.size).and_then(|()| {
        if slow { disk::fill_with_zeros(&file, log_file::FIRST_FRAME, header.size) } else { Ok(()) }
    });
    if let Err(error) = made {
        disk::remove(path)?;
        return Err(error);
    }
    Ok(file)
}
