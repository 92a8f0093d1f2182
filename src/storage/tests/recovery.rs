//! What a crash leaves is cut; what anything else leaves is named.

use super::super::log_file::log_path;
use super::super::*;
use super::{append, damage, frames_of, open, payloads, written_files};
use crate::telemetry::StorageMetrics;
use std::path::Path;

/// A killed store with `count` commits of one record each; the payload is the number.
async fn killed(folder: &Path, count: u32) -> ShardId {
    let store = open(folder);
    let shard = filled(&store, count).await;
    drop(store);
    shard
}

async fn filled(store: &Store, count: u32) -> ShardId {
    let shard = store.declare_shard("s").await.unwrap();
    for number in 0..count {
        store.commit(append(shard, &[&number.to_le_bytes().repeat(100)])).await.unwrap();
    }
    shard
}

fn refusal(folder: &Path) -> OpenError {
    match Store::open(folder, StorageSettings::small(), StorageMetrics::unregistered()) {
        Ok(_) => panic!("the damaged folder was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_never_seen_again() {
    let folder = tempfile::tempdir().unwrap();
    let shard = killed(folder.path(), 20).await;
    let (offset, end, _) = *frames_of(folder.path(), 1).last().unwrap();
    damage(&log_path(folder.path(), 1), end - 200, &[0xEE; 50]);
    let store = open(folder.path());
    assert_eq!(store.range(shard).unwrap().next, 19);
    drop(store);
    let image = std::fs::read(log_path(folder.path(), 1)).unwrap();
    assert!(image[offset as usize..].iter().all(|byte| *byte == 0), "the torn bytes are gone from the disk");
    let store = open(folder.path());
    store.commit(append(shard, &[b"next"])).await.unwrap();
    let all = payloads(&store, shard, 0).await;
    assert_eq!((all.len(), all[19].as_slice()), (20, &b"next"[..]));
}

#[tokio::test]
async fn damage_before_the_tail_is_refused_with_file_and_offset() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path(), 20).await;
    let (offset, _, _) = frames_of(folder.path(), 1)[7];
    damage(&log_path(folder.path(), 1), offset + 100, b"!");
    match refusal(folder.path()) {
        OpenError::Corrupt { path, offset: at, .. } => {
            assert_eq!((path, at), (log_path(folder.path(), 1), offset));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn damage_at_the_end_of_a_file_that_another_follows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(
        folder.path(),
        StorageSettings { snapshot_bytes: u64::MAX, ..StorageSettings::small() },
        StorageMetrics::unregistered(),
    )
    .unwrap();
    filled(&store, 300).await;
    drop(store);
    assert!(written_files(folder.path()).len() > 2);
    let (offset, _, _) = *frames_of(folder.path(), 1).last().unwrap();
    damage(&log_path(folder.path(), 1), offset, &[0; 512]);
    let first_of_next = frames_of(folder.path(), 2)[0].0;
    assert!(matches!(refusal(folder.path()), OpenError::Corrupt { offset: at, .. } if at == offset));
    let fresh = tempfile::tempdir().unwrap();
    let store = Store::open(
        fresh.path(),
        StorageSettings { snapshot_bytes: u64::MAX, ..StorageSettings::small() },
        StorageMetrics::unregistered(),
    )
    .unwrap();
    filled(&store, 300).await;
    drop(store);
    damage(&log_path(fresh.path(), 2), first_of_next, &[0; 512]);
    match refusal(fresh.path()) {
        OpenError::Corrupt { path, .. } => assert_eq!(path, log_path(fresh.path(), 2)),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn damage_to_the_last_frame_of_a_closed_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    filled(&store, 20).await;
    store.close().unwrap();
    let (offset, end, _) = *frames_of(folder.path(), 1).last().unwrap();
    damage(&log_path(folder.path(), 1), end - 200, b"!");
    assert!(matches!(refusal(folder.path()), OpenError::Corrupt { offset: at, .. } if at == offset));
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path(), 300).await;
    let path = log_path(folder.path(), 2);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(refusal(folder.path()), OpenError::Missing { path: named } if named == path));
}

#[tokio::test]
async fn a_damaged_snapshot_costs_only_a_longer_replay() {
    let folder = tempfile::tempdir().unwrap();
    let shard = killed(folder.path(), 700).await;
    let snapshots = super::super::disk::list(&super::super::snapshot::state_folder(folder.path())).unwrap();
    assert_eq!(snapshots.len(), 2);
    damage(&snapshots[1], 60, b"!!!");
    let store = open(folder.path());
    let all = payloads(&store, shard, 0).await;
    assert_eq!(all.len(), 700);
    assert!(all.iter().zip(0_u32..).all(|(payload, number)| payload[..4] == number.to_le_bytes()));
}

#[tokio::test]
async fn one_damaged_manifest_is_as_good_as_none_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let shard = killed(folder.path(), 300).await;
    for slot in ["manifest.0", "manifest.1"] {
        damage(&folder.path().join(slot), 20, b"!!!");
        assert_eq!(payloads(&open(folder.path()), shard, 0).await.len(), 300);
    }
    for slot in ["manifest.0", "manifest.1"] {
        damage(&folder.path().join(slot), 20, b"!!!");
    }
    assert!(matches!(refusal(folder.path()), OpenError::Corrupt { .. }));
    std::fs::remove_file(folder.path().join("manifest.0")).unwrap();
    std::fs::remove_file(folder.path().join("manifest.1")).unwrap();
    assert!(matches!(refusal(folder.path()), OpenError::Missing { .. }));
}

#[tokio::test]
async fn a_newer_format_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path(), 3).await;
    for slot in ["manifest.0", "manifest.1"] {
        let path = folder.path().join(slot);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4] = 2;
        let end = bytes.len() - 4;
        let crc = super::super::sum::crc32c(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&crc);
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(matches!(refusal(folder.path()), OpenError::Version { found: 2, supported: 1, .. }));
}

#[tokio::test]
async fn what_an_earlier_use_of_a_file_left_never_counts() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path(), 20).await;
    let old = std::fs::read(log_path(folder.path(), 1)).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let shard = killed(fresh.path(), 3).await;
    let end = frames_of(fresh.path(), 1).last().unwrap().1;
    damage(&log_path(fresh.path(), 1), end, &old[end as usize..]);
    assert_eq!(open(fresh.path()).range(shard).unwrap().next, 3);
}
