//! A frame: what one commit writes, all of it or nothing.
//!
//! A frame begins on a 512-byte boundary, so that a torn write can never hurt an earlier frame:
//! a header of 64 bytes, the payload, zeros up to the next boundary. Header, little endian:
//!
//! | at | what |
//! |---|---|
//! | 0 | magic `CFRM` |
//! | 4 | `version u16` (1) |
//! | 6 | `kind u16`: 1 a commit, 2 what rewriting a file kept of one |
//! | 8 | `payload_length u32` |
//! | 12 | `entries u32` |
//! | 16 | `salt u64`: the file's, so that what an earlier use of the file left never validates |
//! | 24 | `lsn u64`: dense, from 1 |
//! | 32 | `committed_at_ms i64`, the wall clock's |
//! | 40 | `payload_crc u32` (CRC32C) |
//! | 44 | `steady_ms i64`, the steady clock's (0 in version 1 of the log, where it was the same) |
//! | 52 | zeros |
//! | 60 | `header_crc u32` (CRC32C of the 60 bytes before) |

use super::clock::Time;
use super::sum::crc32c;
use bytes::{Buf, BufMut};

pub(super) const FRAME_HEADER: usize = 64;
pub(super) const FRAME_ALIGNMENT: usize = 512;
const MAGIC: u32 = u32::from_le_bytes(*b"CFRM");
const VERSION: u16 = 1;
const CHECKED: usize = FRAME_HEADER - 4;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Commit,
    Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub kind: FrameKind,
    pub payload_length: u32,
    pub entries: u32,
    pub salt: u64,
    pub lsn: u64,
    pub committed_at_ms: i64,
    pub steady_ms: i64,
    pub payload_crc: u32,
}

/// A frame found in a file's image, its checksums verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub header: FrameHeader,
    /// Where the frame begins in the file.
    pub offset: u64,
    pub payload: &'a [u8],
}

impl FrameHeader {
    pub(super) fn encode(&self) -> [u8; FRAME_HEADER] {
        let mut bytes = Vec::with_capacity(FRAME_HEADER);
        bytes.put_u32_le(MAGIC);
        bytes.put_u16_le(VERSION);
        bytes.put_u16_le(match self.kind {
            FrameKind::Commit => 1,
            FrameKind::Kept => 2,
        });
        bytes.put_u32_le(self.payload_length);
        bytes.put_u32_le(self.entries);
        bytes.put_u64_le(self.salt);
        bytes.put_u64_le(self.lsn);
        bytes.put_i64_le(self.committed_at_ms);
        bytes.put_u32_le(self.payload_crc);
        bytes.put_i64_le(self.steady_ms);
        bytes.put_bytes(0, CHECKED - bytes.len());
        bytes.put_u32_le(crc32c(&bytes));
        bytes.try_into().unwrap_or([0; FRAME_HEADER])
    }

    /// Reads a header; `None` when there is none, or a damaged one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let checked = bytes.get(..CHECKED)?;
        let mut rest = checked;
        if rest.try_get_u32_le().ok()? != MAGIC || rest.try_get_u16_le().ok()? != VERSION {
            return None;
        }
        let kind = match rest.try_get_u16_le().ok()? {
            1 => FrameKind::Commit,
            2 => FrameKind::Kept,
            _ => return None,
        };
        let mut header = Self {
            kind,
            payload_length: rest.try_get_u32_le().ok()?,
            entries: rest.try_get_u32_le().ok()?,
            salt: rest.try_get_u64_le().ok()?,
            lsn: rest.try_get_u64_le().ok()?,
            committed_at_ms: rest.try_get_i64_le().ok()?,
            payload_crc: rest.try_get_u32_le().ok()?,
            steady_ms: rest.try_get_i64_le().ok()?,
        };
        if header.steady_ms == 0 {
            header.steady_ms = header.committed_at_ms;
        }
        let crc = bytes.get(CHECKED..)?.try_get_u32_le().ok()?;
        (crc == crc32c(checked)).then_some(header)
    }

    pub(super) fn time(&self) -> Time {
        Time { wall_ms: self.committed_at_ms, steady_ms: self.steady_ms }
    }
}

/// Bytes that a frame takes in its file.
pub(super) fn frame_size(payload: usize) -> usize {
    (FRAME_HEADER + payload).next_multiple_of(FRAME_ALIGNMENT)
}

impl Frame<'_> {
    /// Where the next frame begins.
    pub(super) fn end(&self) -> u64 {
        self.offset + frame_size(self.payload.len()) as u64
    }
    /// Where the payload begins in the file.
    pub(super) fn payload_offset(&self) -> u64 {
        self.offset + FRAME_HEADER as u64
    }
}

/// The frame at `offset` of a file's image, if a whole and undamaged one with this salt is there.
pub(super) fn frame_at(image: &[u8], offset: u64, salt: u64) -> Option<Frame<'_>> {
    let bytes = image.get(usize::try_from(offset).ok()?..)?;
    let header = FrameHeader::decode(bytes).filter(|header| header.salt == salt)?;
    let end = FRAME_HEADER.checked_add(usize::try_from(header.payload_length).ok()?)?;
    let payload = bytes.get(FRAME_HEADER..end)?;
    (crc32c(payload) == header.payload_crc).then_some(Frame { header, offset, payload })
}

/// The first frame after `offset` whose LSN is at least `lsn`: proof that the log went on there.
pub(super) fn later_frame(image: &[u8], offset: u64, salt: u64, lsn: u64) -> Option<Frame<'_>> {
    let mut at = offset.next_multiple_of(FRAME_ALIGNMENT as u64);
    while usize::try_from(at).is_ok_and(|at| at < image.len()) {
        if let Some(frame) = frame_at(image, at, salt).filter(|frame| frame.header.lsn >= lsn) {
            return Some(frame);
        }
        at += FRAME_ALIGNMENT as u64;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Vec<u8> {
        let payload = b"a payload";
        let header = FrameHeader {
            kind: FrameKind::Commit,
            payload_length: payload.len() as u32,
            entries: 1,
            salt: 7,
            lsn: 3,
            committed_at_ms: 9,
            steady_ms: 8,
            payload_crc: crc32c(payload),
        };
        let mut image = vec![0; 1024];
        image.extend(header.encode());
        image.extend(payload);
        image.resize(2048, 0);
        image
    }

    #[test]
    fn a_frame_is_found_where_it_was_written_and_only_with_its_salt() {
        let image = image();
        let frame = frame_at(&image, 1024, 7).unwrap();
        assert_eq!((frame.header.lsn, frame.payload, frame.end()), (3, &b"a payload"[..], 1536));
        assert!(frame_at(&image, 1024, 8).is_none());
        assert!(frame_at(&image, 512, 7).is_none());
        assert_eq!(later_frame(&image, 10, 7, 3).unwrap().offset, 1024);
        assert!(later_frame(&image, 10, 7, 4).is_none());
    }

    #[test]
    fn no_flipped_bit_goes_unseen() {
        let whole = image();
        for bit in 0..(FRAME_HEADER + 9) * 8 {
            let mut image = whole.clone();
            image[1024 + bit / 8] ^= 1 << (bit % 8);
            assert!(frame_at(&image, 1024, 7).is_none(), "bit {bit}");
        }
    }
}
