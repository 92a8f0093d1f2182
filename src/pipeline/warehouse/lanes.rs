//! Shards read and judged ahead, several at once, while each is taken in its turn.

use super::{
    error::LoadError,
    held::count,
    judge::{Judge, Part},
};
use crate::{
    pipeline::{Writers, stream::ShardReader},
    storage::{ShardId, Slice, Store},
};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Read from a shard at a time.
pub const READ_RECORDS: usize = 4_096;
pub const READ_BYTES: usize = 2 << 20;

/// What was read from a shard at a time, judged.
#[derive(Debug)]
pub struct Judged {
    pub part: Part,
    /// The sequence after the last record.
    pub next: u64,
    pub records: u64,
    /// Payload bytes.
    pub bytes: usize,
}

/// At most one slice of each shard is read ahead of its turn. What comes of it does not depend on how many
/// are read at once: every slice begins where the reader of its shard stands.
pub struct Lanes {
    store: Store,
    judge: Arc<Judge>,
    writers: Arc<Writers>,
    begun: Vec<Option<Lane>>,
}

/// A slice being read and judged, given up when dropped. It ends with the place to read on at.
struct Lane(JoinHandle<Result<(u64, Option<Judged>), LoadError>>);

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Lanes {
    pub fn new(store: Store, judge: Arc<Judge>, writers: Arc<Writers>, shards: usize) -> Self {
        Self { store, judge, writers, begun: (0..shards).map(|_| None).collect() }
    }

    /// Makes a lane for one more reader, behind the others.
    pub fn add(&mut self) {
        self.begun.push(None);
    }

    /// Takes away the lane of a reader that has left.
    pub fn remove(&mut self, turn: usize) {
        if turn < self.begun.len() {
            self.begun.remove(turn);
        }
    }

    /// The next slice of the reader whose turn it is, and the reader moves past it; none when nothing waits.
    /// Those whose turn comes next are begun with it, as many as there may be at once.
    ///
    /// # Errors
    /// When reading or judging fails; the reader has not moved then.
    pub async fn take(
        &mut self,
        readers: &mut [ShardReader],
        turn: usize,
    ) -> Result<Option<Judged>, LoadError> {
        self.begin(readers, turn);
        let Some(lane) = self.begun.get_mut(turn).and_then(Option::as_mut) else { return Ok(None) };
        let judged = (&mut lane.0).await;
        self.begun.iter_mut().skip(turn).take(1).for_each(|lane| *lane = None);
        let (next, judged) = judged??;
        readers.iter_mut().skip(turn).take(1).for_each(|reader| reader.seek(next));
        Ok(judged)
    }

    fn begin(&mut self, readers: &[ShardReader], turn: usize) {
        let most = usize::try_from(self.writers.seen().capacity).unwrap_or(usize::MAX).max(1);
        let mut running = self.begun.iter().flatten().count();
        let places = self.begun.iter_mut().zip(readers).enumerate().skip(turn);
        for (index, (lane, reader)) in places {
            if index > turn && running >= most {
                return;
            }
            if lane.is_none() && reader.waiting() > 0 {
                let (store, judge) = (self.store.clone(), Arc::clone(&self.judge));
                let slice =
                    Place { id: reader.shard_id(), shard: reader.shard_index(), position: reader.position() };
                *lane = Some(Lane(tokio::spawn(judged(store, judge, Arc::clone(&self.writers), slice))));
                running += 1;
            }
        }
    }
}

/// Where a slice begins.
struct Place {
    id: ShardId,
    shard: u32,
    position: u64,
}

async fn judged(
    store: Store,
    judge: Arc<Judge>,
    writers: Arc<Writers>,
    place: Place,
) -> Result<(u64, Option<Judged>), LoadError> {
    let _writing = writers.acquire().await;
    let slice = store.read(place.id, place.position, READ_RECORDS, READ_BYTES).await?;
    if slice.records.is_empty() {
        return Ok((slice.next, None));
    }
    Ok((slice.next, Some(Judged::of(&judge, place.shard, slice).await?)))
}

impl Judged {
    /// Judges a slice of a shard.
    ///
    /// # Errors
    /// When the engine fails at more than a record.
    pub async fn of(judge: &Judge, shard: u32, slice: Slice) -> Result<Self, LoadError> {
        let bytes = slice.records.iter().map(|record| record.payload.len()).sum();
        let records = count(slice.records.len());
        let part = judge.judge(shard, slice.records).await?;
        Ok(Self { part, next: slice.next, records, bytes })
    }
}
