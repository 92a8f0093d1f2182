//! Single mutations of any file: the same data or a named refusal, never silently wrong.
//! `CAUDAL_MUTATIONS` sets how many are tried.

use super::super::*;
use super::{append, block, copy};
use crate::telemetry::StorageMetrics;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that a store holds, as a reader sees it.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    shards: Vec<(ShardRange, Vec<StoredAs>)>,
    depths: Vec<QueueDepth>,
    values: Vec<(String, bytes::Bytes)>,
}

type StoredAs = (u64, Vec<u8>, Vec<u8>);

async fn contents(store: &Store) -> Result<Contents, ReadError> {
    let mut shards = Vec::new();
    for shard in 0..3 {
        let shard = ShardId(shard);
        let range = store.range(shard).ok_or(ReadError::UnknownTarget(shard.0))?;
        let (mut at, mut records) = (range.first, Vec::new());
        while at < range.next {
            let slice = store.read(shard, at, 100, 100_000).await?;
            records.extend(
                slice
                    .records
                    .iter()
                    .map(|record| (record.sequence, record.key.to_vec(), record.payload.to_vec())),
            );
            at = slice.next;
        }
        shards.push((range, records));
    }
    let depths = store.depth(QueueId(3)).into_iter().collect();
    Ok(Contents { shards, depths, values: store.list("") })
}

/// Several files, snapshots, a queue, checkpoints, values.
async fn original(folder: &Path, closed: bool) -> Contents {
    let settings = StorageSettings { flush: true, ..StorageSettings::small() };
    let store = Store::open(folder, settings, StorageMetrics::unregistered()).unwrap();
    for name in ["a", "b", "c"] {
        store.declare_shard(name).await.unwrap();
    }
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let mut random = StdRng::seed_from_u64(5);
    for turn in 0..200_u32 {
        let payload: Vec<u8> = (0..random.random_range(10..3000)).map(|_| random.random()).collect();
        let mut batch = append(ShardId(turn % 3), &[&payload, &turn.to_le_bytes()]);
        batch.checkpoint("reader", ShardId(turn % 3), u64::from(turn / 3));
        batch.put(format!("value/{}", turn % 7), turn.to_string(), None);
        batch.send(queue, block(&[&turn.to_le_bytes()]), 0);
        store.commit(batch).await.unwrap();
    }
    let wait = Duration::from_secs(600);
    let messages = store.receive(queue, 50, wait, wait).await.unwrap();
    let mut batch = Batch::new();
    messages.iter().for_each(|message| batch.settle(&message.receipt));
    store.commit(batch).await.unwrap();
    let seen = contents(&store).await.unwrap();
    if closed {
        store.close().unwrap();
    } else {
        super::tick(&store);
    }
    seen
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in super::super::disk::list(folder).unwrap() {
        match path.is_dir() {
            true => files.extend(files_under(&path)),
            false => files.push(path),
        }
    }
    files.retain(|path| !path.ends_with("LOCK"));
    files
}

fn mutate(random: &mut StdRng, folder: &Path) -> String {
    let files = files_under(folder);
    let path = &files[random.random_range(0..files.len())];
    let mut bytes = std::fs::read(path).unwrap();
    // Half of the mutations hit what is written, not the room after it.
    let used = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let end = if random.random() { used.max(1) } else { bytes.len().max(1) };
    let kind = random.random_range(0..5);
    if bytes.is_empty() {
        return "an empty file".to_owned();
    }
    let at = random.random_range(0..end.min(bytes.len()));
    let length = bytes.len();
    match kind {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at..(at + 4096).min(length)].fill(0),
        2 => bytes.truncate(at),
        3 if length >= 2 * 512 => {
            let (one, two) = (random.random_range(0..length / 512), random.random_range(0..length / 512));
            for index in 0..512 {
                bytes.swap(one * 512 + index, two * 512 + index);
            }
        }
        3 => bytes.reverse(),
        _ => {
            std::fs::remove_file(path).unwrap();
            return format!("{} removed", path.display());
        }
    }
    std::fs::write(path, bytes).unwrap();
    format!("{} mutated ({kind}) at {at}", path.display())
}

async fn tried(closed: bool, seeds: std::ops::Range<u64>) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let expected = original(folder.path(), closed).await;
    let (mut same, mut refused) = (0, 0);
    for seed in seeds {
        let copied = tempfile::tempdir().unwrap();
        copy(folder.path(), copied.path());
        let what = mutate(&mut StdRng::seed_from_u64(seed), copied.path());
        match Store::open(copied.path(), StorageSettings::small(), StorageMetrics::unregistered()) {
            Err(_) => refused += 1,
            Ok(store) => match contents(&store).await {
                Err(_) => refused += 1,
                Ok(seen) => {
                    assert!(seen == expected, "seed {seed}: {what}: silently wrong");
                    same += 1;
                }
            },
        }
    }
    (same, refused)
}

fn mutations() -> u64 {
    std::env::var("CAUDAL_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(300)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutation_of_a_closed_folder_is_silently_wrong() {
    let (same, refused) = tried(true, 0..mutations()).await;
    assert!(same > 0 && refused > 0, "{same} {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutation_of_a_killed_folder_is_silently_wrong() {
    let (same, refused) = tried(false, 1_000_000..1_000_000 + mutations()).await;
    assert!(same > 0 && refused > 0, "{same} {refused}");
}
