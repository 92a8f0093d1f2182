//! Power cuts: of what came after a commit the disk has nothing, or a torn beginning.

use super::{damage, frames_of, written_files};
use crate::storage::{log_file::log_path, manifest};
use std::path::Path;

/// Cuts the log behind the commit `lsn`, `torn` bytes (less than a frame's head) into the next frame, in a folder that
/// no store has open. False, with nothing cut, when the folder says that the disk had more.
pub fn cut_power(folder: &Path, lsn: u64, torn: u64) -> bool {
    let known = manifest::newest(folder).unwrap().unwrap_or_default();
    if known.clean || known.durable_lsn > lsn || known.snapshots.iter().any(|at| *at > lsn) {
        return false;
    }
    let goes_on = |number: &u64| frames_of(folder, *number).iter().any(|(.., at)| *at > lsn);
    let files: Vec<u64> = written_files(folder).into_iter().filter(goes_on).collect();
    let [number] = files[..] else { return false };
    let frames = frames_of(folder, number);
    let lost = frames.iter().find(|(.., at)| *at > lsn);
    let (Some((offset, ..)), Some((_, end, _))) = (lost, frames.last()) else { return false };
    let zeros = vec![0; usize::try_from(end - offset - torn).unwrap()];
    damage(&log_path(folder, number), offset + torn, &zeros);
    true
}
