//! The entries of a frame's payload.
//!
//! Each begins with a tag byte. Numbers are little endian; a text is `length u16` and UTF-8,
//! a value is `length u32` and bytes.
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

use super::queue::Lease;
use super::{QueuePolicy, Receipt};
use bytes::{Buf, BufMut, Bytes};
use std::time::Duration;

/// Longest key of the registry, in bytes.
pub(super) const MAX_KEY: usize = 4096;
/// Largest value of the registry, in bytes.
pub(super) const MAX_VALUE: usize = 1 << 20;
/// Bytes of a run's entry before its records, at most.
pub(super) const RUN_HEAD: usize = 29;
const NEVER: i64 = i64::MIN;

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

/// A change other than new records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Settle { queue: u32, sequence: u64, receive_count: u32 },
    Release { receipt: Receipt, visible_at_ms: i64 },
    Lease { queue: u32, lease: Lease },
    Expire { queue: u32, sequence: u64 },
    Put { key: String, value: Bytes, expires_at_ms: Option<i64> },
    Remove { key: String },
    Declare { id: u32, kind: Kind, policy: QueuePolicy, name: String },
    Trim { track: u32, first: u64 },
}

/// An entry as it is read back; a run is followed by its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Run(Run, &'a [u8]),
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

pub(super) fn put_policy(out: &mut impl BufMut, policy: &QueuePolicy) {
    out.put_u32_le(policy.max_receives.unwrap_or(0));
    let retention = policy.retention.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    out.put_u64_le(retention);
}

pub(super) fn take_policy(bytes: &mut &[u8]) -> Option<QueuePolicy> {
    let receives = bytes.try_get_u32_le().ok()?;
    let retention = bytes.try_get_u64_le().ok()?;
    Some(QueuePolicy {
        max_receives: (receives > 0).then_some(receives),
        retention: (retention > 0).then(|| Duration::from_millis(retention)),
    })
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
    pub(super) fn encode(&self, out: &mut impl BufMut) {
        out.put_u8(if self.visible_at_ms.is_some() { 2 } else { 1 });
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

impl Operation {
    pub(super) fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Settle { queue, sequence, .. } => {
                out.put_u8(3);
                out.put_u32_le(*queue);
                out.put_u64_le(*sequence);
            }
            Self::Release { receipt, visible_at_ms } => {
                out.put_u8(4);
                out.put_u32_le(receipt.queue.0);
                out.put_u64_le(receipt.sequence);
                out.put_u32_le(receipt.receive_count);
                out.put_i64_le(*visible_at_ms);
            }
            Self::Lease { queue, lease } => {
                out.put_u8(5);
                out.put_u32_le(*queue);
                out.put_u64_le(lease.sequence);
                out.put_u32_le(lease.receive_count);
                out.put_i64_le(lease.first_received_at_ms);
                out.put_i64_le(lease.visible_again_at_ms);
            }
            Self::Expire { queue, sequence } => {
                out.put_u8(6);
                out.put_u32_le(*queue);
                out.put_u64_le(*sequence);
            }
            Self::Put { key, value, expires_at_ms } => {
                out.put_u8(7);
                put_expiry(out, *expires_at_ms);
                put_text(out, key);
                put_value(out, value);
            }
            Self::Remove { key } => {
                out.put_u8(8);
                put_text(out, key);
            }
            Self::Declare { id, kind, policy, name } => {
                out.put_u8(9);
                out.put_u32_le(*id);
                out.put_u8(kind.code());
                put_policy(out, policy);
                put_text(out, name);
            }
            Self::Trim { track, first } => {
                out.put_u8(10);
                out.put_u32_le(*track);
                out.put_u64_le(*first);
            }
        }
    }

    /// Encoded size in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Settle { .. } | Self::Expire { .. } | Self::Trim { .. } => 13,
            Self::Release { .. } => 25,
            Self::Lease { .. } => 33,
            Self::Put { key, value, .. } => 15 + key.len() + value.len(),
            Self::Remove { key } => 3 + key.len(),
            Self::Declare { name, .. } => 20 + name.len(),
        }
    }

    fn decode(tag: u8, bytes: &mut &[u8]) -> Option<Self> {
        match tag {
            7 => {
                let expires_at_ms = take_expiry(bytes)?;
                let key = take_text(bytes)?;
                Some(Self::Put { key, value: Bytes::copy_from_slice(take_value(bytes)?), expires_at_ms })
            }
            8 => Some(Self::Remove { key: take_text(bytes)? }),
            9 => Some(Self::Declare {
                id: bytes.try_get_u32_le().ok()?,
                kind: Kind::of(bytes.try_get_u8().ok()?)?,
                policy: take_policy(bytes)?,
                name: take_text(bytes)?,
            }),
            10 => {
                Some(Self::Trim { track: bytes.try_get_u32_le().ok()?, first: bytes.try_get_u64_le().ok()? })
            }
            _ => Self::decode_message(tag, bytes),
        }
    }

    fn decode_message(tag: u8, bytes: &mut &[u8]) -> Option<Self> {
        let queue = bytes.try_get_u32_le().ok()?;
        let sequence = bytes.try_get_u64_le().ok()?;
        match tag {
            3 => Some(Self::Settle { queue, sequence, receive_count: 0 }),
            4 => {
                let receive_count = bytes.try_get_u32_le().ok()?;
                let receipt = Receipt { queue: super::QueueId(queue), sequence, receive_count };
                Some(Self::Release { receipt, visible_at_ms: bytes.try_get_i64_le().ok()? })
            }
            5 => {
                let receive_count = bytes.try_get_u32_le().ok()?;
                let first_received_at_ms = bytes.try_get_i64_le().ok()?;
                let visible_again_at_ms = bytes.try_get_i64_le().ok()?;
                let lease = Lease { sequence, receive_count, first_received_at_ms, visible_again_at_ms };
                Some(Self::Lease { queue, lease })
            }
            6 => Some(Self::Expire { queue, sequence }),
            _ => None,
        }
    }
}

/// Takes the first entry off a payload; `None` when there is no whole one.
pub(super) fn take_entry<'a>(payload: &mut &'a [u8]) -> Option<Entry<'a>> {
    let tag = payload.try_get_u8().ok()?;
    if tag != 1 && tag != 2 {
        return Operation::decode(tag, payload).map(Entry::Operation);
    }
    let run = Run::decode(payload, tag == 2)?;
    let records = take(payload, usize::try_from(run.length).ok()?)?;
    Some(Entry::Run(run, records))
}
