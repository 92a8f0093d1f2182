//! Readers that have left the topology.
//!
//! A shard keeps its records until every reader's checkpoint has passed, so a reader whose node
//! was taken out of the file would hold them for ever. Dropping it unasked could lose records
//! that somebody only meant to pause; so it is kept, and named at each start until it is forgotten.

use super::{Plan, Section};
use crate::{
    pipeline::stream::Stream,
    storage::{Batch, CommitError, ShardId, Store},
};
use std::{collections::BTreeMap, sync::Arc};

const CHECKPOINTS: &str = "checkpoint/";

/// A reader with checkpoints but without a node that would move them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftReader {
    pub reader: String,
    /// Records that it has not read, over all shards it left a checkpoint in.
    pub unread: u64,
    keys: Vec<String>,
}

/// The readers in the store that no node of the plan is.
pub fn left_readers(plan: &Plan, streams: &BTreeMap<String, Arc<Stream>>, store: &Store) -> Vec<LeftReader> {
    let mut left: BTreeMap<String, LeftReader> = BTreeMap::new();
    for (key, value) in store.list(CHECKPOINTS) {
        let Some((reader, shard)) = key.strip_prefix(CHECKPOINTS).and_then(|rest| rest.rsplit_once('/'))
        else {
            continue;
        };
        let Ok(shard) = shard.parse().map(ShardId) else { continue };
        if reads(plan, streams, reader, shard) {
            continue;
        }
        let next = value.as_ref().try_into().map(u64::from_le_bytes).unwrap_or(0);
        let unread = store.range(shard).map_or(0, |range| range.next.saturating_sub(next.max(range.first)));
        let entry = left.entry(reader.to_owned()).or_default();
        entry.reader = reader.to_owned();
        entry.unread += unread;
        entry.keys.push(key.clone());
    }
    left.into_values().collect()
}

fn reads(plan: &Plan, streams: &BTreeMap<String, Arc<Stream>>, reader: &str, shard: ShardId) -> bool {
    let from = plan.node(reader).filter(|node| !matches!(node.section, Section::Workers(_)));
    let stream = from.and_then(|node| streams.get(&node.from.as_ref()?.node));
    stream.is_some_and(|stream| stream.shards().iter().any(|own| own.id == shard))
}

/// Drops a reader's checkpoints: what it had not read is kept no longer than the stream's retention.
///
/// # Errors
/// See [`CommitError`].
pub async fn forget(reader: &LeftReader, store: &Store) -> Result<(), CommitError> {
    let mut batch = Batch::new();
    for key in &reader.keys {
        batch.remove(key.as_str());
    }
    store.commit(batch).await.map(drop)
}
