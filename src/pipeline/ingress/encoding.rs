//! Content encodings, expanded to a hard bound.

use bytes::Bytes;
use std::io::Read;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Why a body cannot be expanded.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExpandError {
    #[error("the body expands to more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the body is not valid {encoding}: {cause}")]
    Damaged { encoding: &'static str, cause: std::io::Error },
}

/// Largest window a zstd sender may ask for, as a power of two: 8 MiB, the most that
/// the content coding allows (RFC 9659), so that a small body cannot claim much memory.
const LARGEST_WINDOW: u32 = 23;

impl Encoding {
    /// Reads the value of `Content-Encoding`; `None` when it is not one we take.
    pub(super) fn read(header: &str) -> Option<Self> {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The body as it was before encoding, at most `limit` bytes.
    pub(super) fn expand(self, body: Bytes, limit: u64) -> Result<Bytes, ExpandError> {
        let damaged = |encoding| move |cause| ExpandError::Damaged { encoding, cause };
        match self {
            Self::Identity if body.len() as u64 > limit => Err(ExpandError::TooLarge { limit }),
            Self::Identity => Ok(body),
            Self::Gzip => {
                let expanded = bounded(flate2::bufread::MultiGzDecoder::new(&*body), body.len(), limit);
                expanded.map_err(damaged("gzip"))?.ok_or(ExpandError::TooLarge { limit })
            }
            Self::Zstd => {
                let expanded = zstd::stream::read::Decoder::with_buffer(&*body).and_then(|mut decoder| {
                    decoder.window_log_max(LARGEST_WINDOW)?;
                    bounded(decoder, body.len(), limit)
                });
                expanded.map_err(damaged("zstd"))?.ok_or(ExpandError::TooLarge { limit })
            }
        }
    }
}

/// All that comes, or `None` when it is more than the limit.
fn bounded(from: impl Read, encoded: usize, limit: u64) -> std::io::Result<Option<Bytes>> {
    let likely = u64::try_from(encoded).unwrap_or(u64::MAX).saturating_mul(4).min(limit);
    let mut expanded = Vec::with_capacity(usize::try_from(likely).unwrap_or(0));
    from.take(limit.saturating_add(1)).read_to_end(&mut expanded)?;
    Ok((expanded.len() as u64 <= limit).then(|| expanded.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(text, 3).unwrap()
    }

    #[test]
    fn what_was_encoded_is_expanded_even_in_several_members() {
        let text = b"{\"a\":1}\n".repeat(1_000);
        let twice = [gzip(&text), gzip(&text)].concat();
        assert_eq!(Encoding::Gzip.expand(twice.into(), 1 << 20).unwrap(), text.repeat(2));
        let twice = [zstd(&text), zstd(&text)].concat();
        assert_eq!(Encoding::Zstd.expand(twice.into(), 1 << 20).unwrap(), text.repeat(2));
        assert_eq!(Encoding::Identity.expand(text.clone().into(), 1 << 20).unwrap(), text);
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let zeros = vec![b' '; 64 << 20];
        for (encoding, bomb) in [(Encoding::Gzip, gzip(&zeros)), (Encoding::Zstd, zstd(&zeros))] {
            let refused = encoding.expand(bomb.into(), 1 << 20);
            assert!(matches!(refused, Err(ExpandError::TooLarge { limit: 1_048_576 })), "{encoding:?}");
        }
        assert!(Encoding::Identity.expand(vec![0; 11].into(), 10).is_err());
    }

    #[test]
    fn a_limit_is_met_exactly() {
        let text = vec![b' '; 1_000];
        assert_eq!(Encoding::Gzip.expand(gzip(&text).into(), 1_000).unwrap().len(), 1_000);
        assert!(Encoding::Gzip.expand(gzip(&text).into(), 999).is_err());
    }

    #[test]
    fn a_window_that_claims_much_memory_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
        let body = encoder.finish().unwrap();
        assert!(matches!(Encoding::Zstd.expand(body.into(), 1 << 30), Err(ExpandError::Damaged { .. })));
    }

    #[test]
    fn damaged_and_cut_bodies_are_refused() {
        let text = b"{\"a\":1}\n".repeat(1_000);
        for (encoding, mut body) in [(Encoding::Gzip, gzip(&text)), (Encoding::Zstd, zstd(&text))] {
            body.truncate(body.len() / 2);
            let cut = encoding.expand(body.into(), 1 << 20);
            assert!(matches!(cut, Err(ExpandError::Damaged { .. })), "{encoding:?}");
            assert!(encoding.expand(Bytes::from_static(b"not encoded at all"), 1 << 20).is_err());
        }
    }

    #[test]
    fn other_encodings_are_not_taken() {
        assert_eq!(Encoding::read("GZIP "), Some(Encoding::Gzip));
        assert_eq!(Encoding::read(""), Some(Encoding::Identity));
        for other in ["br", "deflate", "gzip, zstd", "compress"] {
            assert_eq!(Encoding::read(other), None, "{other}");
        }
    }
}
