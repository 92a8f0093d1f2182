//! Every effect on the file system, in one place, so that it is easy to audit.

use rustix::buffer::spare_capacity;
use rustix::fs::{FallocateFlags, FlockOperation};
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The kernel takes at most this many slices in one `pwritev`.
const SLICES_AT_ONCE: usize = 1024;

/// Makes a folder and everything above it, and its name in its parent durable.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), flush_folder)
}

/// Takes the exclusive lock of a data folder; `None` when another process (or store) holds it.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

pub(super) fn open_to_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Makes a file, empty even if it was there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
}

/// Gives a file its blocks, so that later writes do not run out of space nor change its length.
pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(bytes),
        Err(error) => Err(error.into()),
    }
}

/// Overwrites a range with zeros, so that its blocks are written and not merely given.
pub(super) fn fill_with_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    const PIECE: usize = 1 << 20;
    let zeros = vec![0_u8; PIECE];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).unwrap_or(PIECE).min(PIECE);
        file.write_all_at(zeros.get(..length).unwrap_or(&zeros), at)?;
        at += length as u64;
    }
    Ok(())
}

/// Writes all slices one after the other from `offset` on: one system call when they are few.
pub(super) fn write_at(file: &File, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
    let (mut left, mut at) = (slices, offset);
    while !left.is_empty() {
        let now = left.get(..left.len().min(SLICES_AT_ONCE)).unwrap_or(left);
        let written = match rustix::io::pwritev(file, now, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        at += written as u64;
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}

pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Fills `bytes` from `offset` on; an `UnexpectedEof` error when the file is shorter.
pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(bytes, offset)
}

/// So many bytes from `offset` on; an `UnexpectedEof` error when the file is shorter. They are not written before
/// they are read.
pub(super) fn read_piece(file: &File, length: usize, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = offset + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

pub(super) fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a file's contents durable. After an error nothing may be assumed about them: never retry.
pub(super) fn flush_data(file: &File) -> io::Result<()> {
    rustix::fs::fdatasync(file).map_err(io::Error::from)
}

/// Makes a file's contents and length durable.
pub(super) fn flush(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Makes the names in a folder durable.
pub(super) fn flush_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Replaces a file whole: after a crash there is the old one or the new one.
pub(super) fn replace(path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = create(&beside)?;
    for piece in pieces {
        file.write_all(piece)?;
    }
    flush(&file)?;
    rename(&beside, path)
}

/// Writes over a file in place and makes it durable. A crash may leave it torn: whoever reads it checks it.
pub(super) fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let known = path.exists();
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    flush(&file)?;
    path.parent().filter(|_| !known).map_or(Ok(()), flush_folder)
}

/// Replaces a derived file whole without making it durable: whoever reads it checks it.
pub(super) fn replace_derived(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    create(&beside)?.write_all(bytes)?;
    fs::rename(&beside, path)
}

/// Renames and makes the new name durable.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    to.parent().map_or(Ok(()), flush_folder)
}

/// Removes a file; one that is not there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Paths in a folder, in name order; none when the folder is missing.
pub(super) fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Free bytes of the file system that a path is on.
pub(super) fn free_space(path: &Path) -> io::Result<u64> {
    let numbers = rustix::fs::statvfs(path)?;
    Ok(numbers.f_bavail.saturating_mul(numbers.f_frsize))
}

/// True for errors that mean "no room", which are survived.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
