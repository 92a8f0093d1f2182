//! Shards that are closed and deleted.

use super::super::*;
use super::{append, block, open, payloads, tick};

fn is_closed<T>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::ShardClosed(_)))
}

async fn close(store: &Store, shard: ShardId) {
    let mut batch = Batch::new();
    batch.close_shard(shard);
    store.commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_closed_shard_is_read_and_takes_nothing_now_and_after_every_kind_of_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    store.commit(append(shard, &[b"a", b"b"])).await.unwrap();
    close(&store, shard).await;
    assert!(is_closed(&store.commit(append(shard, &[b"c"])).await));
    // From the log alone, then from a snapshot.
    drop(store);
    let store = open(folder.path());
    assert!(is_closed(&store.commit(append(shard, &[b"c"])).await));
    store.close().unwrap();
    let store = open(folder.path());
    assert!(is_closed(&store.commit(append(shard, &[b"c"])).await));
    assert_eq!(payloads(&store, shard, 0).await, [b"a", b"b"]);
    assert_eq!(store.declare_shard("s").await.unwrap(), shard, "it keeps its name");
}

#[tokio::test]
async fn what_comes_in_one_frame_with_the_closing_is_before_it_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    let other = store.declare_shard("t").await.unwrap();
    let mut last = append(shard, &[b"last"]);
    last.close_shard(shard);
    let mut both = append(other, &[b"x"]);
    both.append(shard, block(&[b"late"]));
    let tickets = [
        store.submit(append(shard, &[b"first"])).await.unwrap(),
        store.submit(last).await.unwrap(),
        store.submit(both).await.unwrap(),
    ];
    let [first, last, both] = tickets.map(Ticket::durable);
    assert!(first.await.is_ok() && last.await.is_ok());
    assert!(is_closed(&both.await));
    assert_eq!(payloads(&store, shard, 0).await, [b"first".to_vec(), b"last".to_vec()]);
    assert_eq!(store.range(other).unwrap().next, 0, "a batch is stored whole or not at all");
}

#[tokio::test]
async fn a_deleted_shard_is_gone_with_its_files_and_its_name_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let keep = store.declare_shard("keep").await.unwrap();
    let shard = store.declare_shard("s").await.unwrap();
    for _ in 0..40 {
        store.commit(append(shard, &[&[7; 8_000]])).await.unwrap();
    }
    store.commit(append(keep, &[b"kept"])).await.unwrap();
    let mut batch = Batch::new();
    batch.close_shard(shard);
    batch.checkpoint("reader", shard, 0);
    store.commit(batch).await.unwrap();
    let mut batch = Batch::new();
    batch.delete_shard(shard);
    batch.forget_checkpoint("reader", shard);
    store.commit(batch).await.unwrap();
    let is_gone = |store: &Store| store.range(shard).is_none() && store.readers(&[shard]).is_empty();
    assert!(is_gone(&store) && is_closed(&store.commit(append(shard, &[b"late"])).await));
    assert!(matches!(store.read(shard, 0, 1, 1).await, Err(ReadError::UnknownTarget(_))));
    let fresh = store.declare_shard("s").await.unwrap();
    assert_ne!(fresh, shard);
    let placed = store.commit(append(fresh, &[b"new"])).await.unwrap().placements;
    assert_eq!(placed[0].first_sequence, 0);
    let bytes = || std::fs::read_dir(folder.path().join("log")).unwrap().count();
    let before = bytes();
    // Two snapshots cover the deletion, so that no replay needs the files of what is gone.
    store.close().unwrap();
    let store = open(folder.path());
    assert!(is_gone(&store));
    store.commit(append(keep, &[b"on"])).await.unwrap();
    store.close().unwrap();
    let store = open(folder.path());
    tick(&store);
    assert!(bytes() < before, "{} files of {before}", bytes());
    assert!(is_gone(&store));
    assert_eq!(payloads(&store, fresh, 0).await, [b"new"]);
    assert_eq!(payloads(&store, keep, 0).await, [b"kept".to_vec(), b"on".to_vec()]);
    assert_eq!(store.declare_shard("s").await.unwrap(), fresh);
    let more = store.declare_shard("more").await.unwrap();
    assert!(more > fresh, "numbers are never given again");
}

#[tokio::test]
async fn shards_are_declared_together_with_other_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = store.declare_shard("a").await.unwrap();
    let mut batch = append(first, &[b"x"]);
    batch.declare_shard("b");
    batch.declare_shard("a");
    batch.declare_shard("b");
    batch.put("key", &b"value"[..], None);
    let placed = store.commit(batch).await.unwrap().placements;
    let declared: Vec<ShardId> = placed.iter().skip(1).map(|place| place.shard).collect();
    assert_eq!(declared, [ShardId(first.0 + 1), first, ShardId(first.0 + 1)]);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.declare_shard("b").await.unwrap(), declared[0]);
    assert_eq!(store.get("key").as_deref(), Some(&b"value"[..]));
}
