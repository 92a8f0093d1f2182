//! Changes other than new records, as they lie in the log; `entry.rs` has the table.

use super::entry::{
    Kind, put_expiry, put_text, put_value, take_expiry, take_fingerprint, take_text, take_value,
};
use super::queue::{Attempt, Lease};
use super::{DeduplicationScope, QueueId, QueuePolicy, Receipt};
use bytes::{Buf, BufMut, Bytes};
use std::time::Duration;

const FIFO: u8 = 1;
const WITHIN_GROUP: u8 = 2;

/// A change other than new records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Settle { queue: u32, sequence: u64, receive_count: u32 },
    Release { receipt: Receipt, visible_at_ms: i64 },
    ChangeVisibility { receipt: Receipt, visible_at_ms: i64 },
    Lease { queue: u32, lease: Lease },
    Attempt { queue: u32, attempt: Attempt },
    Expire { queue: u32, sequence: u64 },
    Purge { queue: u32, before: u64 },
    Put { key: String, value: Bytes, expires_at_ms: Option<i64> },
    Remove { key: String },
    Declare { id: u32, kind: Kind, policy: QueuePolicy, name: String },
    DeleteQueue { queue: u32 },
    Trim { track: u32, first: u64 },
}

pub(super) fn put_policy(out: &mut impl BufMut, policy: &QueuePolicy) {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    out.put_u32_le(policy.max_receives.unwrap_or(0));
    out.put_u64_le(policy.retention.map_or(0, milliseconds));
    let within_group = policy.deduplication_scope == DeduplicationScope::Group;
    out.put_u8(if policy.fifo { FIFO } else { 0 } | if within_group { WITHIN_GROUP } else { 0 });
    out.put_u64_le(milliseconds(policy.delay));
    out.put_u32_le(policy.in_flight_limit.unwrap_or(0));
}

pub(super) fn take_policy(bytes: &mut &[u8]) -> Option<QueuePolicy> {
    let policy = take_policy_1(bytes)?;
    let flags = bytes.try_get_u8().ok()?;
    let deduplication_scope = match flags & WITHIN_GROUP {
        0 => DeduplicationScope::Queue,
        _ => DeduplicationScope::Group,
    };
    let delay = Duration::from_millis(bytes.try_get_u64_le().ok()?);
    let limit = bytes.try_get_u32_le().ok()?;
    let in_flight_limit = (limit > 0).then_some(limit);
    Some(QueuePolicy { fifo: flags & FIFO != 0, deduplication_scope, delay, in_flight_limit, ..policy })
}

/// A policy as version 1 had it.
pub(super) fn take_policy_1(bytes: &mut &[u8]) -> Option<QueuePolicy> {
    let receives = bytes.try_get_u32_le().ok()?;
    let retention = bytes.try_get_u64_le().ok()?;
    Some(QueuePolicy {
        max_receives: (receives > 0).then_some(receives),
        retention: (retention > 0).then(|| Duration::from_millis(retention)),
        ..QueuePolicy::default()
    })
}

fn put_receipt(out: &mut impl BufMut, tag: u8, receipt: &Receipt, visible_at_ms: i64) {
    put_message(out, tag, receipt.queue.0, receipt.sequence);
    out.put_u32_le(receipt.receive_count);
    out.put_i64_le(visible_at_ms);
}

fn put_message(out: &mut impl BufMut, tag: u8, queue: u32, sequence: u64) {
    out.put_u8(tag);
    out.put_u32_le(queue);
    out.put_u64_le(sequence);
}

fn put_attempt(out: &mut impl BufMut, attempt: &Attempt) {
    out.put_slice(&attempt.id.to_bytes());
    out.put_i64_le(attempt.first_at_ms);
    out.put_i64_le(attempt.visible_again_at_ms);
    out.put_u32_le(u32::try_from(attempt.messages.len()).unwrap_or(u32::MAX));
    for (sequence, receive_count) in &attempt.messages {
        out.put_u64_le(*sequence);
        out.put_u32_le(*receive_count);
    }
}

fn take_attempt(bytes: &mut &[u8]) -> Option<Attempt> {
    let id = take_fingerprint(bytes)?;
    let first_at_ms = bytes.try_get_i64_le().ok()?;
    let visible_again_at_ms = bytes.try_get_i64_le().ok()?;
    let mut messages = Vec::new();
    for _ in 0..bytes.try_get_u32_le().ok()? {
        messages.push((bytes.try_get_u64_le().ok()?, bytes.try_get_u32_le().ok()?));
    }
    Some(Attempt { id, first_at_ms, visible_again_at_ms, messages })
}

impl Operation {
    pub(super) fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Settle { queue, sequence, .. } => put_message(out, 3, *queue, *sequence),
            Self::Release { receipt, visible_at_ms } => put_receipt(out, 4, receipt, *visible_at_ms),
            Self::ChangeVisibility { receipt, visible_at_ms } => {
                put_receipt(out, 12, receipt, *visible_at_ms)
            }
            Self::Lease { queue, lease } => {
                put_message(out, 5, *queue, lease.sequence);
                out.put_u32_le(lease.receive_count);
                out.put_i64_le(lease.first_received_at_ms);
                out.put_i64_le(lease.visible_again_at_ms);
            }
            Self::Expire { queue, sequence } => put_message(out, 6, *queue, *sequence),
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
            Self::Declare { id, kind: Kind::Shard, name, .. } => {
                out.put_u8(9);
                out.put_u32_le(*id);
                out.put_slice(&[0; 13]);
                put_text(out, name);
            }
            Self::Declare { id, kind: Kind::Queue, policy, name } => {
                out.put_u8(16);
                out.put_u32_le(*id);
                put_policy(out, policy);
                put_text(out, name);
            }
            Self::Trim { track, first } => put_message(out, 10, *track, *first),
            Self::Attempt { queue, attempt } => {
                out.put_u8(13);
                out.put_u32_le(*queue);
                put_attempt(out, attempt);
            }
            Self::Purge { queue, before } => put_message(out, 14, *queue, *before),
            Self::DeleteQueue { queue } => {
                out.put_u8(15);
                out.put_u32_le(*queue);
            }
        }
    }

    /// Encoded size in bytes, or a little more.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Settle { .. } | Self::Expire { .. } | Self::Trim { .. } | Self::Purge { .. } => 13,
            Self::Release { .. } | Self::ChangeVisibility { .. } => 25,
            Self::Lease { .. } => 33,
            Self::Attempt { attempt, .. } => 41 + 12 * attempt.messages.len(),
            Self::Put { key, value, .. } => 15 + key.len() + value.len(),
            Self::Remove { key } => 3 + key.len(),
            Self::Declare { name, .. } => 32 + name.len(),
            Self::DeleteQueue { .. } => 5,
        }
    }

    pub(super) fn decode(tag: u8, bytes: &mut &[u8]) -> Option<Self> {
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
                policy: take_policy_1(bytes)?,
                name: take_text(bytes)?,
            }),
            10 => {
                Some(Self::Trim { track: bytes.try_get_u32_le().ok()?, first: bytes.try_get_u64_le().ok()? })
            }
            13 => Some(Self::Attempt { queue: bytes.try_get_u32_le().ok()?, attempt: take_attempt(bytes)? }),
            15 => Some(Self::DeleteQueue { queue: bytes.try_get_u32_le().ok()? }),
            16 => Some(Self::Declare {
                id: bytes.try_get_u32_le().ok()?,
                kind: Kind::Queue,
                policy: take_policy(bytes)?,
                name: take_text(bytes)?,
            }),
            _ => Self::decode_message(tag, bytes),
        }
    }

    fn decode_message(tag: u8, bytes: &mut &[u8]) -> Option<Self> {
        let queue = bytes.try_get_u32_le().ok()?;
        let sequence = bytes.try_get_u64_le().ok()?;
        match tag {
            3 => Some(Self::Settle { queue, sequence, receive_count: 0 }),
            4 | 12 => {
                let receive_count = bytes.try_get_u32_le().ok()?;
                let receipt = Receipt { queue: QueueId(queue), sequence, receive_count };
                let visible_at_ms = bytes.try_get_i64_le().ok()?;
                Some(match tag {
                    4 => Self::Release { receipt, visible_at_ms },
                    _ => Self::ChangeVisibility { receipt, visible_at_ms },
                })
            }
            5 => {
                let receive_count = bytes.try_get_u32_le().ok()?;
                let first_received_at_ms = bytes.try_get_i64_le().ok()?;
                let visible_again_at_ms = bytes.try_get_i64_le().ok()?;
                let lease = Lease { sequence, receive_count, first_received_at_ms, visible_again_at_ms };
                Some(Self::Lease { queue, lease })
            }
            6 => Some(Self::Expire { queue, sequence }),
            14 => Some(Self::Purge { queue, before: sequence }),
            _ => None,
        }
    }
}
