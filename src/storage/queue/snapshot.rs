//! A queue's state as bytes, for the store's snapshots.
//!
//! A version byte, then LEB128 numbers (signed ones zigzag-coded): policy, next sequence, counts, then
//! lists, each with its length before it: send times, ready ranges, delayed ranges, received messages.
//! Sequences and times in lists are differences to the entry before. Version 2 adds to the policy and
//! the counts, and puts before the received messages: groups (name of 16 bytes, time of the last send),
//! messages never received that have a group, messages never received that are older than one before
//! them, deduplication ids (16 bytes each) and receive attempts; each received message ends with its
//! group (0: none). The store guards the bytes with a checksum; decoding still trusts nothing.

use super::{
    Attempt, QueueMachine,
    deduplication::Seen,
    delayed::Delayed,
    keys::Fingerprint,
    message::{Received, State, UNKNOWN_MS},
    numbers::{DecodeError, Reader, Writer},
    sent_times::Stamp,
};
use crate::storage::{DeduplicationScope, QueuePolicy};
use std::{collections::BTreeMap, time::Duration};

const VERSION: u8 = 2;
const LEASED: u64 = 0;
const POSTPONED: u64 = 1;
const RETURNED: u64 = 2;
const EXHAUSTED: u64 = 3;
/// Added to the state of a received message that is older than one before it.
const BACKDATED: u64 = 4;

fn encode_policy(policy: &QueuePolicy, writer: &mut Writer<'_>) {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    writer.optional(policy.max_receives.map(u64::from));
    writer.optional(policy.retention.map(milliseconds));
    writer.unsigned(u64::from(policy.fifo));
    writer.unsigned(u64::from(policy.deduplication_scope == DeduplicationScope::Group));
    writer.unsigned(milliseconds(policy.delay));
    writer.optional(policy.in_flight_limit.map(u64::from));
}

fn decode_policy(version: u8, reader: &mut Reader<'_>) -> Result<QueuePolicy, DecodeError> {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let policy = QueuePolicy {
        max_receives: reader.optional("max_receives")?.map(small),
        retention: reader.optional("retention")?.map(Duration::from_millis),
        ..QueuePolicy::default()
    };
    if version == 1 {
        return Ok(policy);
    }
    let fifo = reader.unsigned("fifo")? != 0;
    let deduplication_scope = match reader.unsigned("deduplication scope")? {
        0 => DeduplicationScope::Queue,
        _ => DeduplicationScope::Group,
    };
    let delay = Duration::from_millis(reader.unsigned("delay")?);
    let in_flight_limit = reader.optional("in_flight_limit")?.map(small);
    Ok(QueuePolicy { fifo, deduplication_scope, delay, in_flight_limit, ..policy })
}

fn decode_state(version: u8, reader: &mut Reader<'_>) -> Result<(State, bool), DecodeError> {
    let value = reader.unsigned("state")?;
    let backdated = version > 1 && value >= BACKDATED;
    let state = match if backdated { value - BACKDATED } else { value } {
        LEASED => State::Leased,
        POSTPONED => State::Postponed,
        RETURNED => State::Returned,
        EXHAUSTED => State::Exhausted,
        _ => return Err(DecodeError::Invalid { field: "state", value }),
    };
    Ok((state, backdated))
}

impl QueueMachine {
    /// Appends the state to `out`. Deletions on their way to the disk are left out: replay
    /// brings them if they arrived.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer(out);
        writer.0.push(VERSION);
        encode_policy(&self.policy, &mut writer);
        for number in [self.next_sequence, self.sent, self.deleted, self.expired, self.purged] {
            writer.unsigned(number);
        }
        let (purged_at_ms, purged_before) = self.last_purge.unwrap_or_default();
        writer.unsigned(u64::from(self.last_purge.is_some()));
        writer.signed(purged_at_ms);
        writer.unsigned(purged_before);
        writer.signed(self.sent_times.latest_ms());
        self.encode_fresh(&mut writer);
        let places = self.encode_groups(&mut writer);
        self.encode_memory(&mut writer);
        self.encode_received(&places, &mut writer);
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

    /// Gives the place that each group has in the list, counted from 1.
    fn encode_groups(&self, writer: &mut Writer<'_>) -> BTreeMap<u32, u64> {
        let places: BTreeMap<u32, u64> = self.groups.numbers().into_iter().zip(1..).collect();
        writer.length(places.len());
        let mut last_ms = 0;
        for number in places.keys() {
            let (name, last_sent_at_ms) = self.groups.facts(*number);
            writer.bytes(name.to_bytes());
            writer.signed(last_sent_at_ms.wrapping_sub(last_ms));
            last_ms = last_sent_at_ms;
        }
        writer.length(self.groups.fresh_count());
        let mut last = 0;
        for (sequence, number) in self.groups.fresh_between(0, u64::MAX) {
            writer.unsigned(sequence - last);
            writer.unsigned(places.get(&number).copied().unwrap_or(0));
            last = sequence;
        }
        places
    }

    /// What is remembered of messages that may be gone.
    fn encode_memory(&self, writer: &mut Writer<'_>) {
        writer.length(self.backdated.len());
        for (sent_at_ms, sequence) in &self.backdated {
            writer.signed(*sent_at_ms);
            writer.unsigned(*sequence);
        }
        let mut last_ms = 0;
        writer.length(self.deduplication.iter().len());
        for seen in self.deduplication.iter() {
            writer.signed(seen.at_ms.wrapping_sub(last_ms));
            writer.bytes(seen.id.to_bytes());
            writer.unsigned(seen.sequence);
            last_ms = seen.at_ms;
        }
        writer.length(self.attempts.iter().count());
        for attempt in self.attempts.iter() {
            writer.bytes(attempt.id.to_bytes());
            writer.signed(attempt.first_at_ms);
            writer.signed(attempt.visible_again_at_ms);
            writer.length(attempt.messages.len());
            for (sequence, receive_count) in &attempt.messages {
                writer.unsigned(*sequence);
                writer.unsigned(u64::from(*receive_count));
            }
        }
    }

    fn encode_received(&self, places: &BTreeMap<u32, u64>, writer: &mut Writer<'_>) {
        let (mut last, mut last_ms) = (0, 0);
        writer.length(self.received.iter().len());
        for (sequence, message) in self.received.iter() {
            writer.unsigned(sequence - last);
            let state = match message.state {
                State::Leased => LEASED,
                State::Postponed => POSTPONED,
                // Who moved it is gone after a restart.
                State::Returned | State::Moving => RETURNED,
                State::Exhausted => EXHAUSTED,
            };
            writer.unsigned(if message.backdated { state + BACKDATED } else { state });
            writer.unsigned(u64::from(message.receive_count));
            writer.signed(message.sent_at_ms.wrapping_sub(last_ms));
            writer.signed(message.first_received_at_ms.wrapping_sub(message.sent_at_ms));
            writer.signed(message.deadline_ms.wrapping_sub(message.sent_at_ms));
            let place = message.group.and_then(|number| places.get(&number)).copied();
            writer.unsigned(place.unwrap_or(0));
            (last, last_ms) = (sequence, message.sent_at_ms);
        }
    }

    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (version, rest) = bytes.split_first().ok_or(DecodeError::Truncated { field: "version" })?;
        let version = *version;
        if version == 0 || version > VERSION {
            return Err(DecodeError::Version { found: version, supported: VERSION });
        }
        let mut reader = Reader(rest);
        let mut machine = Self::new(decode_policy(version, &mut reader)?);
        machine.next_sequence = reader.unsigned("next_sequence")?;
        machine.sent = reader.unsigned("sent")?;
        machine.deleted = reader.unsigned("deleted")?;
        machine.expired = reader.unsigned("expired")?;
        if version > 1 {
            machine.purged = reader.unsigned("purged")?;
            let was_purged = reader.unsigned("was purged")? != 0;
            let last_purge = (reader.signed("purged_at_ms")?, reader.unsigned("purged before")?);
            machine.last_purge = was_purged.then_some(last_purge);
            machine.sent_times.restore_latest(reader.signed("latest send time")?);
        }
        machine.decode_fresh(&mut reader)?;
        let mut groups = Vec::new();
        if version > 1 {
            groups = machine.decode_groups(&mut reader)?;
            machine.decode_memory(&mut reader)?;
        }
        machine.decode_received(version, &groups, &mut reader)?;
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

    fn decode_groups(&mut self, reader: &mut Reader<'_>) -> Result<Vec<(Fingerprint, i64)>, DecodeError> {
        let mut groups = Vec::new();
        let mut last_ms = 0_i64;
        for _ in 0..reader.unsigned("groups")? {
            let name = Fingerprint::from_bytes(reader.bytes("group")?);
            last_ms = last_ms.wrapping_add(reader.signed("last send to a group")?);
            groups.push((name, last_ms));
        }
        let mut last = 0;
        for _ in 0..reader.unsigned("messages of groups")? {
            let sequence = reader.ascending("sequence", last)?;
            let number = self.decode_group(&groups, reader)?;
            let invalid = DecodeError::Invalid { field: "sequence", value: sequence };
            let number = number.ok_or(invalid.clone())?;
            if sequence >= self.next_sequence
                || self.ready.contains(sequence)
                || self.groups.is_fresh(sequence)
            {
                return Err(invalid);
            }
            self.groups.insert_fresh(sequence, number);
            if !self.delayed.contains(sequence) {
                self.groups.show(number, sequence);
            }
            last = sequence;
        }
        Ok(groups)
    }

    /// A group by its place in the list, with one message more now.
    fn decode_group(
        &mut self,
        groups: &[(Fingerprint, i64)],
        reader: &mut Reader<'_>,
    ) -> Result<Option<u32>, DecodeError> {
        let value = reader.unsigned("group of a message")?;
        let Some(place) = value.checked_sub(1) else { return Ok(None) };
        let known = usize::try_from(place).ok().and_then(|place| groups.get(place));
        let invalid = DecodeError::Invalid { field: "group of a message", value };
        let (name, last_sent_at_ms) = known.ok_or(invalid)?;
        Ok(Some(self.groups.join(*name, *last_sent_at_ms)))
    }

    fn decode_memory(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        for _ in 0..reader.unsigned("backdated messages")? {
            let sent_at_ms = reader.signed("send time")?;
            let sequence = reader.unsigned("sequence")?;
            if !self.is_live(sequence) {
                return Err(DecodeError::Invalid { field: "sequence", value: sequence });
            }
            self.backdated.insert((sent_at_ms, sequence));
        }
        let mut last_ms = 0_i64;
        for _ in 0..reader.unsigned("deduplication ids")? {
            last_ms = last_ms.wrapping_add(reader.signed("time of a deduplication id")?);
            let id = Fingerprint::from_bytes(reader.bytes("deduplication id")?);
            let sequence = reader.unsigned("sequence of a deduplication id")?;
            self.deduplication.remember(Seen { id, sequence, at_ms: last_ms });
        }
        for _ in 0..reader.unsigned("receive attempts")? {
            let id = Fingerprint::from_bytes(reader.bytes("receive attempt")?);
            let first_at_ms = reader.signed("time of an attempt")?;
            let visible_again_at_ms = reader.signed("end of an attempt")?;
            let mut messages = Vec::new();
            for _ in 0..reader.unsigned("messages of an attempt")? {
                messages.push((reader.unsigned("sequence")?, reader.small("receive_count")?));
            }
            self.attempts.remember(Attempt { id, first_at_ms, visible_again_at_ms, messages });
        }
        Ok(())
    }

    fn decode_received(
        &mut self,
        version: u8,
        groups: &[(Fingerprint, i64)],
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let (mut last, mut last_ms) = (0, 0_i64);
        for _ in 0..reader.unsigned("received messages")? {
            let sequence = reader.ascending("sequence", last)?;
            if sequence >= self.next_sequence || self.is_live(sequence) {
                return Err(DecodeError::Invalid { field: "sequence", value: sequence });
            }
            let (state, backdated) = decode_state(version, reader)?;
            let receive_count = reader.small("receive_count")?;
            let sent_at_ms = last_ms.wrapping_add(reader.signed("sent_at_ms")?);
            let first_received_at_ms = sent_at_ms.wrapping_add(reader.signed("first_received_at_ms")?);
            let deadline_ms = sent_at_ms.wrapping_add(reader.signed("deadline_ms")?);
            let group = if version > 1 { self.decode_group(groups, reader)? } else { None };
            let message = Received {
                state,
                settling: false,
                backdated,
                receive_count,
                group,
                sent_at_ms,
                first_received_at_ms,
                leased_at_ms: UNKNOWN_MS,
                deadline_ms,
            };
            self.receive(sequence, message);
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
