//! Rewriting a log file without its dead runs, when little that lives in it holds much that does not:
//! uneven retention, messages that wait long.

use super::core::Core;
use super::disk;
use super::entry::Run;
use super::frame::{FRAME_ALIGNMENT, Frame, FrameHeader, FrameKind};
use super::library::Volume;
use super::locking::locked;
use super::log_file::{self, FIRST_FRAME, FileHeader, FileKind, PlacedEntry};
use super::span::Span;
use super::state::FileFacts;
use super::sum::crc32c;
use super::track::Track;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A file is rewritten when less than one part in this many of it lives.
const DEAD_SHARE: u64 = 4;
/// Files smaller than this are not worth it.
const SMALLEST: u64 = 8 * 1024;

/// True when a span's records may still be read.
fn lives(track: &Track, span: &Span) -> bool {
    match &track.queue {
        None if track.is_deleted() => false,
        None => span.next() > track.places().first,
        Some(queue) => {
            let machine = locked(&queue.machine);
            (span.first..span.next()).any(|sequence| machine.is_live(sequence))
        }
    }
}

fn lives_in(core: &Core, span: &Span) -> bool {
    core.state.track(span.track).is_some_and(|track| lives(&track, span))
}

/// Rewrites the first file after `cursor` if it is mostly dead; gives where to look next time.
/// `covered` is the last commit that no replay needs.
pub(super) fn step(core: &Arc<Core>, cursor: u64, covered: u64) -> io::Result<u64> {
    let files: BTreeMap<u64, FileFacts> = locked(&core.state.files).clone();
    let newest = files.keys().next_back().copied().unwrap_or(0);
    let worth = |facts: &FileFacts| facts.last_lsn <= covered && facts.used > SMALLEST;
    let next = files.range(cursor + 1..newest).find(|(_, facts)| worth(facts));
    let Some((number, facts)) = next else { return Ok(0) };
    let Ok(volume) = core.library.volume(*number) else { return Ok(*number) };
    let live = volume.index.all().iter().filter(|span| lives_in(core, span));
    let live_bytes: u64 = live.map(|span| u64::from(span.length)).sum();
    if volume.kind != FileKind::Salvaged && live_bytes < facts.used / DEAD_SHARE {
        rewrite(core, *number, *facts, &volume)?;
    }
    Ok(*number)
}

fn rewrite(core: &Core, number: u64, facts: FileFacts, volume: &Volume) -> io::Result<()> {
    let image = log_file::image(&volume.path)?;
    let Ok(old) = FileHeader::decode(&image) else { return Ok(()) };
    let fresh = FileHeader::new(number, 0);
    let mut kept = Vec::new();
    for frame in log_file::frames(&image, old.salt, FIRST_FRAME) {
        if let Err(what) = keep(core, &frame, fresh.salt, &mut kept) {
            tracing::error!(path = %volume.path.display(), what, "a log file is damaged and was not rewritten");
            return Ok(());
        }
    }
    let size = FIRST_FRAME + kept.len() as u64;
    let header = FileHeader { kind: FileKind::Rewritten, origin_salt: old.salt, size, ..fresh };
    disk::replace(&volume.path, &[&header.encode(), &kept])?;
    locked(&core.manifest).change(|manifest| {
        manifest.files.insert(number, header.salt);
    })?;
    core.library.release(number);
    disk::remove(&log_file::index_path(&core.folder, number))?;
    locked(&core.state.files).insert(number, FileFacts { used: size, size, ..facts });
    tracing::info!(file = %volume.path.display(), before = facts.size, after = size, "a log file was rewritten");
    Ok(())
}

/// Adds what lives of a frame.
fn keep(core: &Core, frame: &Frame<'_>, salt: u64, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let (mut payload, mut entries) = (Vec::new(), 0);
    for entry in log_file::entries(frame)? {
        let PlacedEntry::Run(placed) = entry else { continue };
        let begin = placed.spans.first().map_or(0, |span| span.offset);
        for span in placed.spans.iter().filter(|span| lives_in(core, span)) {
            let from = usize::try_from(span.offset - begin).unwrap_or(usize::MAX);
            let records = placed.records.get(from..).and_then(|rest| rest.get(..span.length as usize));
            let run = Run { first: span.first, count: span.count, length: span.length, ..placed.run };
            run.encode(&mut payload, false);
            payload.extend_from_slice(records.ok_or("a run is cut")?);
            entries += 1;
        }
    }
    if entries == 0 {
        return Ok(());
    }
    let header = FrameHeader {
        kind: FrameKind::Kept,
        payload_length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
        entries,
        salt,
        payload_crc: crc32c(&payload),
        ..frame.header
    };
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(&payload);
    out.resize(out.len().next_multiple_of(FRAME_ALIGNMENT), 0);
    Ok(())
}
