//! Records encoded once, on their way in, and never copied again before the disk.

use super::QueueId;
use super::span::SPAN_BYTES;
use super::sum::{Order, crc32c};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes of a record before its key.
pub(super) const RECORD_HEAD: usize = 20;
/// The head's bytes that `length` counts.
const COUNTED_HEAD: usize = RECORD_HEAD - 4;
const MAX_PAYLOAD: usize = 64 * 1024 * 1024;
/// In a record's length: the record is a wide one.
const WIDE: u32 = 1 << 31;
/// Told apart from a narrow record by its checksum too.
const WIDE_CRC: u32 = 0x5749_4445;
/// Bytes of a wide record's head that its length counts, and those that say where it came from.
const COUNTED_WIDE_HEAD: usize = COUNTED_HEAD + 4;
const PROVENANCE: usize = 20;

/// Records encoded for the log, ready to append to one shard or to send to one queue.
///
/// Layout of a record, little endian: `length u32` (of all that follows), `crc32c u32` (of all
/// that follows it), `arrived_at_ms i64`, `key_length u16`, `attributes_length u16`, key,
/// attributes, payload. Sequence numbers are given by position when the block is committed.
///
/// A record with longer attributes, or that came from another queue, is a wide one (since version 2 of
/// the log): the highest bit of `length` is set, the checksum is another (exclusive or with `EDIW`),
/// `key_length u16` is followed by `moved u16` (0 or 1) and `attributes_length u32`, and when it was
/// moved by its provenance: `origin u32`, `origin_sequence u64`, `source u32`, `receives u32`.
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
    /// Adds one record. `key` is at most 65,535 bytes, `attributes` and `payload` at most 64 MiB each;
    /// a block with a longer one is refused as too large when it is committed.
    pub fn push(&mut self, arrived_at_ms: i64, key: &[u8], attributes: &[u8], payload: &[u8]) {
        self.push_from(arrived_at_ms, key, attributes, payload, None);
    }
    /// The same for a message that comes from another queue.
    pub fn push_from(
        &mut self,
        arrived_at_ms: i64,
        key: &[u8],
        attributes: &[u8],
        payload: &[u8],
        provenance: Option<&Provenance>,
    ) {
        let wide = provenance.is_some() || attributes.len() > usize::from(u16::MAX);
        let head = match wide {
            true => COUNTED_WIDE_HEAD + if provenance.is_some() { PROVENANCE } else { 0 },
            false => COUNTED_HEAD,
        };
        let length = head + key.len() + attributes.len() + payload.len();
        let (Ok(key_length), Ok(attributes_length), Ok(counted), true) = (
            u16::try_from(key.len()),
            u32::try_from(attributes.len()),
            u32::try_from(length),
            payload.len() <= MAX_PAYLOAD && attributes.len() <= MAX_PAYLOAD,
        ) else {
            self.oversize = Some(length);
            return;
        };
        let start = self.bytes.len();
        self.bytes.reserve(length + 4);
        self.bytes.put_u32_le(if wide { counted | WIDE } else { counted });
        self.bytes.put_u32_le(0);
        self.bytes.put_i64_le(arrived_at_ms);
        self.bytes.put_u16_le(key_length);
        match wide {
            true => {
                self.bytes.put_u16_le(u16::from(provenance.is_some()));
                self.bytes.put_u32_le(attributes_length);
                provenance.into_iter().for_each(|provenance| provenance.encode(&mut self.bytes));
            }
            // It fits, or the record were a wide one.
            false => self.bytes.put_u16_le(attributes_length as u16),
        }
        self.bytes.put_slice(key);
        self.bytes.put_slice(attributes);
        self.bytes.put_slice(payload);
        let crc = self.bytes.get(start + 8..).map_or(0, |bytes| checksum(bytes, wide));
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

/// Where a message that was moved from queue to queue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Provenance {
    /// The queue that it was first sent to, and its sequence there: what its identity is told by.
    pub origin: (QueueId, u64),
    /// The queue that it was last moved from.
    pub source: QueueId,
    /// How often it was received in queues before this one.
    pub receives: u32,
}

impl Provenance {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u32_le(self.origin.0.0);
        out.put_u64_le(self.origin.1);
        out.put_u32_le(self.source.0);
        out.put_u32_le(self.receives);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let origin = (QueueId(bytes.try_get_u32_le().ok()?), bytes.try_get_u64_le().ok()?);
        let source = QueueId(bytes.try_get_u32_le().ok()?);
        Some(Self { origin, source, receives: bytes.try_get_u32_le().ok()? })
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
    /// For a message that was moved from another queue.
    pub provenance: Option<Provenance>,
}

fn checksum(bytes: &[u8], wide: bool) -> u32 {
    crc32c(bytes) ^ if wide { WIDE_CRC } else { 0 }
}

/// A record's place within encoded bytes, seen without verifying it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    /// Of the whole record, its length field included.
    pub length: usize,
    pub crc: u32,
    pub arrived_at_ms: i64,
    wide: bool,
}

/// Looks at the record that `bytes` begin with; `None` when no whole record is there.
#[inline]
pub(super) fn outline(bytes: &[u8]) -> Option<Outline> {
    let ([length, crc, low, high], _) = bytes.first_chunk::<16>()?.as_chunks() else { return None };
    let length = u32::from_le_bytes(*length);
    let arrived_at_ms = i64::from(u32::from_le_bytes(*low)) | i64::from(i32::from_le_bytes(*high)) << 32;
    let wide = length & WIDE != 0;
    let length = usize::try_from(length & !WIDE).ok()?.checked_add(4)?;
    let least = if wide { COUNTED_WIDE_HEAD + 4 } else { RECORD_HEAD };
    let crc = u32::from_le_bytes(*crc);
    (length >= least && length <= bytes.len()).then_some(Outline { length, crc, arrived_at_ms, wide })
}

/// Where the parts of a record begin within it; what follows the attributes is the payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub key: usize,
    pub attributes: usize,
    pub payload: usize,
}

/// Takes a record apart that bytes begin with, and tells where it came from if it was moved.
#[inline]
pub(super) fn parts(bytes: &[u8], seen: &Outline) -> Result<(Parts, Option<Provenance>), &'static str> {
    const CUT: &str = "a record is cut";
    let ([.., key_length, next], _) = bytes.first_chunk::<RECORD_HEAD>().ok_or(CUT)?.as_chunks() else {
        return Err(CUT);
    };
    let (key_length, next) = (usize::from(u16::from_le_bytes(*key_length)), u16::from_le_bytes(*next));
    let (mut attributes_length, mut provenance, mut key) = (usize::from(next), None, RECORD_HEAD);
    if seen.wide {
        let mut head = bytes.get(RECORD_HEAD..seen.length).ok_or(CUT)?;
        attributes_length = usize::try_from(head.try_get_u32_le().map_err(|_| CUT)?).map_err(|_| CUT)?;
        key = COUNTED_WIDE_HEAD + 4;
        if next != 0 {
            provenance = Some(Provenance::decode(&mut head).ok_or(CUT)?);
            key += PROVENANCE;
        }
    }
    let attributes = key + key_length;
    let payload = attributes + attributes_length;
    if payload > seen.length {
        return Err("a record's key does not fit");
    }
    Ok((Parts { key, attributes, payload }, provenance))
}

/// Verifies the record that bytes begin with.
pub(super) fn verified(bytes: &[u8]) -> Result<(Outline, Parts), &'static str> {
    let seen = outline(bytes).ok_or("a record's length does not fit")?;
    let summed = bytes.get(8..seen.length).unwrap_or_default();
    if checksum(summed, seen.wide) != seen.crc {
        return Err("a record's checksum does not match");
    }
    parts(bytes, &seen).map(|(parts, _)| (seen, parts))
}

fn outlines(bytes: &[u8]) -> impl Iterator<Item = (Outline, &[u8])> {
    let seen = |rest: &[u8]| outline(rest).map(|seen| seen.length);
    std::iter::successors(Some(bytes), move |rest| rest.get(seen(rest)?..))
        .map_while(|rest| Some((outline(rest)?, rest)))
}

/// When each of the encoded records arrived.
pub(super) fn arrivals(bytes: &[u8]) -> Vec<i64> {
    outlines(bytes).map(|(seen, _)| seen.arrived_at_ms).collect()
}

/// The key of each of the encoded records.
pub(super) fn keys(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    outlines(bytes).map(|(seen, record)| {
        let parts = parts(record, &seen).ok();
        parts.and_then(|(parts, _)| record.get(parts.key..parts.attributes)).unwrap_or_default()
    })
}

/// Splits the first record off `bytes` and verifies it.
pub(super) fn take_record(bytes: &mut Bytes, sequence: u64) -> Result<StoredRecord, &'static str> {
    let (seen, _) = verified(bytes)?;
    stored(bytes.split_to(seen.length), &seen, sequence)
}

/// A record that was verified, taken apart.
pub(super) fn stored(record: Bytes, seen: &Outline, sequence: u64) -> Result<StoredRecord, &'static str> {
    let (parts, provenance) = parts(&record, seen)?;
    let Outline { arrived_at_ms, crc, .. } = *seen;
    let (key, attributes) =
        (record.slice(parts.key..parts.attributes), record.slice(parts.attributes..parts.payload));
    let payload = record.slice(parts.payload..);
    Ok(StoredRecord { sequence, arrived_at_ms, key, attributes, payload, crc, provenance })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks() -> RecordBlock {
        let mut block = RecordBlock::new();
        let moved = Provenance { origin: (QueueId(3), 41), source: QueueId(4), receives: 7 };
        block.push(1, b"narrow", b"attributes", b"payload");
        block.push(2, b"wide", &[5; 70_000], b"long attributes");
        block.push_from(3, b"moved", b"a", b"p", Some(&moved));
        block
    }

    #[test]
    fn narrow_and_wide_records_come_back_as_they_were() {
        let sealed = blocks().seal();
        assert_eq!(arrivals(&sealed.bytes), [1, 2, 3]);
        assert_eq!(keys(&sealed.bytes).collect::<Vec<_>>(), [&b"narrow"[..], b"wide", b"moved"]);
        let mut rest = sealed.bytes;
        let records: Vec<StoredRecord> =
            (0..3).map(|sequence| take_record(&mut rest, sequence).unwrap()).collect();
        assert!(rest.is_empty());
        assert_eq!((&records[0].attributes[..], records[0].provenance), (&b"attributes"[..], None));
        assert_eq!((records[1].attributes.len(), &records[1].payload[..]), (70_000, &b"long attributes"[..]));
        let moved = records[2].provenance.unwrap();
        assert_eq!((moved.origin, moved.source, moved.receives), ((QueueId(3), 41), QueueId(4), 7));
        assert_eq!((&records[2].key[..], &records[2].payload[..]), (&b"moved"[..], &b"p"[..]));
    }

    #[test]
    fn no_flipped_bit_of_a_small_record_goes_unseen() {
        let moved = Provenance { origin: (QueueId(3), 41), source: QueueId(4), receives: 7 };
        for provenance in [None, Some(&moved)] {
            let mut block = RecordBlock::new();
            block.push_from(3, b"key", b"attributes", b"payload", provenance);
            let whole = block.seal().bytes;
            assert_eq!(take_record(&mut whole.clone(), 0).unwrap().provenance.as_ref(), provenance);
            for bit in 0..whole.len() * 8 {
                let mut bytes = whole.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(take_record(&mut Bytes::from(bytes), 0).is_err(), "bit {bit}, {provenance:?}");
            }
        }
    }
}
