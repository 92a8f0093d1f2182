//! Records encoded once, on their way in, and never copied again before the disk.

use super::span::SPAN_BYTES;
use super::sum::{Order, crc32c};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes of a record before its key.
pub(super) const RECORD_HEAD: usize = 20;
/// The head's bytes that `length` counts.
const COUNTED_HEAD: usize = RECORD_HEAD - 4;
const MAX_PAYLOAD: usize = 64 * 1024 * 1024;

/// Records encoded for the log, ready to append to one shard or to send to one queue.
///
/// Layout of a record, little endian: `length u32` (of all that follows), `crc32c u32` (of all
/// that follows it), `arrived_at_ms i64`, `key_length u16`, `attributes_length u16`, key,
/// attributes, payload. Sequence numbers are given by position when the block is committed.
#[derive(Debug, Default, Clone)]
pub struct RecordBlock {
    count: u32,
    bytes: BytesMut,
    closed: Vec<Mark>,
    open: Mark,
    oversize: Option<usize>,
}

/// A part of a block that becomes one span.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Mark {
    pub count: u32,
    pub length: u32,
    pub order: Order,
}

/// A block that takes no more records.
#[derive(Debug)]
pub(super) struct SealedBlock {
    pub count: u32,
    pub bytes: Bytes,
    pub marks: Vec<Mark>,
}

impl RecordBlock {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(bytes), ..Self::default() }
    }
    /// Adds one record. `key` and `attributes` are at most 65,535 bytes each, `payload` at most 64 MiB;
    /// a block with a longer one is refused as too large when it is committed.
    pub fn push(&mut self, arrived_at_ms: i64, key: &[u8], attributes: &[u8], payload: &[u8]) {
        let length = COUNTED_HEAD + key.len() + attributes.len() + payload.len();
        let (Ok(key_length), Ok(attributes_length), Ok(counted), true) = (
            u16::try_from(key.len()),
            u16::try_from(attributes.len()),
            u32::try_from(length),
            payload.len() <= MAX_PAYLOAD,
        ) else {
            self.oversize = Some(length);
            return;
        };
        let start = self.bytes.len();
        self.bytes.reserve(length + 4);
        self.bytes.put_u32_le(counted);
        self.bytes.put_u32_le(0);
        self.bytes.put_i64_le(arrived_at_ms);
        self.bytes.put_u16_le(key_length);
        self.bytes.put_u16_le(attributes_length);
        self.bytes.put_slice(key);
        self.bytes.put_slice(attributes);
        self.bytes.put_slice(payload);
        let crc = self.bytes.get(start + 8..).map_or(0, crc32c);
        if let Some(place) = self.bytes.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&crc.to_le_bytes());
        }
        self.count += 1;
        self.mark(crc, counted + 4);
    }
    /// Bytes that a record of these takes, so that room is made once.
    pub fn encoded_size(key: &[u8], attributes: &[u8], payload: &[u8]) -> usize {
        RECORD_HEAD + key.len() + attributes.len() + payload.len()
    }
    fn mark(&mut self, crc: u32, length: u32) {
        if self.open.count > 0 && (self.open.length + length) as usize > SPAN_BYTES {
            self.closed.push(std::mem::take(&mut self.open));
        }
        self.open.count += 1;
        self.open.length += length;
        self.open.order.add(crc);
    }
    pub fn count(&self) -> u32 {
        self.count
    }
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// Encoded size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
    /// The size of a record that was too large to be encoded, if there was one.
    pub(super) fn oversize(&self) -> Option<usize> {
        self.oversize
    }
    pub(super) fn seal(mut self) -> SealedBlock {
        if self.open.count > 0 {
            self.closed.push(self.open);
        }
        SealedBlock { count: self.count, bytes: self.bytes.freeze(), marks: self.closed }
    }
}

/// A record as it lies in the log: slices of the bytes that were read, nothing copied.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    pub sequence: u64,
    pub arrived_at_ms: i64,
    pub key: Bytes,
    pub attributes: Bytes,
    pub payload: Bytes,
    /// CRC32C given on the way in, verified whenever the record is read.
    pub crc: u32,
}

/// A record's place within encoded bytes, seen without verifying it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    /// Of the whole record, its length field included.
    pub length: usize,
    pub crc: u32,
    pub arrived_at_ms: i64,
}

/// Looks at the record that `bytes` begin with; `None` when no whole record is there.
pub(super) fn outline(mut bytes: &[u8]) -> Option<Outline> {
    let available = bytes.len();
    let length = usize::try_from(bytes.try_get_u32_le().ok()?).ok()?.checked_add(4)?;
    let crc = bytes.try_get_u32_le().ok()?;
    let arrived_at_ms = bytes.try_get_i64_le().ok()?;
    (length >= RECORD_HEAD && length <= available).then_some(Outline { length, crc, arrived_at_ms })
}

/// When each of the encoded records arrived.
pub(super) fn arrivals(mut bytes: &[u8]) -> Vec<i64> {
    let mut times = Vec::new();
    while let Some(seen) = outline(bytes) {
        times.push(seen.arrived_at_ms);
        bytes = bytes.get(seen.length..).unwrap_or_default();
    }
    times
}

/// Splits the first record off `bytes` and verifies it.
pub(super) fn take_record(bytes: &mut Bytes, sequence: u64) -> Result<StoredRecord, &'static str> {
    let seen = outline(bytes).ok_or("a record's length does not fit")?;
    let mut record = bytes.split_to(seen.length);
    record.advance(8);
    if crc32c(&record) != seen.crc {
        return Err("a record's checksum does not match");
    }
    record.advance(8);
    let key_length = usize::from(record.try_get_u16_le().map_err(|_| "a record is cut")?);
    let attributes_length = usize::from(record.try_get_u16_le().map_err(|_| "a record is cut")?);
    if key_length + attributes_length > record.len() {
        return Err("a record's key does not fit");
    }
    let key = record.split_to(key_length);
    let attributes = record.split_to(attributes_length);
    let arrived_at_ms = seen.arrived_at_ms;
    Ok(StoredRecord { sequence, arrived_at_ms, key, attributes, payload: record, crc: seen.crc })
}
