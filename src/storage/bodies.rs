//! Bodies of messages: from the tail of the log, from what was read before, else from the log files.
//!
//! Messages of one group, or those that come back, lie far from each other in the log, and a read takes
//! and verifies a whole span. So spans are kept for a while: the next message is likely in one of them.

use super::ReadError;
use super::block::{StoredRecord, outline, take_record};
use super::core::Core;
use super::locking::locked;
use super::reader;
use super::track::Track;
use bytes::Buf;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Memory for spans that were read.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A span's records by queue and first sequence.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    spans: BTreeMap<(u32, u64), Kept>,
    /// By last use: number of the use, queue, first sequence.
    uses: BTreeMap<u64, (u32, u64)>,
    next_use: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    records: Arc<[StoredRecord]>,
    bytes: usize,
    last_use: u64,
}

impl Bodies {
    fn get(&mut self, queue: u32, sequence: u64) -> Option<StoredRecord> {
        let (place, kept) = self.spans.range_mut((queue, 0)..=(queue, sequence)).next_back()?;
        let offset = usize::try_from(sequence - place.1).ok()?;
        let record = kept.records.get(offset)?.clone();
        self.uses.remove(&kept.last_use);
        kept.last_use = self.next_use;
        self.uses.insert(self.next_use, *place);
        self.next_use += 1;
        Some(record)
    }

    fn keep(&mut self, queue: u32, records: &Arc<[StoredRecord]>) {
        let Some(first) = records.first() else { return };
        let size = |record: &StoredRecord| {
            size_of::<StoredRecord>() + record.key.len() + record.attributes.len() + record.payload.len()
        };
        let (place, bytes) = ((queue, first.sequence), records.iter().map(size).sum());
        let kept = Kept { records: Arc::clone(records), bytes, last_use: self.next_use };
        self.uses.insert(self.next_use, place);
        self.next_use += 1;
        self.bytes += bytes;
        if let Some(before) = self.spans.insert(place, kept) {
            self.uses.remove(&before.last_use);
            self.bytes -= before.bytes;
        }
        while self.bytes > MOST_BYTES
            && let Some((_, place)) = self.uses.pop_first()
        {
            self.bytes -= self.spans.remove(&place).map_or(0, |kept| kept.bytes);
        }
    }
}

/// Reads the messages with these sequences, each with what came of it, in ascending order.
///
/// # Errors
/// [`ReadError::Closed`]; what is wrong with one message is in its place.
pub(super) async fn read(
    core: &Arc<Core>,
    track: &Arc<Track>,
    mut sequences: Vec<u64>,
) -> Result<BTreeMap<u64, Result<StoredRecord, ReadError>>, ReadError> {
    if core.is_closed() {
        return Err(ReadError::Closed);
    }
    sequences.sort_unstable();
    let mut found = from_tail(core, track, &sequences);
    sequences.retain(|sequence| !found.contains_key(sequence));
    if !sequences.is_empty() {
        let mut bodies = locked(&core.bodies);
        let known = sequences.iter().filter_map(|at| Some((*at, Ok(bodies.get(track.id, *at)?))));
        found.extend(known);
    }
    sequences.retain(|sequence| !found.contains_key(sequence));
    if !sequences.is_empty() {
        let (core, track) = (Arc::clone(core), Arc::clone(track));
        let read = tokio::task::spawn_blocking(move || from_disk(&core, &track, &sequences));
        found.extend(read.await.map_err(|_| ReadError::Closed)?);
    }
    Ok(found)
}

type Found = BTreeMap<u64, Result<StoredRecord, ReadError>>;

fn from_tail(core: &Core, track: &Track, sequences: &[u64]) -> Found {
    let mut found = Found::new();
    let mut rest = sequences;
    while let Some(first) = rest.first() {
        let block = track.places().tail_from(*first, 0).into_iter().next();
        let Some(block) = block else {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let (here, after) = rest.split_at(rest.partition_point(|at| *at < block.next()));
        let (mut bytes, end) = (block.bytes.clone(), block.next());
        let mut wanted = here.iter().copied().peekable();
        for sequence in block.first..end {
            let Some(next) = wanted.peek() else { break };
            if *next == sequence {
                wanted.next();
                let damaged = |what: &str| ReadError::Corrupt {
                    path: core.folder.clone(),
                    offset: 0,
                    what: format!("{what} (in memory)"),
                };
                found.insert(sequence, take_record(&mut bytes, sequence).map_err(damaged));
            } else {
                let length = outline(&bytes).map_or(bytes.len(), |seen| seen.length);
                bytes.advance(length);
            }
        }
        rest = after;
    }
    found
}

fn from_disk(core: &Core, track: &Track, sequences: &[u64]) -> Found {
    let mut found = Found::new();
    for sequence in sequences {
        if found.contains_key(sequence) {
            continue;
        }
        match reader::span_of_message(core, track, *sequence) {
            Ok(records) => {
                let records: Arc<[StoredRecord]> = records.into();
                locked(&core.bodies).keep(track.id, &records);
                let wanted =
                    records.iter().filter(|record| sequences.binary_search(&record.sequence).is_ok());
                found.extend(wanted.map(|record| (record.sequence, Ok(record.clone()))));
            }
            Err(error) => {
                found.insert(*sequence, Err(error));
            }
        }
    }
    found
}
