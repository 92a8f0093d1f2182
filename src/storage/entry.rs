//! The entries of a frame's payload.
//!
//! Each begins with a tag byte. Numbers are little endian; a text is `length u16` and UTF-8,
//! a value is `length u32` and bytes. Tags above 10 exist since version 2 of the log.
//!
//! | tag | entry |
//! |---|---|
//! | 1 | records of a shard: `shard u32, first_sequence u64, count u32, length u32`, records |
//! | 2 | messages of a queue: `queue u32, first_sequence u64, count u32, length u32, visible_at_ms i64`, records |
//! | 3 | settled: `queue u32, sequence u64` |
//! | 4 | released: `queue u32, sequence u64, receive_count u32, visible_at_ms i64` |
//! | 5 | leased: `queue u32, sequence u64, receive_count u32, first_received_at_ms i64, visible_again_at_ms i64` |
//! | 6 | expired: `queue u32, sequence u64` |
//! | 7 | registry put: `expires_at_ms i64` (the smallest number: never), key text, value |
//! | 8 | registry remove: key text |
//! | 9 | declared: `id u32, kind u8` (0 shard, 1 queue), `max_receives u32` (0: none), `retention_ms u64` (0: none), name text |
//! | 10 | trimmed: `shard u32, first u64` |
//! | 11 | messages with keys: as 2, then for each message `which u8` (1 a group, 2 a deduplication id) and 16 bytes for each, then records |
//! | 12 | visibility changed: as 4 |
//! | 13 | receive attempt: `queue u32, id 16 bytes, first_at_ms i64, visible_again_at_ms i64, count u32`, for each message `sequence u64, receive_count u32` |
//! | 14 | purged: `queue u32, before u64` (the first sequence that stays) |
//! | 15 | queue deleted: `queue u32` |
//! | 16 | queue declared: `id u32`, policy, name text |
//!
//! A policy is `max_receives u32` (0: none), `retention_ms u64` (0: none), `flags u8` (1 FIFO, 2 ids are
//! deduplicated within their group), `delay_ms u64, in_flight_limit u32` (0: none). Times of queues are
//! the steady clock's, others the wall clock's.

pub(super) use super::operation::{Operation, put_policy, take_policy, take_policy_1};

use super::queue::{Fingerprint, MessageKeys};
use bytes::{Buf, BufMut};

/// Longest key of the registry, in bytes.
pub(super) const MAX_KEY: usize = 4096;
/// Largest value of the registry, in bytes.
pub(super) const MAX_VALUE: usize = 1 << 20;
/// Bytes of a run's entry before its records, at most, without its keys.
pub(super) const RUN_HEAD: usize = 29;
/// Bytes of one message's keys, at most.
pub(super) const KEYS: usize = 33;
const NEVER: i64 = i64::MIN;
const RECORDS: u8 = 1;
const MESSAGES: u8 = 2;
const KEYED_MESSAGES: u8 = 11;

/// What a declared name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Shard,
    Queue,
}

/// Records of one shard or messages of one queue, side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub track: u32,
    pub first: u64,
    pub count: u32,
    pub length: u32,
    /// `None` for a shard's records.
    pub visible_at_ms: Option<i64>,
}

/// An entry as it is read back; a run is followed by its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// With the keys of its messages, if it has any.
    Run(Run, Vec<MessageKeys>, &'a [u8]),
    Operation(Operation),
}

pub(super) fn put_text(out: &mut impl BufMut, text: &str) {
    out.put_u16_le(u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.put_slice(text.as_bytes());
}

pub(super) fn put_value(out: &mut impl BufMut, value: &[u8]) {
    out.put_u32_le(u32::try_from(value.len()).unwrap_or(u32::MAX));
    out.put_slice(value);
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

pub(super) fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let length = bytes.try_get_u16_le().ok()?;
    String::from_utf8(take(bytes, length.into())?.to_vec()).ok()
}

pub(super) fn take_value<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(bytes.try_get_u32_le().ok()?).ok()?;
    take(bytes, length)
}

pub(super) fn put_expiry(out: &mut impl BufMut, expires_at_ms: Option<i64>) {
    out.put_i64_le(expires_at_ms.unwrap_or(NEVER));
}

pub(super) fn take_expiry(bytes: &mut &[u8]) -> Option<Option<i64>> {
    bytes.try_get_i64_le().ok().map(|at| (at != NEVER).then_some(at))
}

impl Kind {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Shard => 0,
            Self::Queue => 1,
        }
    }
    pub(super) fn of(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Shard),
            1 => Some(Self::Queue),
            _ => None,
        }
    }
}

impl Run {
    /// Writes what comes before the keys of its messages and its records.
    pub(super) fn encode(&self, out: &mut impl BufMut, keyed: bool) {
        out.put_u8(match self.visible_at_ms {
            None => RECORDS,
            Some(_) if keyed => KEYED_MESSAGES,
            Some(_) => MESSAGES,
        });
        out.put_u32_le(self.track);
        out.put_u64_le(self.first);
        out.put_u32_le(self.count);
        out.put_u32_le(self.length);
        if let Some(at) = self.visible_at_ms {
            out.put_i64_le(at);
        }
    }
    fn decode(bytes: &mut &[u8], messages: bool) -> Option<Self> {
        Some(Self {
            track: bytes.try_get_u32_le().ok()?,
            first: bytes.try_get_u64_le().ok()?,
            count: bytes.try_get_u32_le().ok()?,
            length: bytes.try_get_u32_le().ok()?,
            visible_at_ms: if messages { Some(bytes.try_get_i64_le().ok()?) } else { None },
        })
    }
}

/// Writes the keys of a run's messages.
pub(super) fn put_keys(out: &mut impl BufMut, keys: &[MessageKeys]) {
    for MessageKeys { group, deduplication } in keys {
        out.put_u8(u8::from(group.is_some()) | u8::from(deduplication.is_some()) << 1);
        for key in [group, deduplication].into_iter().flatten() {
            out.put_slice(&key.to_bytes());
        }
    }
}

pub(super) fn take_fingerprint(bytes: &mut &[u8]) -> Option<Fingerprint> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(Fingerprint::from_bytes(*first))
}

fn take_keys(bytes: &mut &[u8], count: u32) -> Option<Vec<MessageKeys>> {
    let mut keys = Vec::new();
    for _ in 0..count {
        let which = bytes.try_get_u8().ok()?;
        let group = if which & 1 != 0 { Some(take_fingerprint(bytes)?) } else { None };
        let deduplication = if which & 2 != 0 { Some(take_fingerprint(bytes)?) } else { None };
        keys.push(MessageKeys { group, deduplication });
    }
    Some(keys)
}

/// Takes the first entry off a payload; `None` when there is no whole one.
pub(super) fn take_entry<'a>(payload: &mut &'a [u8]) -> Option<Entry<'a>> {
    let tag = payload.try_get_u8().ok()?;
    if !matches!(tag, RECORDS | MESSAGES | KEYED_MESSAGES) {
        return Operation::decode(tag, payload).map(Entry::Operation);
    }
    let run = Run::decode(payload, tag != RECORDS)?;
    let keys = if tag == KEYED_MESSAGES { take_keys(payload, run.count)? } else { Vec::new() };
    let records = take(payload, usize::try_from(run.length).ok()?)?;
    Some(Entry::Run(run, keys, records))
}
