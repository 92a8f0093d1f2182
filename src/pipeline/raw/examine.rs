//! Compressed objects held against the checksums within them.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// The byte of a zstd frame, and its bit, that say whether a checksum follows.
const ZSTD_FLAGS: usize = 4;
const ZSTD_CHECKSUM: u8 = 4;

/// Expands an object whose name says that it is compressed, and throws the text away. True when that held
/// it against a checksum of its own. Blocking.
///
/// # Errors
/// When what is there was not written so.
pub fn check_compressed(path: &Path) -> io::Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".jsonl.gz") {
        read_through(flate2::read::MultiGzDecoder::new(BufReader::new(File::open(path)?)))?;
        return Ok(true);
    }
    if name.ends_with(".jsonl.zst") {
        let mut head = [0; ZSTD_FLAGS + 1];
        File::open(path)?.read_exact(&mut head)?;
        read_through(zstd::stream::read::Decoder::new(File::open(path)?)?)?;
        return Ok(head.last().is_some_and(|flags| flags & ZSTD_CHECKSUM != 0));
    }
    Ok(false)
}

fn read_through(mut reader: impl Read) -> io::Result<()> {
    io::copy(&mut reader, &mut io::sink()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::raw::{
        Format,
        tests::{encode_payloads, expand},
    };

    #[test]
    fn a_compressed_object_alone_shows_every_bit_that_changed() {
        let folder = tempfile::tempdir().unwrap();
        let payloads: Vec<String> = (0..50).map(|n| format!("{{\"n\":{n},\"text\":\"abcdef\"}}")).collect();
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        for format in [Format::JsonLinesGzip, Format::JsonLinesZstd] {
            let path = folder.path().join(format!("one.{}", format.extension()));
            let bytes = encode_payloads(format, &payloads);
            std::fs::write(&path, &bytes).unwrap();
            assert!(check_compressed(&path).unwrap());
            let text = expand(format, &bytes);
            for at in 0..bytes.len() {
                let mut hurt = bytes.clone();
                hurt[at] ^= 0x10;
                std::fs::write(&path, &hurt).unwrap();
                // The header of gzip has bytes that say nothing of the content.
                let unharmed = || expand(format, &hurt) == text;
                assert!(check_compressed(&path).is_err() || unharmed(), "{format:?} at {at}");
            }
        }
    }
}
