//! Sidecar indexes, `log/NNNNNNNNNN.idx`: where a closed log file's records lie. Derived data: written
//! without a flush, checked when read, built again from the log file when missing or wrong.
//!
//! Little endian: magic `CIDX`, `version u16` (1), `zero u16`, `number u64`, `salt u64`, `spans u32`, the spans
//! in order of shard and sequence (`shard u32, count u32, first u64, offset u64, length u32,
//! committed_at_ms i64, order u64`), CRC32C of all before.

use super::log_file::{self, FIRST_FRAME, FileHeader, FileKind, PlacedEntry};
use super::span::Span;
use super::sum::{Order, crc32c};
use super::{disk, frame, track};
use bytes::{Buf, BufMut};
use std::path::Path;

const MAGIC: u32 = u32::from_le_bytes(*b"CIDX");
const VERSION: u16 = 1;

/// The spans of one closed log file, in order of shard and sequence.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    spans: Vec<Span>,
}

impl Index {
    pub(super) fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable_by_key(|span| (span.track, span.first));
        spans.shrink_to_fit();
        Self { spans }
    }

    pub(super) fn of_track(&self, track: u32) -> &[Span] {
        let from = self.spans.partition_point(|span| span.track < track);
        let to = self.spans.partition_point(|span| span.track <= track);
        self.spans.get(from..to).unwrap_or_default()
    }

    pub(super) fn find(&self, track: u32, sequence: u64) -> Option<Span> {
        track::span_of(self.of_track(track), sequence)
    }

    /// The first span of a track that begins after a sequence.
    pub(super) fn after(&self, track: u32, sequence: u64) -> Option<Span> {
        self.of_track(track).iter().find(|span| span.first > sequence).copied()
    }

    pub(super) fn all(&self) -> &[Span] {
        &self.spans
    }

    pub(super) fn encode(&self, number: u64, salt: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.spans.len() * 44);
        bytes.put_u32_le(MAGIC);
        bytes.put_u16_le(VERSION);
        bytes.put_u16_le(0);
        bytes.put_u64_le(number);
        bytes.put_u64_le(salt);
        bytes.put_u32_le(u32::try_from(self.spans.len()).unwrap_or(0));
        for span in &self.spans {
            bytes.put_u32_le(span.track);
            bytes.put_u32_le(span.count);
            bytes.put_u64_le(span.first);
            bytes.put_u64_le(span.offset);
            bytes.put_u32_le(span.length);
            bytes.put_i64_le(span.committed_at_ms);
            bytes.put_u64_le(span.order.0);
        }
        bytes.put_u32_le(crc32c(&bytes));
        bytes
    }

    /// Reads the index of a certain file in a certain use; `None` when it is anything else.
    pub(super) fn decode(bytes: &[u8], number: u64, salt: u64) -> Option<Self> {
        let (checked, crc) = bytes.split_last_chunk::<4>()?;
        let mut rest = checked;
        let fits = u32::from_le_bytes(*crc) == crc32c(checked)
            && rest.try_get_u32_le() == Ok(MAGIC)
            && rest.try_get_u32_le() == Ok(u32::from(VERSION))
            && rest.try_get_u64_le() == Ok(number)
            && rest.try_get_u64_le() == Ok(salt);
        if !fits {
            return None;
        }
        let count = rest.try_get_u32_le().ok()?;
        let mut span = |_| {
            Some(Span {
                track: rest.try_get_u32_le().ok()?,
                count: rest.try_get_u32_le().ok()?,
                first: rest.try_get_u64_le().ok()?,
                offset: rest.try_get_u64_le().ok()?,
                length: rest.try_get_u32_le().ok()?,
                committed_at_ms: rest.try_get_i64_le().ok()?,
                order: Order(rest.try_get_u64_le().ok()?),
            })
        };
        let spans = (0..count).map(&mut span).collect::<Option<Vec<_>>>()?;
        rest.is_empty().then_some(Self { spans })
    }
}

/// Damage met while a file was read through.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub offset: u64,
    pub what: &'static str,
}

/// Builds a closed file's index from its frames.
///
/// # Errors
/// When a frame is damaged and another follows, so that records in between are out of reach.
pub(super) fn build(image: &[u8], header: &FileHeader) -> Result<Index, Damage> {
    let (mut spans, mut end, mut lsn): (Vec<Span>, u64, u64) = (Vec::new(), FIRST_FRAME, 0);
    for frame in log_file::frames(image, header.salt, FIRST_FRAME) {
        let entries = log_file::entries(&frame).map_err(|what| Damage { offset: frame.offset, what })?;
        for entry in entries {
            if let PlacedEntry::Run(run) = entry {
                spans.extend(run.spans);
            }
        }
        (end, lsn) = (frame.end(), frame.header.lsn);
    }
    let cut = header.kind != FileKind::Written && end < header.size;
    match frame::later_frame(image, end, header.salt, lsn + 1) {
        None if cut => Err(Damage { offset: end, what: "a frame is damaged" }),
        Some(_) => Err(Damage { offset: end, what: "a frame is damaged" }),
        None => Ok(Index::new(spans)),
    }
}

pub(super) fn load(path: &Path, number: u64, salt: u64) -> Option<Index> {
    Index::decode(&disk::read_whole(path).ok()?, number, salt)
}
