//! Log files: `log/NNNNNNNNNN.log`, a header block of 512 bytes and frames.
//!
//! Header, little endian: magic `CLOG`, `version u16` (2; a file of version 1 is
//! read but not written on), `kind u16` (0 as written by commits, 1 rewritten
//! without its dead runs, 2 salvaged by the doctor), `number u64`, `salt u64`, `origin_salt u64` (the salt
//! before a rewrite, which the manifest may still name), `size u64` (bytes the file has been given),
//! zeros, at 508 the CRC32C of the 508 bytes before.

use super::entry::{Entry, Run, take_entry};
use super::frame::{FRAME_ALIGNMENT, Frame, frame_at};
use super::queue::MessageKeys;
use super::span::{SPAN_BYTES, Span};
use super::sum::{Order, crc32c};
use super::{block, disk};
use bytes::{Buf, BufMut};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Where the first frame of a file begins.
pub(super) const FIRST_FRAME: u64 = FRAME_ALIGNMENT as u64;
/// The file that is kept for a full disk.
pub(super) const BALLAST: &str = "ballast";
const HEADER: usize = FRAME_ALIGNMENT;
const MAGIC: u32 = u32::from_le_bytes(*b"CLOG");
pub(super) const LOG_VERSION: u16 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Written,
    Rewritten,
    Salvaged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub kind: FileKind,
    pub number: u64,
    pub salt: u64,
    pub origin_salt: u64,
    pub size: u64,
}

/// Why a file's header cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Damaged(&'static str),
    Version(u16),
}

pub(super) fn log_folder(folder: &Path) -> PathBuf {
    folder.join("log")
}

pub(super) fn log_path(folder: &Path, number: u64) -> PathBuf {
    log_folder(folder).join(format!("{number:010}.log"))
}

pub(super) fn index_path(folder: &Path, number: u64) -> PathBuf {
    log_folder(folder).join(format!("{number:010}.idx"))
}

/// The number in a log file's name.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
    name.parse().ok()
}

impl FileHeader {
    pub(super) fn new(number: u64, size: u64) -> Self {
        let salt = rand::random();
        Self { kind: FileKind::Written, number, salt, origin_salt: salt, size }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.put_u32_le(MAGIC);
        bytes.put_u16_le(LOG_VERSION);
        bytes.put_u16_le(match self.kind {
            FileKind::Written => 0,
            FileKind::Rewritten => 1,
            FileKind::Salvaged => 2,
        });
        bytes.put_u64_le(self.number);
        bytes.put_u64_le(self.salt);
        bytes.put_u64_le(self.origin_salt);
        bytes.put_u64_le(self.size);
        bytes.put_bytes(0, HEADER - 4 - bytes.len());
        bytes.put_u32_le(crc32c(&bytes));
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        const CUT: BadHeader = BadHeader::Damaged("the file header is cut");
        let (checked, rest) = bytes.split_at_checked(HEADER - 4).ok_or(CUT)?;
        let crc = rest.get(..4).ok_or(CUT)?.get_u32_le();
        let mut fields = checked;
        if crc != crc32c(checked) || fields.get_u32_le() != MAGIC {
            return Err(BadHeader::Damaged("the file header's checksum does not match"));
        }
        let version = fields.get_u16_le();
        if version > LOG_VERSION {
            return Err(BadHeader::Version(version));
        }
        let kind = match fields.get_u16_le() {
            0 => FileKind::Written,
            1 => FileKind::Rewritten,
            2 => FileKind::Salvaged,
            _ => return Err(BadHeader::Damaged("the file header names an unknown kind")),
        };
        Ok(Self {
            kind,
            number: fields.get_u64_le(),
            salt: fields.get_u64_le(),
            origin_salt: fields.get_u64_le(),
            size: fields.get_u64_le(),
        })
    }

    pub(super) fn read(file: &File) -> io::Result<Result<Self, BadHeader>> {
        let mut bytes = [0; HEADER];
        match disk::read_at(file, &mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Err(BadHeader::Damaged("the file header is cut")))
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Self::decode(&bytes)),
        }
    }
}

/// True when a file has the present version and may be written on.
pub(super) fn is_current(path: &Path) -> io::Result<bool> {
    let mut bytes = [0; 6];
    disk::read_at(&disk::open(path)?, &mut bytes, 0)?;
    Ok(bytes.get(4..) == Some(&LOG_VERSION.to_le_bytes()[..]))
}

/// The whole frames of a file's image from `offset` on, up to the first place without one.
pub(super) fn frames(image: &[u8], salt: u64, offset: u64) -> impl Iterator<Item = Frame<'_>> {
    std::iter::successors(frame_at(image, offset, salt), move |frame| frame_at(image, frame.end(), salt))
}

/// A run and where its records lie.
pub(super) struct PlacedRun<'a> {
    pub run: Run,
    pub keys: Vec<MessageKeys>,
    pub records: &'a [u8],
    pub spans: Vec<Span>,
}

/// An entry of a frame, its run located in the file.
pub(super) enum PlacedEntry<'a> {
    Run(PlacedRun<'a>),
    Operation(super::entry::Operation),
}

/// All entries of a frame.
pub(super) fn entries<'a>(frame: &Frame<'a>) -> Result<Vec<PlacedEntry<'a>>, &'static str> {
    let mut rest = frame.payload;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let before = rest.len();
        entries.push(match take_entry(&mut rest).ok_or("an entry of a frame cannot be read")? {
            Entry::Operation(operation) => PlacedEntry::Operation(operation),
            Entry::Run(run, keys, records) => {
                let into_frame = frame.payload.len() - before + (before - rest.len() - records.len());
                let offset = frame.payload_offset() + into_frame as u64;
                let spans = spans_of(&run, records, offset, frame.header.committed_at_ms)?;
                PlacedEntry::Run(PlacedRun { run, keys, records, spans })
            }
        });
    }
    let expected = usize::try_from(frame.header.entries).unwrap_or(usize::MAX);
    if entries.len() == expected { Ok(entries) } else { Err("a frame's entries are not as many as it says") }
}

fn spans_of(run: &Run, records: &[u8], offset: u64, at_ms: i64) -> Result<Vec<Span>, &'static str> {
    let mut spans: Vec<Span> = Vec::new();
    let (mut rest, mut first, mut at) = (records, run.first, offset);
    while let Some(seen) = block::outline(rest) {
        let length = u32::try_from(seen.length).unwrap_or(u32::MAX);
        match spans.last_mut() {
            Some(last) if last.length as usize + seen.length <= SPAN_BYTES => {
                last.count += 1;
                last.length += length;
                last.order.add(seen.crc);
            }
            _ => {
                let mut order = Order::default();
                order.add(seen.crc);
                let (track, committed_at_ms) = (run.track, at_ms);
                spans.push(Span { track, count: 1, first, offset: at, length, committed_at_ms, order });
            }
        }
        first += 1;
        at += seen.length as u64;
        rest = rest.get(seen.length..).unwrap_or_default();
    }
    let whole = rest.is_empty() && first == run.first + u64::from(run.count);
    if whole { Ok(spans) } else { Err("a run's records are not as many as it says") }
}

/// A file's whole contents; empty files read as nothing.
pub(super) fn image(path: &Path) -> io::Result<Vec<u8>> {
    disk::read_whole(path)
}
