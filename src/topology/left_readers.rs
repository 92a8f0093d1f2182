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
    stream.is_some_and(|stream| stream.layout().shards().iter().any(|own| own.id == shard))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pipeline::stream::ShardReader,
        storage::{RecordBlock, StorageSettings},
        telemetry::{Metrics, StorageMetrics},
        topology::{Language, load_text},
    };
    use std::path::Path;

    const TWO: &str = r#"
        [ingress.door]
        to = "trips"
        [stream.trips]
        [raw.bronze]
        from = "trips"
        store = "file://raw"
    "#;

    fn plan(text: &str) -> Plan {
        load_text(Path::new("trial.toml"), text, Language::Toml, &|_| None).unwrap()
    }

    async fn streams(plan: &Plan, store: &Store) -> BTreeMap<String, Arc<Stream>> {
        let mut streams = BTreeMap::new();
        for node in &plan.nodes {
            if let Section::Stream(section) = &node.section {
                let metrics = Metrics::new().node(&node.name, "stream");
                let stream = Stream::open(&node.name, section, store.clone(), metrics).await.unwrap();
                streams.insert(node.name.clone(), stream);
            }
        }
        streams
    }

    #[tokio::test]
    async fn a_reader_without_a_node_is_named_with_what_it_has_not_read_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let settings = StorageSettings { free_space_floor: 0, ..StorageSettings::default() };
        let store = Store::open(folder.path(), settings, StorageMetrics::unregistered()).unwrap();
        let plan = plan(TWO);
        let streams = streams(&plan, &store).await;
        let shard = &streams["trips"].shard(0).unwrap();
        for reader in ["bronze", "silver"] {
            ShardReader::open(store.clone(), reader, shard).await.unwrap();
        }
        let mut block = RecordBlock::new();
        (0..3).for_each(|_| block.push(1, b"key", b"", b"{}"));
        let mut batch = Batch::new();
        batch.append(shard.id, block);
        store.commit(batch).await.unwrap();

        let left = left_readers(&plan, &streams, &store);
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!((left[0].reader.as_str(), left[0].unread), ("silver", 3));
        forget(&left[0], &store).await.unwrap();
        assert_eq!(left_readers(&plan, &streams, &store), []);
        assert_eq!(store.checkpoint("silver", shard.id), None);
        assert_eq!(store.checkpoint("bronze", shard.id), Some(0));
        store.close().unwrap();
    }
}
