//! A file that takes nearly all that is free on a small disk.

use super::FaultError;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A larger file system is not filled: it may be somebody's disk.
const LARGEST_DISK: u64 = 1 << 30;
const NAME: &str = "load-ballast";

/// The file; removed when dropped.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    bytes: u64,
}

impl Ballast {
    /// Takes all but so many bytes of the file system that a folder lies on.
    ///
    /// # Errors
    /// When it is too large to be filled, or has less free already.
    pub(super) fn fill(folder: &Path, free: u64) -> Result<Self, FaultError> {
        Self::of(folder, length(folder, free)?)
    }

    fn of(folder: &Path, bytes: u64) -> Result<Self, FaultError> {
        let path = folder.join(NAME);
        let failed = |source: io::Error| FaultError::Fill { path: path.clone(), source };
        let file = File::create(&path).map_err(failed)?;
        // From here on it is removed, also when it cannot be made as large.
        let ballast = Self { path: path.clone(), bytes };
        fallocate(&file, FallocateFlags::empty(), 0, bytes).map_err(|error| failed(error.into()))?;
        Ok(ballast)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the file that fills the disk is left; remove it");
        }
    }
}

/// How many bytes a file must take so that `free` are left.
///
/// # Errors
/// See [`Ballast::fill`].
pub(super) fn length(folder: &Path, free: u64) -> Result<u64, FaultError> {
    let path = folder.to_owned();
    let failed = |error: rustix::io::Errno| FaultError::Fill { path: path.clone(), source: error.into() };
    let disk = statvfs(folder).map_err(failed)?;
    let blocks = |count: u64| count.saturating_mul(disk.f_frsize);
    taken(folder, blocks(disk.f_blocks), blocks(disk.f_bavail), free)
}

fn taken(folder: &Path, total: u64, available: u64, free: u64) -> Result<u64, FaultError> {
    let path = folder.to_owned();
    if total >= LARGEST_DISK {
        return Err(FaultError::LargeDisk { path, total, most: LARGEST_DISK });
    }
    match available.checked_sub(free) {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(FaultError::FullAlready { path, available, free }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_small_disk_is_filled_and_never_beyond_what_is_to_be_left() {
        let folder = Path::new("data");
        assert_eq!(taken(folder, LARGEST_DISK - 1, 500, 100).unwrap(), 400);
        let large = taken(folder, LARGEST_DISK, 500, 100).unwrap_err().to_string();
        assert!(large.contains("less than 1073741824") && large.contains("--data"), "{large}");
        for free in [500, 501] {
            let full = taken(folder, LARGEST_DISK - 1, 500, free).unwrap_err();
            assert!(matches!(full, FaultError::FullAlready { .. }), "{full}");
        }
    }

    #[test]
    fn a_ballast_takes_its_bytes_and_gives_them_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let ballast = Ballast::of(folder.path(), 1 << 20).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.len(), ballast.bytes()), (1 << 20, 1 << 20));
        assert!(std::os::unix::fs::MetadataExt::blocks(&found) * 512 >= 1 << 20, "the file holds no room");
        drop(ballast);
        assert!(!path.exists());
        assert!(Ballast::of(folder.path(), u64::MAX >> 1).is_err());
        assert!(!path.exists(), "what failed is left behind");
    }
}
