//! Retention, files let go, the full disk.

use super::super::locking::locked;
use super::super::*;
use super::{append, block, open, payloads, tick, written_files};
use crate::telemetry::StorageMetrics;
use std::time::Duration;

const NOTHING_OLD: Retention = Retention { age: Some(Duration::ZERO), bytes: None };

async fn fill(store: &Store, shard: ShardId, commits: u32) {
    for turn in 0..commits {
        store.commit(append(shard, &[&turn.to_le_bytes().repeat(500)])).await.unwrap();
    }
}

/// Ticks and commits, so that trims become durable and snapshots follow.
async fn settle_down(store: &Store, shard: ShardId) {
    for _ in 0..8 {
        tick(store);
        store.commit(append(shard, &[b"x"])).await.unwrap();
    }
}

/// A message that waits in the first log file, among records that nobody will read again.
async fn one_message_among_dead_records(folder: &std::path::Path) -> (Store, ShardId, QueueId) {
    let store = open(folder);
    let shard = store.declare_shard("s").await.unwrap();
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let mut batch = Batch::new();
    batch.send(queue, block(&[b"still here"]), 0);
    store.commit(batch).await.unwrap();
    store.retain(shard, NOTHING_OLD);
    fill(&store, shard, 300).await;
    (store, shard, queue)
}

#[tokio::test]
async fn what_every_reader_has_passed_goes_and_its_files_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (shard, other) = (store.declare_shard("s").await.unwrap(), store.declare_shard("t").await.unwrap());
    fill(&store, shard, 200).await;
    let before = written_files(folder.path()).len();
    let mut batch = Batch::new();
    batch.checkpoint("slow", shard, 60);
    batch.checkpoint("fast", shard, 200);
    store.commit(batch).await.unwrap();
    store.retain(shard, NOTHING_OLD);
    settle_down(&store, other).await;
    let range = store.range(shard).unwrap();
    assert_eq!((range.first, range.next), (60, 200));
    assert!(matches!(store.read(shard, 59, 1, 1).await, Err(ReadError::Trimmed { first: 60, .. })));
    assert_eq!(payloads(&store, shard, 60).await.len(), 140);
    let mut batch = Batch::new();
    batch.checkpoint("slow", shard, 200);
    store.commit(batch).await.unwrap();
    settle_down(&store, other).await;
    assert_eq!(store.range(shard).unwrap().first, 200);
    assert!(written_files(folder.path()).len() < before, "{before} files before");
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.range(shard).unwrap().first, 200);
    fill(&store, shard, 200).await;
    drop(store);
    let store = open(folder.path());
    assert_eq!(payloads(&store, shard, 200).await.len(), 200);
}

#[tokio::test]
async fn files_that_hold_a_waiting_message_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (store, shard, queue) = one_message_among_dead_records(folder.path()).await;
    settle_down(&store, shard).await;
    let first = super::super::log_file::log_path(folder.path(), 1);
    assert!(
        std::fs::metadata(&first).unwrap().len() < 2048,
        "the file was rewritten without its dead records"
    );
    let examination = super::super::doctor::examine(folder.path(), |_| {});
    assert!(matches!(examination, Err(OpenError::Locked { .. })));
    drop(store);
    assert_eq!(super::super::doctor::examine(folder.path(), |_| {}).unwrap().findings, []);
    let store = open(folder.path());
    let hour = Duration::from_secs(3600);
    let messages = store.receive(queue, 1, hour, hour).await.unwrap();
    assert_eq!(&*messages[0].record.payload, b"still here");
}

#[tokio::test]
async fn a_full_disk_holds_growth_back_and_lets_the_rest_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let mut batch = append(shard, &[b"x"]);
    batch.send(queue, block(&[b"message"]), 0);
    store.commit(batch).await.unwrap();
    store.close().unwrap();
    let settings = StorageSettings { free_space_floor: u64::MAX / 4, ..StorageSettings::small() };
    let store = Store::open(folder.path(), settings, StorageMetrics::unregistered()).unwrap();
    tick(&store);
    assert!(store.disk_full() && store.healthy());
    assert!(matches!(store.commit(append(shard, &[b"y"])).await, Err(CommitError::DiskFull)));
    assert_eq!(payloads(&store, shard, 0).await, [b"x"]);
    let hour = Duration::from_secs(3600);
    let messages = store.receive(queue, 1, hour, hour).await.unwrap();
    let mut batch = Batch::new();
    batch.settle(&messages[0].receipt);
    batch.checkpoint("reader", shard, 1);
    store.commit(batch).await.unwrap();
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.checkpoint("reader", shard), Some(1));
    store.commit(append(shard, &[b"y"])).await.unwrap();
    assert_eq!(payloads(&store, shard, 0).await, [b"x", b"y"]);
}

#[tokio::test]
async fn messages_past_their_retention_are_counted_as_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let policy = QueuePolicy {
        max_receives: None,
        retention: Some(Duration::from_millis(1)),
        ..QueuePolicy::default()
    };
    let queue = store.declare_queue("q", policy).await.unwrap();
    let mut batch = Batch::new();
    batch.send(queue, block(&[b"old", b"older"]), 0);
    store.commit(batch).await.unwrap();
    tick(&store);
    store.commit(Batch::new()).await.unwrap();
    drop(store);
    let depth = open(folder.path()).depth(queue).unwrap();
    assert_eq!((depth.expired, depth.ready), (2, 0));
}

#[tokio::test]
async fn nothing_is_committed_after_a_failed_flush() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    store.commit(append(shard, &[b"x"])).await.unwrap();
    store.handle.core.fail("flushing the log: input/output error".to_owned());
    assert!(!store.healthy());
    assert!(store.failed().await.contains("input/output error"));
    let refused = store.commit(append(shard, &[b"y"])).await;
    assert!(matches!(refused, Err(CommitError::Unknown(_))), "{refused:?}");
    assert_eq!(payloads(&store, shard, 0).await, [b"x"]);
    store.close().unwrap();
    assert_eq!(payloads(&open(folder.path()), shard, 0).await, [b"x"]);
}

/// What a kill leaves right after a rewrite: the file is short, the newest snapshot knows it whole.
#[tokio::test]
async fn a_file_rewritten_just_before_a_kill_is_never_taken_for_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, shard, _) = one_message_among_dead_records(folder.path()).await;
    let first = super::super::log_file::log_path(folder.path(), 1);
    for _ in 0..50 {
        store.commit(append(shard, &[b"x"])).await.unwrap();
        tick(&store);
        if std::fs::metadata(&first).unwrap().len() < 2048 {
            break;
        }
    }
    assert!(std::fs::metadata(&first).unwrap().len() < 2048, "the file was rewritten");
    drop(store);
    let store = open(folder.path());
    let files = locked(&store.core().state.files).clone();
    for (number, facts) in files {
        let path = super::super::log_file::log_path(folder.path(), number);
        assert_eq!(facts.size, std::fs::metadata(path).unwrap().len(), "log file {number}");
        assert!(facts.used <= facts.size, "log file {number}");
    }
}
