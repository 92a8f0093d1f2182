//! Which group each message belongs to: four bytes for each where they lie close together.

use std::collections::BTreeMap;

/// Sequences in one chunk, one bit of `present` for each.
const CHUNK: u64 = 64;

#[derive(Debug, Clone)]
struct Chunk {
    present: u64,
    groups: Box<[u32; CHUNK as usize]>,
}

/// Numbers of groups by sequence.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    chunks: BTreeMap<u64, Chunk>,
    count: usize,
}

fn place(sequence: u64) -> (u64, usize, u64) {
    let offset = sequence % CHUNK;
    (sequence / CHUNK, offset as usize, 1 << offset)
}

impl Members {
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn insert(&mut self, sequence: u64, group: u32) {
        let (number, offset, bit) = place(sequence);
        let empty = || Chunk { present: 0, groups: Box::new([0; CHUNK as usize]) };
        let chunk = self.chunks.entry(number).or_insert_with(empty);
        if let Some(place) = chunk.groups.get_mut(offset) {
            *place = group;
            self.count += usize::from(chunk.present & bit == 0);
            chunk.present |= bit;
        }
    }

    pub fn get(&self, sequence: u64) -> Option<u32> {
        let (number, offset, bit) = place(sequence);
        let chunk = self.chunks.get(&number).filter(|chunk| chunk.present & bit != 0)?;
        chunk.groups.get(offset).copied()
    }

    pub fn remove(&mut self, sequence: u64) -> Option<u32> {
        let (number, offset, bit) = place(sequence);
        let chunk = self.chunks.get_mut(&number).filter(|chunk| chunk.present & bit != 0)?;
        let group = chunk.groups.get(offset).copied();
        chunk.present &= !bit;
        self.count -= 1;
        if chunk.present == 0 {
            self.chunks.remove(&number);
        }
        group
    }

    pub fn first(&self) -> Option<u64> {
        let (number, chunk) = self.chunks.first_key_value()?;
        Some(number * CHUNK + u64::from(chunk.present.trailing_zeros()))
    }

    /// Sequences from `first` to before `end` and their groups, in ascending order.
    pub fn between(&self, first: u64, end: u64) -> impl Iterator<Item = (u64, u32)> + '_ {
        let last = end.saturating_sub(1).max(first);
        let chunks = self.chunks.range(first / CHUNK..=last / CHUNK);
        let members = chunks.flat_map(|(number, chunk)| {
            let all = (number * CHUNK..).zip(chunk.groups.iter().copied());
            all.filter(|(sequence, _)| chunk.present & (1 << (sequence % CHUNK)) != 0)
        });
        members.skip_while(move |(at, _)| *at < first).take_while(move |(at, _)| *at < end)
    }
}
