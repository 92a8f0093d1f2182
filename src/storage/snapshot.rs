//! Snapshots: the whole state at one LSN, `state/snapshot-LSN.bin`, so that a restart replays only what
//! came after it. The last two are kept.
//!
//! Little endian: magic `CSNP`, `version u16` (2), `zero u16`, `lsn u64`, `file u64` and `offset u64` where
//! the log goes on, `body_length u64`, `body_crc u32`, `header_crc u32` (CRC32C); then the body: what the
//! wall clock and the steady clock showed at the last commit (`i64` each; not in version 1), log files,
//! shards and queues (with the queue machines' own encoding; a deleted one is the byte 255), registry.

use super::clock::Time;
use super::entry::{Kind, put_expiry, put_policy, put_text, put_value};
use super::entry::{take_expiry, take_policy, take_policy_1, take_text, take_value};
use super::locking::{locked, reading, writing};
use super::queue::QueueMachine;
use super::state::{FileFacts, State};
use super::sum::crc32c;
use super::track::{Extent, Track};
use bytes::{Buf, BufMut, Bytes};
use std::path::{Path, PathBuf};

const MAGIC: u32 = u32::from_le_bytes(*b"CSNP");
pub(super) const SNAPSHOT_VERSION: u16 = 2;
const HEADER: usize = 48;
/// Stands where a shard or queue was deleted.
const DELETED: u8 = u8::MAX;

/// A place in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub file: u64,
    pub offset: u64,
}

/// Why a snapshot cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadSnapshot {
    Damaged(&'static str),
    Version(u16),
}

/// A snapshot ready to be written.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub lsn: u64,
    header: Vec<u8>,
    body: Vec<u8>,
}

pub(super) fn state_folder(folder: &Path) -> PathBuf {
    folder.join("state")
}

pub(super) fn snapshot_path(folder: &Path, lsn: u64) -> PathBuf {
    state_folder(folder).join(format!("snapshot-{lsn:020}.bin"))
}

impl Snapshot {
    /// Takes the state, which must not change frames meanwhile.
    pub(super) fn take(state: &State, lsn: u64, position: Position) -> Self {
        let mut body = Vec::new();
        let time = *locked(&state.time);
        body.put_i64_le(time.wall_ms);
        body.put_i64_le(time.steady_ms);
        encode_files(state, &mut body);
        encode_tracks(state, &mut body);
        encode_registry(state, &mut body);
        let mut header = Vec::with_capacity(HEADER);
        header.put_u32_le(MAGIC);
        header.put_u16_le(SNAPSHOT_VERSION);
        header.put_u16_le(0);
        header.put_u64_le(lsn);
        header.put_u64_le(position.file);
        header.put_u64_le(position.offset);
        header.put_u64_le(body.len() as u64);
        header.put_u32_le(crc32c(&body));
        header.put_u32_le(crc32c(&header));
        Self { lsn, header, body }
    }

    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        super::disk::replace(&snapshot_path(folder, self.lsn), &[&self.header, &self.body])
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.put_u32_le(u32::try_from(count).unwrap_or(u32::MAX));
}

fn encode_files(state: &State, out: &mut Vec<u8>) {
    let files = locked(&state.files);
    put_count(out, files.len());
    for (number, facts) in files.iter() {
        out.put_u64_le(*number);
        out.put_u64_le(facts.last_lsn);
        out.put_u64_le(facts.used);
        out.put_u64_le(facts.size);
    }
}

fn encode_tracks(state: &State, out: &mut Vec<u8>) {
    let tracks = state.all_tracks();
    put_count(out, tracks.len());
    for track in tracks {
        if track.is_deleted() {
            out.put_u8(DELETED);
            continue;
        }
        out.put_u8(track.kind().code());
        put_text(out, &track.name);
        put_policy(out, &locked(&track.policy));
        out.put_u64_le(track.next());
        let places = track.places();
        out.put_u64_le(places.first);
        out.put_u64_le(places.appended_bytes);
        put_count(out, places.extents.len());
        for extent in &places.extents {
            out.put_u64_le(extent.file);
            out.put_u64_le(extent.first);
            out.put_u64_le(extent.next);
            out.put_u64_le(extent.bytes);
            out.put_i64_le(extent.last_committed_at_ms);
        }
        drop(places);
        if let Some(queue) = &track.queue {
            let mut machine = Vec::new();
            locked(&queue.machine).encode(&mut machine);
            put_value(out, &machine);
        }
    }
}

fn encode_registry(state: &State, out: &mut Vec<u8>) {
    let registry = reading(&state.registry);
    put_count(out, registry.all().len());
    for (key, stored) in registry.all() {
        put_expiry(out, stored.expires_at_ms);
        put_text(out, key);
        put_value(out, &stored.value);
    }
}

fn decode_track(version: u16, id: u32, rest: &mut &[u8]) -> Option<Track> {
    let code = rest.try_get_u8().ok()?;
    if code == DELETED {
        return Some(Track::deleted(id));
    }
    let kind = Kind::of(code)?;
    let name = take_text(rest)?;
    let policy = if version == 1 { take_policy_1(rest)? } else { take_policy(rest)? };
    let next = rest.try_get_u64_le().ok()?;
    let first = rest.try_get_u64_le().ok()?;
    let appended_bytes = rest.try_get_u64_le().ok()?;
    let count = rest.try_get_u32_le().ok()?;
    let mut extent = |_| {
        Some(Extent {
            file: rest.try_get_u64_le().ok()?,
            first: rest.try_get_u64_le().ok()?,
            next: rest.try_get_u64_le().ok()?,
            bytes: rest.try_get_u64_le().ok()?,
            last_committed_at_ms: rest.try_get_i64_le().ok()?,
        })
    };
    let extents = (0..count).map(&mut extent).collect::<Option<_>>()?;
    let machine = match kind {
        Kind::Shard => None,
        Kind::Queue => Some(QueueMachine::decode(take_value(rest)?).ok()?),
    };
    let track = Track::with_machine(id, name, policy, machine);
    track.next.send_replace(next);
    let mut places = track.places();
    (places.first, places.appended_bytes, places.extents) = (first, appended_bytes, extents);
    drop(places);
    Some(track)
}

fn decode_body(version: u16, mut rest: &[u8]) -> Option<State> {
    let state = State::default();
    if version > 1 {
        let (wall_ms, steady_ms) = (rest.try_get_i64_le().ok()?, rest.try_get_i64_le().ok()?);
        *locked(&state.time) = Time { wall_ms, steady_ms };
    }
    for _ in 0..rest.try_get_u32_le().ok()? {
        let number = rest.try_get_u64_le().ok()?;
        let facts = FileFacts {
            last_lsn: rest.try_get_u64_le().ok()?,
            used: rest.try_get_u64_le().ok()?,
            size: rest.try_get_u64_le().ok()?,
        };
        locked(&state.files).insert(number, facts);
    }
    for id in 0..rest.try_get_u32_le().ok()? {
        let track = decode_track(version, id, &mut rest)?;
        writing(&state.tracks).add(track).ok()?;
    }
    for _ in 0..rest.try_get_u32_le().ok()? {
        let expires_at_ms = take_expiry(&mut rest)?;
        let key = take_text(&mut rest)?;
        let value = Bytes::copy_from_slice(take_value(&mut rest)?);
        writing(&state.registry).put(&key, value, expires_at_ms);
        state.end(&key);
    }
    rest.is_empty().then_some(state)
}

/// Reads a snapshot: the state, its LSN and where the log goes on.
pub(super) fn decode(bytes: &[u8]) -> Result<(State, u64, Position), BadSnapshot> {
    const CUT: BadSnapshot = BadSnapshot::Damaged("the snapshot is cut");
    let (header, body) = bytes.split_at_checked(HEADER).ok_or(CUT)?;
    let (checked, mut crc) = header.split_at_checked(HEADER - 4).ok_or(CUT)?;
    let mut fields = checked;
    if crc.get_u32_le() != crc32c(checked) || fields.get_u32_le() != MAGIC {
        return Err(BadSnapshot::Damaged("the snapshot's header checksum does not match"));
    }
    let version = fields.get_u16_le();
    if version > SNAPSHOT_VERSION {
        return Err(BadSnapshot::Version(version));
    }
    fields.advance(2);
    let lsn = fields.get_u64_le();
    let position = Position { file: fields.get_u64_le(), offset: fields.get_u64_le() };
    let length = fields.get_u64_le();
    if length != body.len() as u64 || fields.get_u32_le() != crc32c(body) {
        return Err(BadSnapshot::Damaged("the snapshot's checksum does not match"));
    }
    let state = decode_body(version, body).ok_or(BadSnapshot::Damaged("the snapshot cannot be read"))?;
    Ok((state, lsn, position))
}
