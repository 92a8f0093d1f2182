//! Checksums beside a file, in the form of Hadoop's `ChecksumFileSystem`, which Spark uses for local disks:
//! `.NAME.crc` holds `crc` and a zero byte, then how many bytes one checksum covers, then the CRC-32 (of
//! IEEE 802.3, gzip and zlib) of each such part of `NAME` in turn. The last part may be shorter. Numbers are
//! 32 bits, big endian.

use crc_fast::{CrcAlgorithm, Digest};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Bytes that one checksum covers in files written here. Readers take it from the header.
pub const BYTES_PER_SUM: usize = 4096;
/// More bytes than this for one checksum are no header that anybody has written.
pub const MOST_BYTES_PER_SUM: u32 = 64 << 20;
pub const HEADER: usize = 8;
pub const SUM: usize = 4;
const MAGIC: [u8; 4] = *b"crc\0";
/// A hint in the log of a Delta table that any writer replaces, and readers check and may ignore.
const HINT: &str = "_last_checkpoint";

/// Whether a file of this name holds checksums of another.
pub fn holds_sums(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".crc")
}

/// Where the checksums of a file lie; `None` for files that have none.
pub fn sums_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    if name.to_str().is_some_and(|name| holds_sums(name) || name == HINT) {
        return None;
    }
    Some(path.with_file_name(beside(name)))
}

/// Where checksums of a file would lie, whether it may have some or not.
pub fn place_of_sums(path: &Path) -> Option<PathBuf> {
    Some(path.with_file_name(beside(path.file_name()?)))
}

/// The file that checksums of this name belong to.
pub fn summed_by(sums: &Path) -> Option<PathBuf> {
    let name = sums.file_name()?.to_str()?.strip_prefix('.')?.strip_suffix(".crc")?;
    (!name.is_empty()).then(|| sums.with_file_name(name))
}

fn beside(name: &std::ffi::OsStr) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".crc");
    hidden
}

pub fn crc32(bytes: &[u8]) -> u32 {
    low_half(crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, bytes))
}

fn low_half(sum: u64) -> u32 {
    u32::try_from(sum & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// How many bytes one checksum covers, from the header of a file of checksums; `None` when it is none.
pub fn bytes_per_sum(header: [u8; HEADER]) -> Option<u32> {
    let [a, b, c, d, size @ ..] = header;
    let size = u32::from_be_bytes(size);
    ([a, b, c, d] == MAGIC && (1..=MOST_BYTES_PER_SUM).contains(&size)).then_some(size)
}

/// Checksums of a file whose bytes come in order, in pieces of any size.
pub struct Sums {
    encoded: Vec<u8>,
    /// Over the part that is not full yet.
    part: Digest,
    in_part: usize,
}

impl std::fmt::Debug for Sums {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sums").field("bytes", &self.encoded.len()).finish_non_exhaustive()
    }
}

impl Default for Sums {
    fn default() -> Self {
        let size = u32::try_from(BYTES_PER_SUM).unwrap_or(MOST_BYTES_PER_SUM);
        let encoded = [MAGIC, size.to_be_bytes()].concat();
        Self { encoded, part: Digest::new(CrcAlgorithm::Crc32IsoHdlc), in_part: 0 }
    }
}

impl Sums {
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut sums = Self::default();
        pieces.into_iter().for_each(|piece| sums.add(piece));
        sums
    }

    pub fn add(&mut self, piece: &[u8]) {
        let (begun, rest) = match self.in_part {
            0 => (&[][..], piece),
            some => piece.split_at(piece.len().min(BYTES_PER_SUM - some)),
        };
        self.fill(begun);
        let mut parts = rest.chunks_exact(BYTES_PER_SUM);
        for part in &mut parts {
            self.encoded.extend(crc32(part).to_be_bytes());
        }
        self.fill(parts.remainder());
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.part.update(bytes);
        self.in_part += bytes.len();
        if self.in_part == BYTES_PER_SUM {
            self.end_part();
        }
    }

    fn end_part(&mut self) {
        self.encoded.extend(low_half(self.part.finalize()).to_be_bytes());
        self.part.reset();
        self.in_part = 0;
    }

    /// The content of the file of checksums.
    pub fn encoded(mut self) -> Vec<u8> {
        if self.in_part > 0 {
            self.end_part();
        }
        self.encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_hadoops() {
        // 123456789 is the CRC catalogue's own example.
        let encoded = Sums::of([&b"123456789"[..]]).encoded();
        assert_eq!(encoded, [b"crc\0", &[0, 0, 0x10, 0], &0xCBF4_3926_u32.to_be_bytes()[..]].concat());
        assert_eq!(Sums::default().encoded().len(), HEADER, "an empty file has no parts");
    }

    #[test]
    fn pieces_of_any_size_give_the_same_sums() {
        let bytes: Vec<u8> =
            (0..20_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        let whole = Sums::of([&bytes[..]]).encoded();
        assert_eq!(whole.len(), HEADER + SUM * 5);
        for (at, sum) in bytes.chunks(BYTES_PER_SUM).zip(whole[HEADER..].chunks(SUM)) {
            assert_eq!(crc32(at).to_be_bytes(), sum);
        }
        for piece in [1, 7, 4095, 4096, 4097, 9000] {
            assert_eq!(Sums::of(bytes.chunks(piece)).encoded(), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn names_lead_both_ways() {
        let (file, sums) = (Path::new("/a/b.json"), PathBuf::from("/a/.b.json.crc"));
        assert_eq!(sums_of(file), Some(sums.clone()));
        assert_eq!(summed_by(&sums), Some(file.to_owned()));
        assert_eq!(sums_of(&sums), None, "checksums have none of their own");
        assert_eq!(sums_of(Path::new("/a/_delta_log/_last_checkpoint")), None);
        assert_eq!((summed_by(Path::new("/a/.crc")), holds_sums("1.crc")), (None, false));
    }

    #[test]
    fn a_header_that_nobody_wrote_is_none() {
        assert_eq!(bytes_per_sum(*b"crc\0\0\0\x02\0"), Some(512));
        for bad in [*b"crc\x01\0\0\x02\0", *b"crc\0\0\0\0\0", *b"crc\0\xff\0\0\0"] {
            assert_eq!(bytes_per_sum(bad), None);
        }
    }
}
