//! Every file below some folders held against its checksums, for whoever wants to know before reading.

use super::{
    checksums::{holds_sums, place_of_sums, summed_by, sums_of},
    verified::{Damage, VerifiedFile},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Bytes verified at a time.
const PIECE: u64 = 1 << 20;

/// What was seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Files that match their checksums.
    pub verified: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Files without checksums, of other writers or of earlier versions: good or not, nobody can say.
    pub unverified: Vec<PathBuf>,
    pub damaged: Vec<Damage>,
    /// Files that are gone while their checksums are still there: whoever removes a file here removes
    /// these first.
    pub missing: Vec<PathBuf>,
}

/// How far a survey has come.
#[derive(Debug)]
pub struct Surveyed<'a> {
    pub path: &'a Path,
    pub files_done: usize,
    pub files: usize,
}

/// Reads every file of the folders (or files) given. Blocking; takes as long as reading them takes.
///
/// # Errors
/// When a folder cannot be listed; a file that cannot be read is damaged.
pub fn survey(places: &[PathBuf], mut progress: impl FnMut(&Surveyed<'_>)) -> io::Result<Survey> {
    let mut files = Vec::new();
    for place in places {
        collect(place, &mut files)?;
    }
    files.sort();
    files.dedup();
    let mut seen = Survey::default();
    for (files_done, path) in files.iter().enumerate() {
        progress(&Surveyed { path, files_done, files: files.len() });
        seen.add(path);
    }
    Ok(seen)
}

/// Files below a folder. Links to folders are not followed.
fn collect(place: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let found = match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.is_dir() {
        if !is_unfinished(place) && place.is_file() {
            files.push(place.to_owned());
        }
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

/// `NAME#N` is what a crash has left of a file that was never published.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = name.split_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Survey {
    fn add(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if holds_sums(&name) {
            let gone = |file: &PathBuf| place_of_sums(file).is_some_and(|own| own == path) && !file.exists();
            self.missing.extend(summed_by(path).filter(gone));
            return;
        }
        if sums_of(path).is_none() {
            return;
        }
        let mut offset = 0;
        match verify(path, &mut offset) {
            Ok(Some(bytes)) => {
                self.verified += 1;
                self.bytes += bytes;
            }
            Ok(None) => self.unverified.push(path.to_owned()),
            // Compaction removes files at any time.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.damaged.push(match Damage::within(&error) {
                Some(damage) => damage.clone(),
                None => Damage { path: path.to_owned(), offset, what: format!("it cannot be read: {error}") },
            }),
        }
    }
}

/// The bytes that match; `None` when there are no checksums.
fn verify(path: &Path, at: &mut u64) -> io::Result<Option<u64>> {
    let file = VerifiedFile::open(path)?;
    if !file.is_summed() {
        return Ok(None);
    }
    let piece = file.piece(PIECE);
    while *at < file.length() {
        let next = at.saturating_add(piece).min(file.length());
        file.read(*at..next)?;
        *at = next;
    }
    Ok(Some(file.length()))
}
