//! Reading records: the recent ones from memory, older ones from the log files.

use super::block::{outline, stored, verified};
use super::core::Core;
use super::library::Volume;
use super::log_file::FileKind;
use super::page::Place;
use super::span::Span;
use super::sum::Order;
use super::track::{TailBlock, Track};
use super::{Page, ReadError, StoredRecord, disk};
use bytes::Bytes;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// How much a read may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portion {
    pub records: usize,
    pub bytes: usize,
}

/// A page as it is filled.
struct Filling {
    page: Page,
    /// Of its records as they lie in the log.
    bytes: usize,
    portion: Portion,
}

impl Filling {
    fn is_full(&self) -> bool {
        let is_empty = self.page.is_empty();
        self.page.count() >= self.portion.records || (self.bytes >= self.portion.bytes && !is_empty)
    }

    fn put(&mut self, place: Place) {
        self.page.put(place);
        self.bytes += place.length();
    }

    /// How many bytes more are wanted.
    fn room(&self) -> usize {
        self.portion.bytes.saturating_sub(self.bytes)
    }
}

/// Where a span lies.
struct Located {
    span: Span,
    file: Arc<File>,
    path: PathBuf,
}

/// Reads from `from` up to the track's end, not waiting for anything to come.
///
/// # Errors
/// See [`ReadError`].
pub(super) async fn read(
    core: &Arc<Core>,
    track: Arc<Track>,
    from: u64,
    portion: Portion,
) -> Result<Page, ReadError> {
    if core.is_closed() {
        return Err(ReadError::Closed);
    }
    let tail = track.next();
    let filling = Filling { page: Page::new(from, tail), bytes: 0, portion };
    if from >= tail || portion.records == 0 {
        return Ok(filling.page);
    }
    let blocks = {
        let places = track.places();
        check_kept(&track, places.first, from)?;
        places.tail_from(from, portion.bytes)
    };
    if !blocks.is_empty() {
        return from_memory(core, blocks, filling);
    }
    let core = Arc::clone(core);
    let read = tokio::task::spawn_blocking(move || from_disk(&core, &track, filling));
    read.await.map_err(|_| ReadError::Closed)?
}

fn check_kept(track: &Track, first: u64, wanted: u64) -> Result<(), ReadError> {
    if wanted < first { Err(ReadError::Trimmed { shard: track.id, wanted, first }) } else { Ok(()) }
}

/// Goes on with what memory holds.
fn from_memory(core: &Core, blocks: Vec<TailBlock>, mut filling: Filling) -> Result<Page, ReadError> {
    for block in blocks {
        if block.first > filling.page.next() {
            break;
        }
        let mut at = 0;
        filling.page.open(block.bytes.clone());
        for sequence in block.first..block.next() {
            if filling.is_full() {
                return Ok(filling.page);
            }
            let rest = block.bytes.get(at..).unwrap_or_default();
            if sequence < filling.page.next() {
                at += outline(rest).map_or(rest.len(), |seen| seen.length);
                continue;
            }
            match verified(rest) {
                Ok((seen, parts)) => {
                    filling.put(Place::new(at, &seen, &parts));
                    at += seen.length;
                }
                Err(_) if !filling.page.is_empty() => return Ok(filling.page),
                Err(what) => {
                    let (path, what) = (core.folder.clone(), format!("{what} (in memory)"));
                    return Err(ReadError::Corrupt { path, offset: 0, what });
                }
            }
        }
    }
    Ok(filling.page)
}

/// Reads until the page is full or memory has the rest. What was read so far is handed out when there is trouble,
/// which is met again at its own place.
fn from_disk(core: &Core, track: &Track, mut filling: Filling) -> Result<Page, ReadError> {
    let (from, tail) = (filling.page.next(), filling.page.tail());
    while filling.page.next() < tail && !filling.is_full() {
        let at = filling.page.next();
        let blocks = track.places().tail_from(at, filling.room());
        if !blocks.is_empty() {
            return from_memory(core, blocks, filling);
        }
        let read = locate(core, track, at).and_then(|located| Ok((located.span, read_span(&located)?)));
        let (span, (bytes, places)) = match read {
            Err(_) if !filling.page.is_empty() => break,
            Err(error) => {
                // Retention may have taken the file away meanwhile.
                check_kept(track, track.places().first, from)?;
                return Err(error);
            }
            Ok(read) => read,
        };
        filling.page.open(bytes);
        for (_, place) in (span.first..).zip(places).skip_while(|(sequence, _)| *sequence < at) {
            if filling.is_full() {
                break;
            }
            filling.put(place);
        }
    }
    Ok(filling.page)
}

/// The records of the span that a sequence lies in.
pub(super) fn span_of_message(
    core: &Core,
    track: &Track,
    sequence: u64,
) -> Result<Vec<StoredRecord>, ReadError> {
    let located = locate(core, track, sequence)?;
    let (bytes, places) = read_span(&located)?;
    let corrupt = |what: &str| {
        let (path, offset) = (located.path.clone(), located.span.offset);
        ReadError::Corrupt { path, offset, what: what.to_owned() }
    };
    let record = |(sequence, place): (u64, Place)| {
        let record = bytes.slice(place.begin()..place.begin() + place.length());
        let seen = outline(&record).ok_or_else(|| corrupt("a record is cut"))?;
        stored(record, &seen, sequence).map_err(corrupt)
    };
    (located.span.first..).zip(places).map(record).collect()
}

fn locate(core: &Core, track: &Track, sequence: u64) -> Result<Located, ReadError> {
    let (extent, active, following) = {
        let places = track.places();
        check_kept(track, places.first, sequence)?;
        let following = places.extents.iter().find(|extent| extent.first > sequence).copied();
        let extent = places.extent_of(sequence);
        let active = extent.filter(|extent| extent.file == places.active_file);
        (extent, active.and_then(|_| places.active_span(sequence)), following)
    };
    let Some(extent) = extent else {
        if let Some(following) = following {
            return Err(ReadError::Lost { shard: track.id, first: sequence, next: following.first });
        }
        let what = format!("sequence {sequence} of shard {} is in no log file", track.id);
        return Err(ReadError::Corrupt { path: core.folder.clone(), offset: 0, what });
    };
    if let (Some(span), Some(file)) = (active, core.library.active(extent.file)) {
        return Ok(Located { span, file, path: core.library.path(extent.file) });
    }
    let volume = core.library.volume(extent.file)?;
    match volume.index.find(track.id, sequence) {
        Some(span) => Ok(Located { span, file: Arc::clone(&volume.file), path: volume.path.clone() }),
        None => Err(not_found(&volume, track, sequence, extent.next)),
    }
}

fn not_found(volume: &Volume, track: &Track, sequence: u64, end: u64) -> ReadError {
    if volume.kind == FileKind::Salvaged {
        let next = volume.index.after(track.id, sequence).map_or(end, |span| span.first);
        return ReadError::Lost { shard: track.id, first: sequence, next };
    }
    let what = format!("sequence {sequence} of shard {} is not where it should be", track.id);
    ReadError::Corrupt { path: volume.path.clone(), offset: 0, what }
}

/// Reads a span and verifies every record in it and their order; gives its bytes and where each record lies.
fn read_span(located: &Located) -> Result<(Bytes, Vec<Place>), ReadError> {
    let Located { span, file, path } = located;
    let corrupt = |into: usize, what: &str| ReadError::Corrupt {
        path: path.clone(),
        offset: span.offset + into as u64,
        what: what.to_owned(),
    };
    let length = usize::try_from(span.length).unwrap_or(0);
    let bytes = match disk::read_piece(file, length, span.offset) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(corrupt(0, "the file is cut"));
        }
        Err(source) => return Err(ReadError::Io { path: path.clone(), source }),
        Ok(bytes) => Bytes::from(bytes),
    };
    let (mut at, mut order) = (0, Order::default());
    let mut places = Vec::with_capacity(usize::try_from(span.count).unwrap_or(0));
    for _ in 0..span.count {
        let rest = bytes.get(at..).unwrap_or_default();
        let (seen, parts) = verified(rest).map_err(|what| corrupt(at, what))?;
        order.add(seen.crc);
        places.push(Place::new(at, &seen, &parts));
        at += seen.length;
    }
    if order != span.order || at != bytes.len() {
        return Err(corrupt(0, "records are not in the order they were written in"));
    }
    Ok((bytes, places))
}
