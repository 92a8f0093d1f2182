//! How the definition of a stream lies in the registry: what it is as a whole under `stream/KEY`, its
//! shards in pages under `stream-shards/KEY/PAGE`, by their numbers. A change writes the pages it
//! touches, however old the stream is; a page whose shards are all forgotten is removed.

use super::{
    StreamError,
    definition::{DefinedShard, Definition, STREAM, fresh_id},
};
use crate::storage::{Batch, Store};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Begins the registry's keys of pages.
const PAGES: &str = "stream-shards/";
/// Shard numbers of one page: with their 128-bit hashes as text, far below the largest value.
const PAGE: u32 = 256;
const VERSION: u32 = 3;

/// What `stream/KEY` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    declared: u32,
    id: String,
    prefix: String,
    created_at_ms: i64,
    next_index: u32,
    departed: u64,
    /// Where version 2 had all shards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shards: Vec<DefinedShard>,
    /// The pages there are.
    #[serde(default)]
    pages: Vec<u32>,
}

/// How version 1 told shards, which were all open and even.
#[derive(Deserialize)]
struct FirstVersion {
    shards: Vec<FirstShard>,
}

#[derive(Deserialize)]
struct FirstShard {
    #[serde(with = "super::definition::decimal")]
    first_hash: u128,
    #[serde(with = "super::definition::decimal")]
    last_hash: u128,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// A definition that was found.
#[derive(Debug)]
pub(super) struct Kept {
    pub definition: Definition,
    /// It lies in the registry as this build writes it.
    pub is_current: bool,
}

fn page_key(key: &str, page: u32) -> String {
    format!("{PAGES}{key}/{page:08}")
}

fn by_page(shards: &[DefinedShard]) -> BTreeMap<u32, &[DefinedShard]> {
    let page = |shard: &DefinedShard| shard.index / PAGE;
    let pages = shards.chunk_by(|one, next| page(one) == page(next));
    pages.filter_map(|shards| Some((page(shards.first()?), shards))).collect()
}

impl Definition {
    /// Reads what is kept under a stream's key; version 1 becomes this one, made at `now_ms`.
    ///
    /// # Errors
    /// [`StreamError::Definition`], [`StreamError::Version`], [`StreamError::Page`].
    pub(super) fn find(key: &str, store: &Store, now_ms: i64) -> Result<Option<Kept>, StreamError> {
        let Some(bytes) = store.get(&format!("{STREAM}{key}")) else { return Ok(None) };
        let damaged = |cause| StreamError::Definition { name: key.to_owned(), cause };
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(damaged)?;
        let (definition, is_current) = match version {
            1 => (first_version(key, &bytes, now_ms)?, false),
            2 => (whole(serde_json::from_slice(&bytes).map_err(damaged)?), false),
            VERSION => {
                let mut head: Head = serde_json::from_slice(&bytes).map_err(damaged)?;
                for page in head.pages.drain(..) {
                    let bytes = store.get(&page_key(key, page));
                    let bytes = bytes.ok_or_else(|| StreamError::Page { name: key.to_owned(), page })?;
                    let shards: Vec<DefinedShard> = serde_json::from_slice(&bytes).map_err(damaged)?;
                    head.shards.extend(shards);
                }
                (whole(head), true)
            }
            found => {
                return Err(StreamError::Version { name: key.to_owned(), found, supported: VERSION });
            }
        };
        Ok(Some(Kept { definition, is_current }))
    }

    /// Adds to the batch what is to be written under a stream's key; `before` is what lies there as this
    /// build writes it.
    ///
    /// # Errors
    /// [`StreamError::Definition`].
    pub(super) fn write(
        &self,
        key: &str,
        before: Option<&Self>,
        batch: &mut Batch,
    ) -> Result<(), StreamError> {
        let damaged = |cause| StreamError::Definition { name: key.to_owned(), cause };
        let pages = by_page(&self.shards);
        let old = before.map(|before| by_page(&before.shards)).unwrap_or_default();
        for (page, shards) in &pages {
            if old.get(page) != Some(shards) {
                batch.put(page_key(key, *page), serde_json::to_vec(shards).map_err(damaged)?, None);
            }
        }
        old.keys()
            .filter(|page| !pages.contains_key(page))
            .for_each(|page| batch.remove(page_key(key, *page)));
        let head = Head {
            version: VERSION,
            declared: self.declared,
            id: self.id.clone(),
            prefix: self.prefix.clone(),
            created_at_ms: self.created_at_ms,
            next_index: self.next_index,
            departed: self.departed,
            shards: Vec::new(),
            pages: pages.into_keys().collect(),
        };
        batch.put(format!("{STREAM}{key}"), serde_json::to_vec(&head).map_err(damaged)?, None);
        Ok(())
    }

    /// Adds to the batch what removes the definition.
    pub(super) fn remove(&self, key: &str, batch: &mut Batch) {
        by_page(&self.shards).into_keys().for_each(|page| batch.remove(page_key(key, page)));
        batch.remove(format!("{STREAM}{key}"));
    }
}

fn whole(head: Head) -> Definition {
    let Head { declared, id, prefix, created_at_ms, next_index, departed, shards, .. } = head;
    Definition { declared, id, prefix, created_at_ms, next_index, departed, shards }
}

fn first_version(key: &str, bytes: &[u8], now_ms: i64) -> Result<Definition, StreamError> {
    let damaged = |cause| StreamError::Definition { name: key.to_owned(), cause };
    let first: FirstVersion = serde_json::from_slice(bytes).map_err(damaged)?;
    let ranges = first.shards.iter().map(|shard| shard.first_hash..=shard.last_hash);
    let mut read = Definition::of_ranges(key.to_owned(), fresh_id(), ranges, now_ms);
    read.declared = read.next_index;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{storage::StorageSettings, telemetry::StorageMetrics};

    fn store(folder: &std::path::Path) -> Store {
        let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        Store::open(folder, settings, StorageMetrics::unregistered()).unwrap()
    }

    async fn keep(store: &Store, key: &str, value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(key, value.to_vec(), None);
        store.commit(batch).await.unwrap();
    }

    #[tokio::test]
    async fn what_version_one_and_two_kept_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let kept = br#"{"version":1,"shards":[
            {"id":"shardId-000000000000","first_hash":"0","last_hash":"170141183460469231731687303715884105727"},
            {"id":"shardId-000000000001","first_hash":"170141183460469231731687303715884105728",
             "last_hash":"340282366920938463463374607431768211455"}]}"#;
        keep(&store, "stream/trips", kept).await;
        let read = Definition::find("trips", &store, 7).unwrap().unwrap();
        let even = Definition::even("trips".to_owned(), read.definition.id.clone(), 2, 7);
        assert!(!read.is_current);
        assert_eq!(read.definition, Definition { declared: 2, ..even });
        assert_eq!(read.definition.stored_name(1), "trips/shardId-000000000001");
        let kept =
            br#"{"version":2,"declared":1,"id":"i","prefix":"trips@i","created_at_ms":5,"next_index":1,
            "departed":9,"shards":[{"index":0,"first_hash":"0",
            "last_hash":"340282366920938463463374607431768211455","opened_at_ms":5}]}"#;
        keep(&store, "stream/trips", kept).await;
        let read = Definition::find("trips", &store, 99).unwrap().unwrap();
        let even = Definition::even("trips@i".to_owned(), "i".to_owned(), 1, 5);
        assert_eq!(read.definition, Definition { declared: 1, departed: 9, ..even });
    }

    #[tokio::test]
    async fn a_definition_is_read_back_as_written_and_only_pages_that_changed_are_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let mut definition = Definition::even("trips".to_owned(), fresh_id(), 700, 7);
        let mut batch = Batch::new();
        definition.write("trips", None, &mut batch).unwrap();
        store.commit(batch).await.unwrap();
        let before = definition.clone();
        let pages = || store.list("stream-shards/trips/");
        let written = pages();
        assert_eq!(written.len(), 3);
        definition.split(1, 1 << 119, 9).unwrap();
        let mut batch = Batch::new();
        definition.write("trips", Some(&before), &mut batch).unwrap();
        store.commit(batch).await.unwrap();
        let read = Definition::find("trips", &store, 99).unwrap().unwrap();
        assert_eq!((read.definition, read.is_current), (definition.clone(), true));
        let same = written.iter().zip(pages()).map(|(before, after)| before.1 == after.1);
        assert_eq!(same.collect::<Vec<_>>(), [false, true, false]);
        let before = definition.clone();
        definition.shards.retain(|shard| shard.index >= 256);
        let mut batch = Batch::new();
        definition.write("trips", Some(&before), &mut batch).unwrap();
        store.commit(batch).await.unwrap();
        assert_eq!(pages().len(), 2);
        assert_eq!(Definition::find("trips", &store, 99).unwrap().unwrap().definition, definition);
        let mut batch = Batch::new();
        definition.remove("trips", &mut batch);
        store.commit(batch).await.unwrap();
        assert!(pages().is_empty() && Definition::find("trips", &store, 99).unwrap().is_none());
    }

    #[tokio::test]
    async fn a_later_version_and_a_page_that_is_missing_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        keep(&store, "stream/trips", br#"{"version":4}"#).await;
        let refused = Definition::find("trips", &store, 0).unwrap_err().to_string();
        assert!(refused.contains("version 4"), "{refused}");
        let mut batch = Batch::new();
        Definition::even("trips".to_owned(), fresh_id(), 3, 7).write("trips", None, &mut batch).unwrap();
        batch.remove("stream-shards/trips/00000000");
        store.commit(batch).await.unwrap();
        let refused = Definition::find("trips", &store, 0).unwrap_err().to_string();
        assert!(refused.contains("page 0"), "{refused}");
    }
}
