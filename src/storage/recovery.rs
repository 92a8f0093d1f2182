//! Recovery: from a data folder to the state it holds, or to a named reason why not.
//!
//! The newest snapshot is taken and the frames after it are applied. The first place without a whole
//! frame is the log's end if nothing proves that the log went on: no later frame in this file or the next,
//! no longer log in the manifest. What follows the last whole frame is then a commit that was never
//! answered; the file is written anew without it, because after a failed flush the kernel's cache may
//! show bytes that the disk never got.

use super::committer::ActiveFile;
use super::index::Index;
use super::locking::locked;
use super::log_file::{self, BALLAST, BadHeader, FIRST_FRAME, FileHeader, FileKind, PlacedEntry};
use super::manifest::{self, Manifest, ManifestKeeper};
use super::snapshot::{self, BadSnapshot, Position};
use super::span::Span;
use super::state::{FileFacts, State};
use super::{OpenError, disk, frame};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a folder held.
#[derive(Debug)]
pub(super) struct Recovered {
    pub state: State,
    pub lsn: u64,
    pub manifest: Manifest,
    /// The file to go on in, if there is one that can be written.
    pub active: Option<ActiveFile>,
    /// Files without anything in them.
    pub empty: Vec<PathBuf>,
    pub last_number: u64,
}

pub(super) fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> OpenError {
    OpenError::Corrupt { path: path.to_owned(), offset, what: what.into() }
}

pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { doing, path, source }
}

/// Reads the folder. Nothing is changed but, at the very end, a torn tail.
pub(super) fn recover(folder: &Path) -> Result<Recovered, OpenError> {
    let present = log_numbers(folder)?;
    let mut manifest = match manifest::newest(folder) {
        Ok(Some(manifest)) => manifest,
        Ok(None) if present.is_empty() => Manifest::default(),
        Ok(None) => return Err(OpenError::Missing { path: manifest::slot_path(folder, 0) }),
        // Cut off while the very first manifest was being written.
        Err(OpenError::Corrupt { .. }) if present.is_empty() => Manifest::default(),
        Err(error) => return Err(error),
    };
    let files = check_files(folder, &manifest, &present)?;
    let (state, lsn, position) = load_state(folder, &manifest, &files)?;
    manifest.snapshots.retain(|kept| *kept <= lsn);
    let mut replay = Replay { folder, files: &files, state, from_lsn: lsn, lsn: None, spans: Vec::new() };
    let end = replay.run(position)?;
    let reached = replay.lsn.unwrap_or(lsn);
    if reached < manifest.durable_lsn.max(lsn) {
        let proven = manifest.durable_lsn.max(lsn);
        let what = format!("the log ends at commit {reached} although commit {proven} was durable");
        return Err(corrupt(&log_file::log_path(folder, end.file), end.offset, what));
    }
    let Replay { state, spans, .. } = replay;
    finish(folder, manifest, &files, state, spans, reached, end)
}

fn log_numbers(folder: &Path) -> Result<Vec<u64>, OpenError> {
    let logs = log_file::log_folder(folder);
    let paths = disk::list(&logs).map_err(failed("reading", &logs))?;
    Ok(paths.iter().filter_map(|path| log_file::number_of(path)).collect())
}

/// Reads the header of each file that belongs to the log.
fn check_files(
    folder: &Path,
    manifest: &Manifest,
    present: &[u64],
) -> Result<BTreeMap<u64, FileHeader>, OpenError> {
    let mut files = BTreeMap::new();
    for (number, salt) in &manifest.files {
        let path = log_file::log_path(folder, *number);
        let header = match read_header(&path)? {
            None => return Err(OpenError::Missing { path }),
            Some(header) => header.map_err(|bad| bad.at(&path))?,
        };
        if header.number != *number || (header.salt != *salt && header.origin_salt != *salt) {
            return Err(corrupt(&path, 0, "the file header is another file's than the manifest names"));
        }
        let length = std::fs::metadata(&path).map_err(failed("reading", &path))?.len();
        if length < header.size {
            return Err(corrupt(&path, length, format!("the file is cut: it had {} bytes", header.size)));
        }
        files.insert(*number, header);
    }
    let last = manifest.files.keys().next_back().copied().unwrap_or(0);
    for number in present.iter().filter(|number| **number > last) {
        // Known only to a manifest that was lost: its frames count all the same.
        let path = log_file::log_path(folder, *number);
        if let Some(Ok(header)) = read_header(&path)?
            && header.number == *number
        {
            let image = log_file::image(&path).map_err(failed("reading", &path))?;
            if frame::later_frame(&image, FIRST_FRAME, header.salt, 1).is_some() {
                files.insert(*number, header);
            }
        }
    }
    Ok(files)
}

pub(super) fn read_header(path: &Path) -> Result<Option<Result<FileHeader, BadHeader>>, OpenError> {
    match disk::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("opening", path)(error)),
        Ok(file) => FileHeader::read(&file).map(Some).map_err(failed("reading", path)),
    }
}

impl BadHeader {
    pub(super) fn at(self, path: &Path) -> OpenError {
        match self {
            Self::Damaged(what) => corrupt(path, 0, what),
            Self::Version(found) => {
                OpenError::Version { path: path.to_owned(), found, supported: log_file::LOG_VERSION }
            }
        }
    }
}

/// The newest usable snapshot, or the empty state when the log is there from its beginning.
fn load_state(
    folder: &Path,
    manifest: &Manifest,
    files: &BTreeMap<u64, FileHeader>,
) -> Result<(State, u64, Position), OpenError> {
    let mut trouble = None;
    for lsn in &manifest.snapshots {
        let path = snapshot::snapshot_path(folder, *lsn);
        let loaded = match disk::read_whole(&path) {
            Ok(bytes) => snapshot::decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                trouble.get_or_insert(OpenError::Missing { path });
                continue;
            }
            Err(error) => return Err(failed("reading", &path)(error)),
        };
        match loaded {
            Ok(loaded) if loaded.1 == *lsn => return Ok(loaded),
            Err(BadSnapshot::Version(found)) => {
                return Err(OpenError::Version { path, found, supported: snapshot::SNAPSHOT_VERSION });
            }
            Ok(_) | Err(BadSnapshot::Damaged(_)) => {
                tracing::warn!(path = %path.display(), "a snapshot is damaged; the one before it is used");
                trouble.get_or_insert(corrupt(&path, 0, "the snapshot's checksum does not match"));
            }
        }
    }
    let from_beginning = Ok((State::default(), 0, Position::default()));
    match (trouble, files.first_key_value()) {
        (None, _) => from_beginning,
        (Some(_), Some((number, header))) if begins_the_log(folder, *number, header)? => from_beginning,
        (Some(trouble), _) => Err(trouble),
    }
}

fn begins_the_log(folder: &Path, number: u64, header: &FileHeader) -> Result<bool, OpenError> {
    let path = log_file::log_path(folder, number);
    let image = log_file::image(&path).map_err(failed("reading", &path))?;
    Ok(frame::frame_at(&image, FIRST_FRAME, header.salt).is_some_and(|frame| frame.header.lsn == 1))
}

struct Replay<'a> {
    folder: &'a Path,
    files: &'a BTreeMap<u64, FileHeader>,
    state: State,
    /// What the snapshot covers.
    from_lsn: u64,
    /// The last frame seen.
    lsn: Option<u64>,
    /// Spans of the file read last.
    spans: Vec<Span>,
}

impl Replay<'_> {
    /// Applies all frames after the snapshot; gives where the log ends.
    fn run(&mut self, position: Position) -> Result<Position, OpenError> {
        let mut end = position;
        let mut gap_allowed = false;
        let files: Vec<(u64, FileHeader)> =
            self.files.range(position.file..).map(|(number, header)| (*number, *header)).collect();
        for (number, header) in files {
            let path = log_file::log_path(self.folder, number);
            let image = log_file::image(&path).map_err(failed("reading", &path))?;
            let Some(first) = frame::frame_at(&image, FIRST_FRAME, header.salt) else {
                let later = frame::later_frame(&image, FIRST_FRAME, header.salt, 1);
                if header.kind == FileKind::Written && later.is_some() {
                    return Err(corrupt(&path, FIRST_FRAME, "a frame is damaged"));
                }
                gap_allowed |= header.kind == FileKind::Salvaged;
                continue;
            };
            let expected = self.lsn.unwrap_or(self.from_lsn) + 1;
            if gap_allowed || header.kind == FileKind::Salvaged {
                // What is missing before it is known to be lost.
                self.lsn = Some(first.header.lsn - 1).filter(|_| first.header.lsn > expected).or(self.lsn);
            } else if first.header.lsn > expected && header.kind == FileKind::Written {
                let what = format!("a frame is damaged: commit {expected} is missing");
                let file = if end.file == 0 { number } else { end.file };
                return Err(corrupt(&log_file::log_path(self.folder, file), end.offset, what));
            }
            end = Position { file: number, offset: self.file(&path, number, &header, &image)? };
            gap_allowed = header.kind == FileKind::Salvaged;
            if header.kind == FileKind::Rewritten {
                // Its last commit may be gone; the snapshot covers all it ever held.
                self.lsn = None;
            }
        }
        self.lsn = self.lsn.map(|lsn| if gap_allowed { lsn.max(self.from_lsn) } else { lsn });
        Ok(end)
    }

    /// Applies a file's frames; gives where they end.
    fn file(
        &mut self,
        path: &Path,
        number: u64,
        header: &FileHeader,
        image: &[u8],
    ) -> Result<u64, OpenError> {
        self.spans.clear();
        let mut offset = FIRST_FRAME;
        for frame in log_file::frames(image, header.salt, FIRST_FRAME) {
            let lsn = frame.header.lsn;
            if self.lsn.is_some_and(|last| lsn != last + 1) && header.kind == FileKind::Written {
                let expected = self.lsn.unwrap_or(0) + 1;
                let what = format!("commit {lsn} follows where commit {expected} was expected");
                return Err(corrupt(path, frame.offset, what));
            }
            self.frame(number, &frame).map_err(|what| corrupt(path, frame.offset, what))?;
            self.lsn = Some(lsn);
            offset = frame.end();
        }
        let last = self.lsn.unwrap_or(0);
        if header.kind == FileKind::Written
            && frame::later_frame(image, offset, header.salt, last + 1).is_some()
        {
            return Err(corrupt(path, offset, format!("a frame is damaged: commit {} is missing", last + 1)));
        }
        let facts = FileFacts { last_lsn: last, used: offset, size: header.size };
        locked(&self.state.files).insert(number, facts);
        Ok(offset)
    }

    fn frame(&mut self, number: u64, frame: &frame::Frame<'_>) -> Result<(), &'static str> {
        let (new, time) = (frame.header.lsn > self.from_lsn, frame.header.time());
        for entry in log_file::entries(frame)? {
            match entry {
                PlacedEntry::Run(placed) => {
                    if new {
                        self.state.replay_run(number, &placed, time)?;
                    }
                    self.spans.extend(placed.spans);
                }
                PlacedEntry::Operation(operation) if new => self.state.apply(&operation, time)?,
                PlacedEntry::Operation(_) => {}
            }
        }
        if new {
            *locked(&self.state.time) = time;
        }
        Ok(())
    }
}

fn finish(
    folder: &Path,
    mut manifest: Manifest,
    files: &BTreeMap<u64, FileHeader>,
    state: State,
    spans: Vec<Span>,
    lsn: u64,
    end: Position,
) -> Result<Recovered, OpenError> {
    // What was salvaged stays even when nothing is in it: it stands for what was lost.
    let unused = |number: u64, header: &FileHeader| number > end.file && header.kind == FileKind::Written;
    let (empty, used): (Vec<_>, Vec<_>) = files.iter().partition(|(number, header)| unused(**number, header));
    let empty: Vec<PathBuf> = empty.iter().map(|(number, _)| log_file::log_path(folder, **number)).collect();
    manifest.files = used.iter().map(|(number, header)| (**number, header.salt)).collect();
    let mut active = None;
    if let Some(header) = files.get(&end.file).filter(|header| header.kind == FileKind::Written) {
        let path = log_file::log_path(folder, end.file);
        if !manifest.clean {
            write_anew(folder, header, end.offset, || make_room(folder, &manifest, &empty))?;
        }
        // A file of an older version stays as it is: what is new would not be understood in it.
        if log_file::is_current(&path).map_err(failed("reading", &path))? {
            let file = disk::open_to_write(&path).map_err(failed("opening", &path))?;
            active = Some(ActiveFile { header: *header, file: Arc::new(file), offset: end.offset });
        }
    }
    if active.is_some() {
        note_active(&state, end.file, spans);
    }
    let mut known = locked(&state.files);
    known.retain(|number, _| manifest.files.contains_key(number));
    for (number, facts) in known.iter_mut() {
        // A snapshot may be older than a rewrite, which made the file smaller.
        facts.size = files.get(number).map_or(facts.size, |header| header.size);
        facts.used = facts.used.min(facts.size);
    }
    drop(known);
    let last_number = files.keys().next_back().copied().unwrap_or(0);
    manifest.clean = false;
    manifest.durable_lsn = lsn;
    Ok(Recovered { state, lsn, manifest, active, empty, last_number })
}

fn note_active(state: &State, file: u64, spans: Vec<Span>) {
    for span in Index::new(spans).all() {
        if let Some(track) = state.track(span.track) {
            track.places().note_span(file, *span);
        }
    }
}

/// Writes a file's whole frames into a fresh file that takes its place.
fn write_anew(
    folder: &Path,
    header: &FileHeader,
    end: u64,
    make_room: impl FnOnce() -> io::Result<()>,
) -> Result<(), OpenError> {
    let path = log_file::log_path(folder, header.number);
    let beside = path.with_extension("new");
    let copy = || -> io::Result<()> {
        let image = log_file::image(&path)?;
        let kept = usize::try_from(end).ok().and_then(|end| image.get(..end)).unwrap_or(&image);
        let file = disk::create(&beside)?;
        disk::allocate(&file, header.size)?;
        disk::write_all_at(&file, kept, 0)?;
        disk::flush(&file)?;
        disk::rename(&beside, &path)
    };
    let mut copied = copy();
    if copied.as_ref().is_err_and(disk::is_full) {
        copied = make_room().and_then(|()| copy());
    }
    copied.map_err(failed("writing the log's tail anew in", &path))
}

/// Gives back what is only kept for later: the ballast, files to be written over, files not yet used.
fn make_room(folder: &Path, manifest: &Manifest, empty: &[PathBuf]) -> io::Result<()> {
    ManifestKeeper::new(folder, manifest.clone()).change(|_| {})?;
    empty.iter().try_for_each(|path| disk::remove(path))?;
    for path in disk::list(&log_file::log_folder(folder))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == BALLAST || name.starts_with("spare-") {
            disk::remove(&path)?;
        }
    }
    Ok(())
}
