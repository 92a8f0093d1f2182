//! Sequence numbers as AWS writes them: 56 decimal digits that carry the shard, a count and a time.
//!
//! The layout of the current version, by research published with open-source emulators, in
//! hexadecimal digits from the left: `2`; 9 of the second the shard was made in; the last digit of the
//! shard's index; 16 of a count; 2 zeroes; 9 of the second the record came in; 8 of the shard's index;
//! `2`, the version. The count of a record is its sequence in the store plus one, so that the shard's
//! starting number, with count 0, comes before every record.

mod numbering;
mod wide;

use crate::wire::protocol::decimal::Digits;
pub use numbering::Numbering;
use wide::Wide;

/// The count in the ending number of a closed shard.
const LAST_COUNT: u64 = i64::MAX as u64;
/// How much older than its stream a first shard is, in seconds.
const OLDER: u64 = 4;
/// Seconds need 36 bits.
const SECONDS: u128 = (1 << 36) - 1;
/// What is added to old numbers that are written without their leading digit.
const OLD: u128 = 1 << 124;
/// The first second that AWS refuses in numbers of version 0.
const OLD_SECONDS_END: u64 = 16_025_175_000;

/// Which shard a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The second in which the shard was made, since 1970.
    pub created_s: u64,
    pub shard: u32,
}

/// A sequence number, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceNumber {
    /// 0, 1 or 2; we give only 2.
    pub version: u8,
    pub origin: Origin,
    /// A record's sequence in the store plus one; 0 before the first.
    pub count: u64,
    /// The second in which the record came.
    pub time_s: u64,
}

/// Why a text is no sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// AWS says that the number is invalid.
    Invalid,
    /// AWS fails at it with an internal failure.
    Failure,
}

fn seconds(at_ms: i64) -> u64 {
    u64::try_from(at_ms / 1_000).unwrap_or(0)
}

impl Origin {
    /// A shard that was made at `created_at_ms`. As AWS has it, the first shards of a stream are some
    /// seconds older than the answer that told of them, and a shard with parents is a second younger
    /// than their end: its numbers are above all of theirs.
    pub fn new(created_at_ms: i64, shard: u32, has_parent: bool) -> Self {
        let created_s = seconds(created_at_ms);
        let created_s = if has_parent { created_s + 1 } else { created_s.saturating_sub(OLDER) };
        Self { created_s, shard }
    }

    /// The number of the record with this sequence in the store.
    pub fn number(self, sequence: u64, arrived_at_ms: i64) -> SequenceNumber {
        let count = sequence.saturating_add(1);
        SequenceNumber { version: 2, origin: self, count, time_s: seconds(arrived_at_ms) }
    }

    /// The number before the shard's first record.
    pub fn starting(self) -> SequenceNumber {
        SequenceNumber { version: 2, origin: self, count: 0, time_s: self.created_s }
    }

    /// The number after the last record of a shard that was closed at `closed_at_ms`.
    pub fn ending(self, closed_at_ms: i64) -> SequenceNumber {
        SequenceNumber { version: 2, origin: self, count: LAST_COUNT, time_s: seconds(closed_at_ms) }
    }

    /// A number after which `position` is read next.
    pub fn before(self, position: u64, now_ms: i64) -> SequenceNumber {
        SequenceNumber { version: 2, origin: self, count: position, time_s: seconds(now_ms) }
    }
}

impl SequenceNumber {
    /// Reads a number of any version that AWS accepts.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let number = Wide::parse(text).ok_or(Malformed::Invalid)?;
        if number.high == 0 {
            return old(number.low);
        }
        if number.high >> 56 != 2 {
            return Err(Malformed::Invalid);
        }
        match number.low & 15 {
            1 => Ok(first(number)),
            2 => current(number),
            3 => Err(Malformed::Failure),
            _ => Err(Malformed::Invalid),
        }
    }

    /// As it is written.
    pub fn digits(self) -> Digits {
        Wide::from(self).digits()
    }

    /// How AWS repeats a number in an error: old ones with their leading digit.
    pub fn restated(text: &str) -> String {
        match Wide::parse(text) {
            Some(Wide { high: 0, low }) => (low & (OLD - 1) | OLD).to_string(),
            _ => text.to_owned(),
        }
    }

    /// Where reading begins, from this record on.
    pub fn at(self) -> u64 {
        self.count.saturating_sub(1)
    }

    /// Where reading begins, after this record.
    pub fn after(self) -> u64 {
        self.count
    }
}

fn low_bits(number: u128, bits: u32) -> u64 {
    u64::try_from(number & ((1 << bits) - 1)).unwrap_or(u64::MAX)
}

fn index(bits: u128) -> u32 {
    u32::try_from(low_bits(bits, 32)).unwrap_or(u32::MAX)
}

fn current(number: Wide) -> Result<SequenceNumber, Malformed> {
    let count = (number.high & 0xffff) << 48 | low_bits(number.low >> 80, 48);
    let shard = index(number.low >> 4);
    if count > LAST_COUNT || i32::try_from(shard).is_err() {
        return Err(Malformed::Invalid);
    }
    let origin = Origin { created_s: number.high >> 20 & low_bits(SECONDS, 36), shard };
    Ok(SequenceNumber { version: 2, origin, count, time_s: low_bits(number.low >> 36, 36) })
}

/// Version 1: the count is short and stands after the time.
fn first(number: Wide) -> SequenceNumber {
    let origin =
        Origin { created_s: number.high >> 20 & low_bits(SECONDS, 36), shard: index(number.low >> 4) };
    let time_s = (number.high & 0xff) << 28 | low_bits(number.low >> 100, 28);
    SequenceNumber { version: 1, origin, count: low_bits(number.low >> 36, 8), time_s }
}

/// Version 0, of 128 bits.
fn old(number: u128) -> Result<SequenceNumber, Malformed> {
    let created_s = low_bits(number >> 88, 36);
    if created_s >= OLD_SECONDS_END {
        return Err(Malformed::Invalid);
    }
    let origin = Origin { created_s, shard: index(number & 0xffff) };
    Ok(SequenceNumber { version: 0, origin, count: 0, time_s: 0 })
}

impl From<SequenceNumber> for Wide {
    fn from(number: SequenceNumber) -> Self {
        let Origin { created_s, shard } = number.origin;
        let high = 2 << 56
            | (created_s & low_bits(SECONDS, 36)) << 20
            | u64::from(shard & 15) << 16
            | number.count >> 48;
        let time = u128::from(number.time_s) & SECONDS;
        let low = u128::from(number.count) << 80 | time << 36 | u128::from(shard) << 4 | 2;
        Self { high, low }
    }
}

impl std::fmt::Display for SequenceNumber {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.digits().as_str())
    }
}

#[cfg(test)]
mod tests;
