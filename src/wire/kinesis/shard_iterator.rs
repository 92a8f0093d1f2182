//! Shard iterators: a place in a shard, valid for five minutes, complete in themselves.

use super::{errors, seal::Seal};
use crate::wire::ServiceError;
use jiff::Timestamp;

/// How long an iterator is valid, in milliseconds.
const VALID: i64 = 300_000;
const PURPOSE: &str = "iterator";
/// Bytes of the numbers, and of the lengths of three names.
const FIXED: usize = 8 + 8 + 8 + 4 + 3;

/// A place in a shard of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardIterator {
    pub account: String,
    pub region: String,
    pub stream: String,
    pub shard: u32,
    /// When the shard was made: a stream of the same name made later has other shards.
    pub shard_created_at_ms: i64,
    /// The next sequence to read, as the store counts.
    pub position: u64,
}

impl ShardIterator {
    /// As clients carry it. AWS's are as long as this, which grows with the stream's name.
    pub(super) fn close(&self, seal: &Seal, now_ms: i64) -> String {
        let mut content =
            Vec::with_capacity(FIXED + self.account.len() + self.region.len() + self.stream.len());
        content.extend_from_slice(&now_ms.to_be_bytes());
        content.extend_from_slice(&self.position.to_be_bytes());
        content.extend_from_slice(&self.shard_created_at_ms.to_be_bytes());
        content.extend_from_slice(&self.shard.to_be_bytes());
        for name in [&self.account, &self.region, &self.stream] {
            // Names have at most 128 letters.
            content.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            content.extend_from_slice(name.as_bytes());
        }
        seal.close(PURPOSE, &content, 152 + (self.stream.len() + 2) / 16 * 16)
    }

    /// Reads an iterator, which may stand in quotes.
    ///
    /// # Errors
    /// `InvalidArgumentException` for what was not given here, `ExpiredIteratorException` after five minutes.
    pub(super) fn open(seal: &Seal, text: &str, now_ms: i64) -> Result<Self, ServiceError> {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let content = seal.open(PURPOSE, bare);
        let read = content.as_deref().and_then(Self::read);
        let (given_at_ms, iterator) =
            read.ok_or_else(|| errors::invalid_argument("Invalid ShardIterator."))?;
        if now_ms.saturating_sub(given_at_ms) >= VALID {
            return Err(expired(given_at_ms, now_ms));
        }
        Ok(iterator)
    }

    fn read(content: &[u8]) -> Option<(i64, Self)> {
        let (given, rest) = content.split_first_chunk()?;
        let (position, rest) = rest.split_first_chunk()?;
        let (created, rest) = rest.split_first_chunk()?;
        let (shard, rest) = rest.split_first_chunk()?;
        let (account, rest) = name(rest)?;
        let (region, rest) = name(rest)?;
        let (stream, _) = name(rest)?;
        let iterator = Self {
            account,
            region,
            stream,
            shard: u32::from_be_bytes(*shard),
            shard_created_at_ms: i64::from_be_bytes(*created),
            position: u64::from_be_bytes(*position),
        };
        Some((i64::from_be_bytes(*given), iterator))
    }
}

fn name(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((String::from_utf8(name.to_vec()).ok()?, rest))
}

/// A time as Java writes it.
fn java_time(at_ms: i64) -> String {
    let time = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

fn expired(given_at_ms: i64, now_ms: i64) -> ServiceError {
    let (given, now) = (java_time(given_at_ms), java_time(now_ms));
    ServiceError::bad_request(
        "ExpiredIteratorException",
        format!(
            "Iterator expired. The iterator was created at time {given} while right now it is {now} which is \
             further in the future than the tolerated delay of {VALID} milliseconds."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};

    const NOW: i64 = 1_700_000_000_000;

    fn iterator(stream: &str) -> ShardIterator {
        ShardIterator {
            account: "000000000000".to_owned(),
            region: "eu-central-1".to_owned(),
            stream: stream.to_owned(),
            shard: 3,
            shard_created_at_ms: NOW - 5_000,
            position: 42,
        }
    }

    #[test]
    fn an_iterator_comes_back_with_or_without_quotes() {
        let seal = Seal::new(b"secret");
        for stream in ["a", "trips", &"x".repeat(128)] {
            let text = iterator(stream).close(&seal, NOW);
            assert!(text.len() <= 512);
            let length = BASE64_STANDARD.decode(&text).unwrap().len();
            assert_eq!(length, 152 + (stream.len() + 2) / 16 * 16);
            assert_eq!(ShardIterator::open(&seal, &text, NOW + 1), Ok(iterator(stream)));
            assert_eq!(ShardIterator::open(&seal, &format!("\"{text}\""), NOW + 1), Ok(iterator(stream)));
        }
    }

    #[test]
    fn after_five_minutes_it_is_refused_with_both_times() {
        let seal = Seal::new(b"secret");
        let text = iterator("trips").close(&seal, NOW);
        assert!(ShardIterator::open(&seal, &text, NOW + 299_999).is_ok());
        let refused = ShardIterator::open(&seal, &text, NOW + 300_000).unwrap_err();
        assert_eq!(refused.code, "ExpiredIteratorException");
        assert_eq!(
            refused.message,
            "Iterator expired. The iterator was created at time Tue Nov 14 22:13:20 UTC 2023 while right now \
             it is Tue Nov 14 22:18:20 UTC 2023 which is further in the future than the tolerated delay of \
             300000 milliseconds."
        );
    }

    #[test]
    fn what_was_not_given_here_is_no_iterator() {
        let seal = Seal::new(b"secret");
        for text in ["x", "", "\"\"", "AAAAAAAAAAE=", &iterator("a").close(&Seal::new(b"other"), NOW)] {
            let refused = ShardIterator::open(&seal, text, NOW).unwrap_err();
            assert_eq!(
                (refused.code, refused.message.as_str()),
                ("InvalidArgumentException", "Invalid ShardIterator.")
            );
        }
    }
}
