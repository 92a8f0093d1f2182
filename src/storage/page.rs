//! Pages: consecutive records as they lie in the log, verified and not taken apart. Who hands thousands of them
//! on, and keeps none, looks at each where it lies.

use super::StoredRecord;
use super::block::{self, Outline, Parts};
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

/// Where a verified record lies within its block. What is asked of it again and again is told from here: records
/// are so many that to look at each costs as much as to copy a part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    arrived_at_ms: i64,
    block: u32,
    begin: u32,
    key: u32,
    attributes: u32,
    payload: u32,
    end: u32,
}

impl Place {
    /// Of a record that begins at `begin`.
    pub(super) fn new(begin: usize, seen: &Outline, parts: &Parts) -> Self {
        // Blocks are far shorter than what fails here, which is no place at all.
        let at = |into: usize| u32::try_from(begin + into).unwrap_or(u32::MAX);
        Self {
            arrived_at_ms: seen.arrived_at_ms,
            block: 0,
            begin: at(0),
            key: at(parts.key),
            attributes: at(parts.attributes),
            payload: at(parts.payload),
            end: at(seen.length),
        }
    }

    /// Where the record begins.
    pub(super) fn begin(&self) -> usize {
        index(self.begin)
    }

    /// Bytes of the record.
    pub(super) fn length(&self) -> usize {
        index(self.end - self.begin)
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
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
    pub(super) fn put(&mut self, place: Place) {
        let block = u32::try_from(self.blocks.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.places.push(Place { block, ..place });
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
        let lies = self.places.get(place)?;
        let block = self.blocks.get(index(lies.block))?;
        Some(RecordView {
            sequence: self.first + place as u64,
            arrived_at_ms: lies.arrived_at_ms,
            key: block.get(index(lies.key)..index(lies.attributes))?,
            payload: block.get(index(lies.payload)..index(lies.end))?,
        })
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
        let record = |(lies, sequence): (&Place, u64)| {
            let block = self.blocks.get(index(lies.block))?;
            let bytes = block.get(index(lies.begin)..index(lies.end))?;
            block::stored(block.slice_ref(bytes), &block::outline(bytes)?, sequence).ok()
        };
        self.places.iter().zip(self.first..).map_while(record).collect()
    }
}
