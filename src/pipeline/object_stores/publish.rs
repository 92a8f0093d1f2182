//! Files that appear whole and stay: written aside, flushed, then linked under their name, and the
//! folders that lead to them flushed too.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// More folders than this are forgotten and flushed again when next used.
const KNOWN_FOLDERS: usize = 4096;
/// Leftovers of crashes are stepped over; more than this many for one name is a fault.
const STAGED_NAMES: u32 = 100_000;

/// Folders whose whole way from the root has been flushed since start.
#[derive(Debug, Default)]
pub struct Folders {
    known: Mutex<HashSet<PathBuf>>,
}

/// Whether a name that exists is replaced or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Replace,
    Refuse,
}

impl Folders {
    fn known(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folder and flushes the way to it, so that it outlives a power cut. A folder that
    /// exists may have been made just before a crash, so its way is flushed once a run too.
    pub fn make(&self, folder: &Path) -> io::Result<()> {
        if self.known().contains(folder) && folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        for above in folder.ancestors() {
            match flush_folder(above) {
                // A folder that we may not even read is none that we have made.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && above != folder => {}
                outcome => outcome?,
            }
        }
        let mut known = self.known();
        if known.len() >= KNOWN_FOLDERS {
            known.clear();
        }
        known.insert(folder.to_owned());
        Ok(())
    }
}

pub fn flush_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder of a file; paths here are absolute, so there always is one.
pub fn folder_of(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file needs a folder"))
}

/// Opens a new file beside `path`, named `path#N`, which listings leave out.
pub fn stage(path: &Path, folders: &Folders) -> io::Result<(File, PathBuf)> {
    folders.make(folder_of(path)?)?;
    for number in 1..STAGED_NAMES {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{number}"));
        let staged = PathBuf::from(name);
        match OpenOptions::new().read(true).write(true).create_new(true).open(&staged) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => return outcome.map(|file| (file, staged)),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many unfinished files of this name; remove NAME#*"))
}

/// Flushes the staged file, gives it its name and flushes the folder. The staged name is gone
/// afterwards, whatever happened.
pub fn publish(file: &File, staged: &Path, path: &Path, existing: Existing) -> io::Result<()> {
    let published = file.sync_all().and_then(|()| match existing {
        Existing::Replace => fs::rename(staged, path),
        Existing::Refuse => fs::hard_link(staged, path),
    });
    if published.is_err() || existing == Existing::Refuse {
        // What cannot be removed now is hidden from listings and stepped over later.
        let _ = fs::remove_file(staged);
    }
    published?;
    flush_folder(folder_of(path)?)
}
