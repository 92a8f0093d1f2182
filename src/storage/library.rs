//! Open log files and their indexes, a few at a time.

use super::index::{self, Index};
use super::locking::locked;
use super::log_file::{self, BadHeader, FileHeader, FileKind};
use super::{ReadError, disk};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Most closed files kept open.
const OPEN_FILES: usize = 64;

/// A closed log file, open for reading.
#[derive(Debug)]
pub(super) struct Volume {
    pub path: PathBuf,
    pub file: Arc<File>,
    pub index: Index,
    pub kind: FileKind,
}

#[derive(Debug)]
pub(super) struct Library {
    folder: PathBuf,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    /// With the number of the last use.
    volumes: HashMap<u64, (Arc<Volume>, u64)>,
    uses: u64,
    active: Option<(u64, Arc<File>)>,
}

fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> ReadError {
    ReadError::Corrupt { path: path.to_owned(), offset, what: what.into() }
}

impl Library {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), shelves: Mutex::default() }
    }

    /// The file being written is another one now.
    pub(super) fn set_active(&self, number: u64, file: Arc<File>) {
        locked(&self.shelves).active = Some((number, file));
    }

    /// The file being written, if it is this one.
    pub(super) fn active(&self, number: u64) -> Option<Arc<File>> {
        let shelves = locked(&self.shelves);
        shelves.active.as_ref().filter(|(active, _)| *active == number).map(|(_, file)| Arc::clone(file))
    }

    pub(super) fn path(&self, number: u64) -> PathBuf {
        log_file::log_path(&self.folder, number)
    }

    /// Takes in a file that was just closed.
    pub(super) fn shelve(&self, number: u64, file: Arc<File>, index: Index) -> Arc<Volume> {
        let volume = Volume { path: self.path(number), file, index, kind: FileKind::Written };
        locked(&self.shelves).insert(number, Arc::new(volume))
    }

    /// Lets go of a file; `false` while somebody still reads it.
    pub(super) fn release(&self, number: u64) -> bool {
        match locked(&self.shelves).volumes.remove(&number) {
            None => true,
            Some((volume, _)) => {
                Arc::into_inner(volume).is_some_and(|volume| Arc::into_inner(volume.file).is_some())
            }
        }
    }

    /// A closed file with its index. Blocking.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub(super) fn volume(&self, number: u64) -> Result<Arc<Volume>, ReadError> {
        if let Some(volume) = locked(&self.shelves).used(number) {
            return Ok(volume);
        }
        let volume = self.open(number)?;
        Ok(locked(&self.shelves).insert(number, Arc::new(volume)))
    }

    fn open(&self, number: u64) -> Result<Volume, ReadError> {
        let path = self.path(number);
        let failed = |source: io::Error| ReadError::Io { path: path.clone(), source };
        let file = disk::open(&path).map_err(failed)?;
        let header = match FileHeader::read(&file).map_err(failed)? {
            Ok(header) if header.number == number => header,
            Ok(_) => return Err(corrupt(&path, 0, "the file header names another file")),
            Err(BadHeader::Damaged(what)) => return Err(corrupt(&path, 0, what)),
            Err(BadHeader::Version(found)) => {
                return Err(corrupt(&path, 0, format!("format version {found} is not known")));
            }
        };
        let index = self.index(number, &path, &header)?;
        Ok(Volume { path, file: Arc::new(file), index, kind: header.kind })
    }

    fn index(&self, number: u64, path: &Path, header: &FileHeader) -> Result<Index, ReadError> {
        let beside = log_file::index_path(&self.folder, number);
        if let Some(index) = index::load(&beside, number, header.salt) {
            return Ok(index);
        }
        let failed = |source: io::Error| ReadError::Io { path: path.to_owned(), source };
        let image = log_file::image(path).map_err(failed)?;
        let index =
            index::build(&image, header).map_err(|damage| corrupt(path, damage.offset, damage.what))?;
        if let Err(error) = disk::replace_derived(&beside, &index.encode(number, header.salt)) {
            tracing::warn!(path = %beside.display(), %error, "an index could not be written");
        }
        Ok(index)
    }
}

impl Shelves {
    fn used(&mut self, number: u64) -> Option<Arc<Volume>> {
        self.uses += 1;
        let uses = self.uses;
        self.volumes.get_mut(&number).map(|(volume, used)| {
            *used = uses;
            Arc::clone(volume)
        })
    }

    fn insert(&mut self, number: u64, volume: Arc<Volume>) -> Arc<Volume> {
        self.uses += 1;
        self.volumes.insert(number, (Arc::clone(&volume), self.uses));
        if self.volumes.len() > OPEN_FILES {
            let oldest = self.volumes.iter().min_by_key(|(_, (_, used))| *used).map(|(number, _)| *number);
            oldest.and_then(|number| self.volumes.remove(&number));
        }
        volume
    }
}
