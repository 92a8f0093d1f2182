//! Where a node's output goes: a stream or a queue.

use super::{queue::Queue, stream::Stream};
use crate::storage::{Batch, RecordBlock, ShardId};
use bytes::Bytes;
use std::{collections::BTreeMap, fmt::Write, sync::Arc};

/// A node that takes records.
#[derive(Debug, Clone)]
pub enum Target {
    Stream(Arc<Stream>),
    Queue(Arc<Queue>),
}

/// A record on its way to a target. An empty key becomes a random one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    pub key: Bytes,
    pub attributes: Bytes,
    pub payload: Bytes,
}

/// A record that its target cannot take: it would be refused each time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {part} of {size} bytes is over the limit of {limit} of {target}")]
pub struct Unfit {
    pub target: String,
    /// "key", "attributes" or "payload".
    pub part: &'static str,
    pub size: usize,
    pub limit: usize,
}

/// Longest key or attributes that the log can hold, in bytes.
const LONGEST_SMALL_PART: usize = u16::MAX as usize;
/// Largest payload of a queue message, in bytes.
const LARGEST_MESSAGE: usize = 16 << 20;

impl Target {
    pub fn name(&self) -> &str {
        match self {
            Self::Stream(stream) => stream.name(),
            Self::Queue(queue) => queue.name(),
        }
    }

    /// Largest payload it takes, in bytes.
    pub fn max_record(&self) -> usize {
        match self {
            Self::Stream(stream) => usize::try_from(stream.section().max_record.0).unwrap_or(usize::MAX),
            Self::Queue(_) => LARGEST_MESSAGE,
        }
    }

    /// Whether the target can take a record.
    ///
    /// # Errors
    /// [`Unfit`] when a part of it is too long.
    pub fn check(&self, outgoing: &Outgoing) -> Result<(), Unfit> {
        let parts = [
            ("key", outgoing.key.len(), LONGEST_SMALL_PART),
            ("attributes", outgoing.attributes.len(), LONGEST_SMALL_PART),
            ("payload", outgoing.payload.len(), self.max_record()),
        ];
        match parts.into_iter().find(|(_, size, limit)| size > limit) {
            Some((part, size, limit)) => Err(Unfit { target: self.name().to_owned(), part, size, limit }),
            None => Ok(()),
        }
    }

    /// Adds the records to the batch: to a stream by partition key, in order within each shard.
    /// Limits of a stream are for its clients: records from inside are never throttled. When a shard closes
    /// before the batch is committed, that is refused whole, and is to be built again.
    ///
    /// # Errors
    /// [`Unfit`] when one record is too large; the batch is unchanged then.
    pub fn add(&self, batch: &mut Batch, outgoing: Vec<Outgoing>, now_ms: i64) -> Result<(), Unfit> {
        outgoing.iter().try_for_each(|record| self.check(record))?;
        match self {
            Self::Stream(stream) => add_to_stream(stream, batch, &outgoing, now_ms),
            Self::Queue(queue) => {
                let mut block = RecordBlock::new();
                for record in &outgoing {
                    block.push(now_ms, &record.key, &record.attributes, &record.payload);
                }
                if !block.is_empty() {
                    batch.send(queue.id(), block, 0);
                }
            }
        }
        Ok(())
    }
}

fn add_to_stream(stream: &Stream, batch: &mut Batch, outgoing: &[Outgoing], now_ms: i64) {
    let layout = stream.layout();
    let mut blocks: BTreeMap<u32, (ShardId, RecordBlock)> = BTreeMap::new();
    for record in outgoing {
        let random;
        let key = match record.key.is_empty() {
            true => {
                random = random_key();
                random.as_bytes()
            }
            false => &record.key,
        };
        let shard = layout.route(key);
        let (_, block) = blocks.entry(shard.index).or_insert_with(|| (shard.id, RecordBlock::new()));
        block.push(now_ms, key, &record.attributes, &record.payload);
    }
    for (id, block) in blocks.into_values() {
        batch.append(id, block);
    }
}

/// A partition key for a record that names none: spreads evenly over the shards.
pub fn random_key() -> String {
    let mut key = String::with_capacity(16);
    // Writing to a string does not fail.
    let _ = write!(key, "{:016x}", rand::random::<u64>());
    key
}
