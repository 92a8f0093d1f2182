//! The doctor finds damage, repairs what costs nothing, and hides no loss.

use super::super::doctor::{examine, repair};
use super::super::log_file::{index_path, log_path};
use super::super::*;
use super::{append, block, damage, frames_of, open, payloads, tick, written_files};
use crate::telemetry::StorageMetrics;
use std::path::Path;
use std::time::Duration;

async fn filled(folder: &Path, close: bool) -> ShardId {
    let store = open(folder);
    let shard = store.declare_shard("s").await.unwrap();
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    for turn in 0..200_u32 {
        let mut batch = append(shard, &[&turn.to_le_bytes().repeat(300)]);
        batch.send(queue, block(&[&turn.to_le_bytes()]), 0);
        store.commit(batch).await.unwrap();
    }
    if close {
        store.close().unwrap();
    }
    shard
}

#[tokio::test]
async fn a_whole_folder_is_found_whole() {
    for close in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), close).await;
        let examination = examine(folder.path(), |_| {}).unwrap();
        assert_eq!(examination.findings, []);
        assert_eq!(examination.records, 400);
    }
}

#[tokio::test]
async fn a_folder_in_use_is_not_examined() {
    let folder = tempfile::tempdir().unwrap();
    let _store = open(folder.path());
    assert!(matches!(examine(folder.path(), |_| {}), Err(OpenError::Locked { .. })));
}

#[tokio::test]
async fn derived_and_doubled_files_are_repaired_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    let shard = filled(folder.path(), true).await;
    damage(&index_path(folder.path(), 1), 30, b"!!!");
    damage(&folder.path().join("manifest.1"), 9, b"!!!");
    let snapshots = super::super::disk::list(&super::super::snapshot::state_folder(folder.path())).unwrap();
    damage(&snapshots[1], 70, b"!!!");
    let examination = examine(folder.path(), |_| {}).unwrap();
    let mut remedies: Vec<Remedy> = examination.findings.iter().map(|finding| finding.remedy).collect();
    remedies.sort_by_key(|remedy| *remedy as u8);
    assert_eq!(remedies, [Remedy::RebuildIndex, Remedy::RewriteManifest, Remedy::DropSnapshot]);
    assert!(examination.is_harmless());
    let repaired = repair(folder.path(), &examination, false).unwrap();
    assert_eq!((repaired.actions.len(), repaired.losses.len()), (3, 0));
    assert_eq!(examine(folder.path(), |_| {}).unwrap().findings, []);
    assert_eq!(payloads(&open(folder.path()), shard, 0).await.len(), 200);
}

#[tokio::test]
async fn a_loss_is_accepted_only_when_asked_and_then_written_down() {
    for (missing, close, last) in [
        (false, true, false),
        (true, true, false),
        (false, false, false),
        (true, false, false),
        (true, true, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let shard = filled(folder.path(), close).await;
        let files = written_files(folder.path());
        let number = if last { files[files.len() - 1] } else { files[1] };
        let path = log_path(folder.path(), number);
        if missing {
            std::fs::remove_file(&path).unwrap();
        } else {
            let (offset, _, _) = frames_of(folder.path(), number)[3];
            damage(&path, offset + 80, b"!!!");
        }
        let examination = examine(folder.path(), |_| {}).unwrap();
        assert!(!examination.is_harmless());
        let repaired = repair(folder.path(), &examination, true).unwrap();
        let of_shard: Vec<&Loss> = repaired.losses.iter().filter(|loss| loss.shard == shard.0).collect();
        let [loss] = of_shard[..] else { panic!("{:?}", repaired.losses) };
        assert!(missing || path.with_extension("damaged").exists());
        assert!(folder.path().join("LOSSES.json").exists());
        let store = open(folder.path());
        assert!(store.get("losses").is_some());
        let lost = store.read(shard, loss.first, 10, 10_000).await;
        let Err(ReadError::Lost { first, next, .. }) = lost else { panic!("{lost:?}") };
        assert_eq!((first, next), (loss.first, loss.next));
        let after = payloads(&store, shard, next).await;
        let expected: Vec<Vec<u8>> = (next as u32..200).map(|turn| turn.to_le_bytes().repeat(300)).collect();
        assert_eq!(after, expected);
        let hour = Duration::from_secs(3600);
        let mut received = 0;
        loop {
            let messages = store.receive(QueueId(1), 50, hour, Duration::ZERO).await.unwrap();
            if messages.is_empty() {
                break;
            }
            received += messages.len();
        }
        assert_eq!(received as u64, 200 - (loss.next - loss.first));
        store.close().unwrap();
        assert_eq!(examine(folder.path(), |_| {}).unwrap().findings, []);
    }
}

/// The newest snapshot lies in the middle of the file that is lost: what it knew and what came after
/// are one loss, of the messages too.
#[tokio::test]
async fn a_loss_across_a_snapshot_is_one_loss() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StorageSettings { snapshot_bytes: 40 * 1024, ..StorageSettings::small() };
    let store = Store::open(folder.path(), settings, StorageMetrics::unregistered()).unwrap();
    let (shard, queue) = (store.declare_shard("s").await.unwrap(), QueueId(1));
    store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    for turn in 0..200_u32 {
        let mut batch = append(shard, &[&turn.to_le_bytes().repeat(300)]);
        batch.send(queue, block(&[&turn.to_le_bytes()]), 0);
        store.commit(batch).await.unwrap();
        tick(&store);
    }
    drop(store);
    for number in written_files(folder.path()).into_iter().skip(1).take(2) {
        std::fs::remove_file(log_path(folder.path(), number)).unwrap();
    }
    let examination = examine(folder.path(), |_| {}).unwrap();
    let repaired = repair(folder.path(), &examination, true).unwrap();
    let ranges: Vec<_> = repaired.losses.iter().map(|loss| (loss.shard, loss.first, loss.next)).collect();
    let [(0, first, next), (1, ..)] = ranges[..] else { panic!("{ranges:?}") };
    assert_eq!(ranges[1], (1, first, next));
}
