//! A queue's state as bytes, for the store's snapshots.
//!
//! Version 1: a version byte, then LEB128 numbers (signed ones zigzag-coded): policy, next sequence,
//! counts, then lists, each with its length before it: send times, ready ranges, delayed ranges,
//! received messages. Sequences and times in lists are differences to the entry before. The store
//! guards the bytes with a checksum; decoding still trusts nothing.

use super::{
    QueueMachine,
    delayed::Delayed,
    message::{Received, State},
    sent_times::Stamp,
};
use crate::storage::QueuePolicy;
use std::time::Duration;

const VERSION: u8 = 1;
const LEASED: u64 = 0;
const POSTPONED: u64 = 1;
const RETURNED: u64 = 2;
const EXHAUSTED: u64 = 3;

/// Why bytes are not a queue's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("queue state has version {found}; this build reads version {VERSION}")]
    Version { found: u8 },
    #[error("queue state ends within {field}")]
    Truncated { field: &'static str },
    #[error("queue state has {field} = {value}, which cannot be")]
    Invalid { field: &'static str, value: u64 },
}

impl QueueMachine {
    /// Appends the state to `out`. Deletions on their way to the disk are left out: replay
    /// brings them if they arrived.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer(out);
        writer.0.push(VERSION);
        writer.optional(self.policy.max_receives.map(u64::from));
        let retention = self.policy.retention.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        writer.optional(retention);
        for number in [self.next_sequence, self.sent, self.deleted, self.expired] {
            writer.unsigned(number);
        }
        self.encode_fresh(&mut writer);
        self.encode_received(&mut writer);
    }

    fn encode_fresh(&self, writer: &mut Writer<'_>) {
        let mut last = Stamp { first: 0, sent_at_ms: 0 };
        writer.length(self.sent_times.iter().len());
        for stamp in self.sent_times.iter() {
            writer.unsigned(stamp.first - last.first);
            writer.signed(stamp.sent_at_ms.wrapping_sub(last.sent_at_ms));
            last = stamp;
        }
        let mut last_end = 0;
        writer.length(self.ready.iter().len());
        for (first, end) in self.ready.iter() {
            writer.unsigned(first - last_end);
            writer.unsigned(end - first);
            last_end = end;
        }
        let (mut last_end, mut last_visible) = (0, 0);
        writer.length(self.delayed.iter().len());
        for (first, run) in self.delayed.iter() {
            writer.unsigned(first - last_end);
            writer.unsigned(run.end - first);
            writer.signed(run.visible_at_ms.wrapping_sub(last_visible));
            (last_end, last_visible) = (run.end, run.visible_at_ms);
        }
    }

    fn encode_received(&self, writer: &mut Writer<'_>) {
        let (mut last, mut last_ms) = (0, 0);
        writer.length(self.received.iter().len());
        for (sequence, message) in self.received.iter() {
            writer.unsigned(sequence - last);
            writer.unsigned(match message.state {
                State::Leased => LEASED,
                State::Postponed => POSTPONED,
                State::Returned => RETURNED,
                State::Exhausted => EXHAUSTED,
            });
            writer.unsigned(u64::from(message.receive_count));
            writer.signed(message.sent_at_ms.wrapping_sub(last_ms));
            writer.signed(message.first_received_at_ms.wrapping_sub(message.sent_at_ms));
            writer.signed(message.deadline_ms.wrapping_sub(message.sent_at_ms));
            (last, last_ms) = (sequence, message.sent_at_ms);
        }
    }

    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (version, rest) = bytes.split_first().ok_or(DecodeError::Truncated { field: "version" })?;
        if *version != VERSION {
            return Err(DecodeError::Version { found: *version });
        }
        let mut reader = Reader(rest);
        let max_receives = reader.optional("max_receives")?.map(|max| u32::try_from(max).unwrap_or(u32::MAX));
        let retention = reader.optional("retention")?.map(Duration::from_millis);
        let mut machine = Self::new(QueuePolicy { max_receives, retention });
        machine.next_sequence = reader.unsigned("next_sequence")?;
        machine.sent = reader.unsigned("sent")?;
        machine.deleted = reader.unsigned("deleted")?;
        machine.expired = reader.unsigned("expired")?;
        machine.decode_fresh(&mut reader)?;
        machine.decode_received(&mut reader)?;
        match reader.0.len() {
            0 => Ok(machine),
            surplus => Err(DecodeError::Invalid { field: "surplus bytes", value: surplus as u64 }),
        }
    }

    fn decode_fresh(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let mut last = Stamp { first: 0, sent_at_ms: 0 };
        for _ in 0..reader.unsigned("send times")? {
            let first = reader.ascending("first of send time", last.first)?;
            let sent_at_ms = last.sent_at_ms.wrapping_add(reader.signed("send time")?);
            last = Stamp { first, sent_at_ms };
            self.sent_times.restore(last);
        }
        let mut last_end = 0;
        for _ in 0..reader.unsigned("ready ranges")? {
            let (first, end) = self.free_range(reader, last_end)?;
            self.ready.insert(first, end);
            last_end = end;
        }
        let (mut last_end, mut last_visible) = (0, 0_i64);
        for _ in 0..reader.unsigned("delayed ranges")? {
            let (first, end) = self.free_range(reader, last_end)?;
            let visible_at_ms = last_visible.wrapping_add(reader.signed("visible_at_ms")?);
            self.delayed.insert(first, Delayed { end, visible_at_ms }, &mut self.timers);
            (last_end, last_visible) = (end, visible_at_ms);
        }
        Ok(())
    }

    fn decode_received(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let (mut last, mut last_ms) = (0, 0_i64);
        for _ in 0..reader.unsigned("received messages")? {
            let sequence = reader.ascending("sequence", last)?;
            if sequence >= self.next_sequence || self.is_live(sequence) {
                return Err(DecodeError::Invalid { field: "sequence", value: sequence });
            }
            let state = match reader.unsigned("state")? {
                LEASED => State::Leased,
                POSTPONED => State::Postponed,
                RETURNED => State::Returned,
                EXHAUSTED => State::Exhausted,
                value => return Err(DecodeError::Invalid { field: "state", value }),
            };
            let count = reader.unsigned("receive_count")?;
            let invalid = DecodeError::Invalid { field: "receive_count", value: count };
            let receive_count = u32::try_from(count).map_err(|_| invalid)?;
            let sent_at_ms = last_ms.wrapping_add(reader.signed("sent_at_ms")?);
            let first_received_at_ms = sent_at_ms.wrapping_add(reader.signed("first_received_at_ms")?);
            let deadline_ms = sent_at_ms.wrapping_add(reader.signed("deadline_ms")?);
            let message = Received {
                state,
                settling: false,
                receive_count,
                sent_at_ms,
                first_received_at_ms,
                deadline_ms,
            };
            self.received.insert(sequence, message, &mut self.timers);
            (last, last_ms) = (sequence, sent_at_ms);
        }
        Ok(())
    }

    /// A range after `last_end` that no other message is in.
    fn free_range(&self, reader: &mut Reader<'_>, last_end: u64) -> Result<(u64, u64), DecodeError> {
        let first = reader.ascending("first of range", last_end)?;
        let end = reader.ascending("end of range", first)?;
        let taken = self.ready.overlaps(first, end) || self.delayed.overlaps(first, end);
        if first == end || end > self.next_sequence || taken {
            return Err(DecodeError::Invalid { field: "end of range", value: end });
        }
        Ok((first, end))
    }
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn unsigned(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn signed(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn length(&mut self, length: usize) {
        self.unsigned(length as u64);
    }

    /// Absent as 0, else the number above it.
    fn optional(&mut self, number: Option<u64>) {
        self.unsigned(number.map_or(0, |number| number.saturating_add(1)));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn unsigned(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(DecodeError::Truncated { field })?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Invalid { field, value: number })
    }

    fn signed(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        let number = self.unsigned(field)?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn optional(&mut self, field: &'static str) -> Result<Option<u64>, DecodeError> {
        Ok(self.unsigned(field)?.checked_sub(1))
    }

    /// A number given as its distance from the one before.
    fn ascending(&mut self, field: &'static str, last: u64) -> Result<u64, DecodeError> {
        let distance = self.unsigned(field)?;
        last.checked_add(distance).ok_or(DecodeError::Invalid { field, value: distance })
    }
}
