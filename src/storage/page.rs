//! Pages: consecutive records as they lie in the log, verified and not taken apart. Who hands thousands of them
//! on, and keeps none, looks at each where it lies.

use super::StoredRecord;
use super::block::{self, Outline};
use bytes::Bytes;

/// Consecutive records of a shard, within the bytes that were read.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Sequence of the first record.
    first: u64,
    blocks: Vec<Bytes>,
    places: Vec<Place>,
    /// The shard's next sequence when the read was made.
    tail: u64,
}

/// Where a record begins.
#[derive(Debug, Clone, Copy)]
struct Place {
    block: u32,
    offset: u32,
}

/// A record where it lies.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'p> {
    pub sequence: u64,
    pub arrived_at_ms: i64,
    pub key: &'p [u8],
    pub payload: &'p [u8],
}

impl Page {
    /// Without records yet: they begin at `first`.
    pub(super) fn new(first: u64, tail: u64) -> Self {
        Self { first, tail, ..Self::default() }
    }

    /// Takes in bytes whose records are put next.
    pub(super) fn open(&mut self, block: Bytes) {
        self.blocks.push(block);
    }

    /// Puts a verified record of the block that was opened last.
    pub(super) fn put(&mut self, offset: usize) {
        let block = u32::try_from(self.blocks.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.places.push(Place { block, offset: u32::try_from(offset).unwrap_or(u32::MAX) });
    }

    pub fn count(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where to read on.
    pub fn next(&self) -> u64 {
        self.first + self.places.len() as u64
    }

    /// The shard's next sequence when the read was made: `tail - next` are still to come.
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// The record at a place, from 0.
    pub fn get(&self, place: usize) -> Option<RecordView<'_>> {
        let (_, record, seen) = self.bytes(place)?;
        let (parts, _) = block::parts(record, &seen).ok()?;
        Some(RecordView {
            sequence: self.first + place as u64,
            arrived_at_ms: seen.arrived_at_ms,
            key: record.get(parts.key..parts.attributes)?,
            payload: record.get(parts.payload..seen.length)?,
        })
    }

    fn bytes(&self, place: usize) -> Option<(&Bytes, &[u8], Outline)> {
        let Place { block, offset } = *self.places.get(place)?;
        let block = self.blocks.get(usize::try_from(block).ok()?)?;
        let record = block.get(usize::try_from(offset).ok()?..)?;
        Some((block, record, block::outline(record)?))
    }

    pub fn last(&self) -> Option<RecordView<'_>> {
        self.get(self.count().checked_sub(1)?)
    }

    pub fn iter(&self) -> impl Iterator<Item = RecordView<'_>> {
        (0..self.count()).map_while(|place| self.get(place))
    }

    /// Keeps so many of the first records.
    pub fn truncate(&mut self, count: usize) {
        self.places.truncate(count);
    }

    /// All records, taken apart.
    pub(super) fn records(&self) -> Vec<StoredRecord> {
        let record = |place| {
            let (block, bytes, seen) = self.bytes(place)?;
            block::stored(block.slice_ref(bytes.get(..seen.length)?), &seen, self.first + place as u64).ok()
        };
        (0..self.count()).map_while(record).collect()
    }
}
