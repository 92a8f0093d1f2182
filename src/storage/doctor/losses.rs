//! Losses, written down so that they are never hidden: `LOSSES.json` in the data folder.

use crate::storage::diagnosis::Loss;
use crate::storage::entry::Kind;
use crate::storage::index;
use crate::storage::locking::locked;
use crate::storage::log_file::{self, FileHeader, FileKind};
use crate::storage::recovery::{corrupt, failed};
use crate::storage::state::State;
use crate::storage::track::Track;
use crate::storage::{OpenError, disk};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The registry's key of the losses.
pub(in crate::storage) const LOSSES_KEY: &str = "losses";

fn losses_path(folder: &Path) -> PathBuf {
    folder.join("LOSSES.json")
}

/// Losses and the text they were read from.
type WrittenLosses = (Vec<Loss>, Vec<u8>);

/// The losses that a folder knows of.
pub(in crate::storage) fn read_losses(folder: &Path) -> Result<Option<WrittenLosses>, OpenError> {
    let path = losses_path(folder);
    let text = match disk::read_whole(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("reading", &path)(error)),
    };
    let losses = serde_json::from_slice(&text).map_err(|error| corrupt(&path, 0, error.to_string()))?;
    Ok(Some((losses, text)))
}

pub(super) fn write_losses(folder: &Path, losses: &[Loss]) -> Result<(), OpenError> {
    let path = losses_path(folder);
    let text = serde_json::to_vec_pretty(losses).unwrap_or_default();
    disk::replace(&path, &[&text]).map_err(failed("writing", &path))
}

/// What is missing of each shard and queue between its first and its next sequence.
pub(super) fn find_losses(folder: &Path, state: &State) -> Result<Vec<Loss>, OpenError> {
    let mut salvaged = BTreeMap::new();
    let files: Vec<u64> = locked(&state.files).keys().copied().collect();
    let named: Vec<u64> = state.all_tracks().iter().flat_map(|track| track.places().files()).collect();
    for number in files.into_iter().chain(named) {
        let path = log_file::log_path(folder, number);
        let Ok(image) = log_file::image(&path) else { continue };
        let header = FileHeader::decode(&image).map_err(|bad| bad.at(&path))?;
        if header.kind == FileKind::Salvaged {
            let index = index::build(&image, &header);
            let index = index.map_err(|damage| corrupt(&path, damage.offset, damage.what))?;
            salvaged.insert(number, index);
        }
    }
    let tracks = state.all_tracks();
    Ok(tracks.iter().flat_map(|track| losses_of(track, &salvaged)).collect())
}

fn losses_of(track: &Track, salvaged: &BTreeMap<u64, index::Index>) -> Vec<Loss> {
    let places = track.places();
    let mut lost = Vec::new();
    let mut at = places.first;
    for extent in &places.extents {
        // What lies between two extents was lost before the state knew of it.
        lost.extend((extent.first > at).then_some((at, extent.first)));
        at = at.max(extent.first);
        let Some(index) = salvaged.get(&extent.file) else {
            at = at.max(extent.next);
            continue;
        };
        let spans = index.of_track(track.id).iter().map(|span| (span.first, span.next()));
        for (first, next) in spans.chain([(extent.next, extent.next)]) {
            let is_loss = first > at && still_wanted(track, at, first);
            lost.extend(is_loss.then_some((at, first)));
            at = at.max(next);
        }
    }
    joined(lost)
        .into_iter()
        .map(|(first, next)| Loss { shard: track.id, name: track.name.clone(), first, next })
        .collect()
}

/// Ranges in order, those that touch made one.
fn joined(ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (first, next) in ranges {
        match joined.last_mut() {
            Some(last) if last.1 == first => last.1 = next,
            _ => joined.push((first, next)),
        }
    }
    joined
}

/// Of a queue only what was not yet deleted counts.
fn still_wanted(track: &Track, first: u64, next: u64) -> bool {
    track.kind() == Kind::Shard
        || track.queue.as_ref().is_some_and(|queue| {
            let machine = locked(&queue.machine);
            (first..next).any(|sequence| machine.is_live(sequence))
        })
}
