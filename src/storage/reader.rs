//! Reading records: the recent ones from memory, older ones from the log files.

use super::block::{RECORD_HEAD, outline, take_record};
use super::core::Core;
use super::library::Volume;
use super::log_file::FileKind;
use super::span::Span;
use super::sum::Order;
use super::track::{TailBlock, Track};
use super::{ReadError, Slice, StoredRecord, disk};
use bytes::{Buf, Bytes};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// How much a read may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portion {
    pub records: usize,
    pub bytes: usize,
}

impl Portion {
    fn is_filled_by(&self, records: &[StoredRecord], bytes: usize) -> bool {
        records.len() >= self.records || (bytes >= self.bytes && !records.is_empty())
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
) -> Result<Slice, ReadError> {
    if core.is_closed() {
        return Err(ReadError::Closed);
    }
    let tail = track.next();
    if from >= tail || portion.records == 0 {
        return Ok(Slice { records: Vec::new(), next: from, tail });
    }
    let blocks = {
        let places = track.places();
        check_kept(&track, places.first, from)?;
        places.tail_from(from, portion.bytes)
    };
    let records = if blocks.is_empty() {
        let core = Arc::clone(core);
        let read = tokio::task::spawn_blocking(move || from_disk(&core, &track, from, tail, portion));
        read.await.map_err(|_| ReadError::Closed)??
    } else {
        from_memory(core, blocks, from, portion)?
    };
    let next = records.last().map_or(from, |last| last.sequence + 1);
    Ok(Slice { records, next, tail })
}

fn check_kept(track: &Track, first: u64, wanted: u64) -> Result<(), ReadError> {
    if wanted < first { Err(ReadError::Trimmed { shard: track.id, wanted, first }) } else { Ok(()) }
}

fn from_memory(
    core: &Core,
    blocks: Vec<TailBlock>,
    from: u64,
    portion: Portion,
) -> Result<Vec<StoredRecord>, ReadError> {
    let (mut records, mut size) = (Vec::new(), 0);
    for block in blocks {
        let mut rest = block.bytes;
        for sequence in block.first..block.first + u64::from(block.count) {
            if portion.is_filled_by(&records, size) {
                return Ok(records);
            }
            let length = outline(&rest).map_or(0, |seen| seen.length);
            if sequence < from {
                rest.advance(length.min(rest.len()));
                continue;
            }
            let damaged = |what: &str| ReadError::Corrupt {
                path: core.folder.clone(),
                offset: 0,
                what: format!("{what} (in memory)"),
            };
            records.push(take_record(&mut rest, sequence).map_err(damaged)?);
            size += length;
        }
    }
    Ok(records)
}

fn from_disk(
    core: &Core,
    track: &Track,
    from: u64,
    tail: u64,
    portion: Portion,
) -> Result<Vec<StoredRecord>, ReadError> {
    let (mut records, mut size, mut at) = (Vec::new(), 0, from);
    while at < tail && !portion.is_filled_by(&records, size) {
        let read = locate(core, track, at).and_then(|located| Ok((located.span, read_span(&located)?)));
        let (span, found) = match read {
            // What was read so far is handed out; the trouble is met again at its own place.
            Err(_) if !records.is_empty() => return Ok(records),
            Err(error) => {
                // Retention may have taken the file away meanwhile.
                check_kept(track, track.places().first, from)?;
                return Err(error);
            }
            Ok(read) => read,
        };
        for record in found.into_iter().skip_while(|record| record.sequence < from) {
            if portion.is_filled_by(&records, size) {
                return Ok(records);
            }
            size += RECORD_HEAD + record.key.len() + record.attributes.len() + record.payload.len();
            records.push(record);
        }
        at = span.next();
    }
    Ok(records)
}

/// The records of the span that a sequence lies in.
pub(super) fn span_of_message(
    core: &Core,
    track: &Track,
    sequence: u64,
) -> Result<Vec<StoredRecord>, ReadError> {
    read_span(&locate(core, track, sequence)?)
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

/// Reads a span and verifies every record in it and their order.
fn read_span(located: &Located) -> Result<Vec<StoredRecord>, ReadError> {
    let Located { span, file, path } = located;
    let mut bytes = vec![0; usize::try_from(span.length).unwrap_or(0)];
    let corrupt = |into: usize, what: &str| ReadError::Corrupt {
        path: path.clone(),
        offset: span.offset + into as u64,
        what: what.to_owned(),
    };
    match disk::read_at(file, &mut bytes, span.offset) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(corrupt(0, "the file is cut"));
        }
        Err(source) => return Err(ReadError::Io { path: path.clone(), source }),
        Ok(()) => {}
    }
    let mut rest = Bytes::from(bytes);
    let (whole, mut order, mut records) = (rest.len(), Order::default(), Vec::new());
    for sequence in span.first..span.next() {
        let into = whole - rest.len();
        let record = take_record(&mut rest, sequence).map_err(|what| corrupt(into, what))?;
        order.add(record.crc);
        records.push(record);
    }
    if order != span.order || !rest.is_empty() {
        return Err(corrupt(0, "records are not in the order they were written in"));
    }
    Ok(records)
}
