//! Appending, reading, checkpoints, the registry, idempotency, messages.

use super::super::*;
use super::{append, block, open, payloads};
use crate::telemetry::StorageMetrics;
use std::time::Duration;

#[tokio::test]
async fn records_come_back_in_order_and_dense_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("trips/0").await.unwrap();
    assert_eq!(store.declare_shard("trips/0").await.unwrap(), shard);
    let other = store.declare_shard("trips/1").await.unwrap();
    assert_ne!(shard, other);
    let mut written = Vec::new();
    for turn in 0..400_u32 {
        let (one, two) = (turn.to_le_bytes().repeat(20), turn.to_be_bytes().repeat(300));
        let committed = store.commit(append(shard, &[&one, &two])).await.unwrap();
        assert_eq!(
            committed.placements,
            [Placement { shard, first_sequence: u64::from(turn) * 2, count: 2 }]
        );
        written.extend([one, two]);
    }
    assert_eq!(payloads(&store, shard, 0).await, written);
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(payloads(&store, shard, 0).await, written);
    assert_eq!(payloads(&store, shard, 797).await, written[797..]);
    assert_eq!(store.range(shard).unwrap().next, 800);
    drop(store);
    let store = open(folder.path());
    assert_eq!(payloads(&store, shard, 0).await, written);
    let placed = store.commit(append(shard, &[b"on"])).await.unwrap().placements;
    assert_eq!(placed[0].first_sequence, 800);
    drop(store);
    let store = open(folder.path());
    written.push(b"on".to_vec());
    assert_eq!(payloads(&store, shard, 0).await, written);
}

#[tokio::test]
async fn a_batch_larger_than_a_file_gets_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    let large = vec![9_u8; 500_000];
    store.commit(append(shard, &[b"a", &large, b"b"])).await.unwrap();
    store.commit(append(shard, &[b"c"])).await.unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(payloads(&store, shard, 0).await, [b"a".to_vec(), large, b"b".to_vec(), b"c".to_vec()]);
    let mut huge = RecordBlock::new();
    huge.push(0, b"", b"", &vec![0; 49 * 1024 * 1024]);
    let mut batch = Batch::new();
    batch.append(shard, huge);
    assert!(matches!(store.commit(batch).await, Err(CommitError::TooLarge { .. })));
}

#[tokio::test]
async fn a_folder_whose_owner_is_just_ending_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let held = super::super::opening::lock(folder.path()).unwrap();
    let ending = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(100));
        drop(held);
    });
    open(folder.path());
    ending.join().unwrap();
}

#[tokio::test]
async fn only_one_store_has_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let second = Store::open(folder.path(), StorageSettings::small(), StorageMetrics::unregistered());
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    store.close().unwrap();
    open(folder.path());
    let shard = ShardId(0);
    assert!(matches!(store.commit(append(shard, &[b"x"])).await, Err(CommitError::Closed)));
    assert!(matches!(store.commit(Batch::new()).await, Err(CommitError::Closed)));
}

#[tokio::test]
async fn unknown_targets_are_refused_and_use_no_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let mut batch = append(shard, &[b"x"]);
    batch.append(ShardId(9), block(&[b"y"]));
    assert!(matches!(store.commit(batch).await, Err(CommitError::UnknownTarget(9))));
    let wrong_kind = append(ShardId(queue.0), &[b"x"]);
    assert!(matches!(store.commit(wrong_kind).await, Err(CommitError::UnknownTarget(_))));
    assert_eq!(store.range(shard).unwrap().next, 0);
    assert!(matches!(store.read(ShardId(9), 0, 1, 1).await, Err(ReadError::UnknownTarget(9))));
}

#[tokio::test]
async fn checkpoints_and_values_survive() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    let mut batch = append(shard, &[b"x"]);
    batch.checkpoint("loader", shard, 17);
    batch.put("tally/loader/0", "{}", None);
    batch.put("gone", "soon", Some(1));
    store.commit(batch).await.unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.checkpoint("loader", shard), Some(17));
    assert_eq!(store.get("gone"), None);
    assert_eq!(store.list("tally/"), [("tally/loader/0".to_owned(), bytes::Bytes::from_static(b"{}"))]);
    let mut batch = Batch::new();
    batch.remove("tally/loader/0");
    store.commit(batch).await.unwrap();
    store.close().unwrap();
    assert_eq!(open(folder.path()).get("tally/loader/0"), None);
}

#[tokio::test]
async fn an_idempotency_key_is_used_once_even_by_two_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    let batch = |note: &'static str| {
        let mut batch = append(shard, &[b"once"]);
        batch.once("key", note, i64::MAX);
        batch
    };
    let (first, second) = (store.submit(batch("a")).await.unwrap(), store.submit(batch("b")).await.unwrap());
    let placements = first.durable().await.unwrap().placements;
    let Err(CommitError::Repeated(once)) = second.durable().await else { panic!("stored twice") };
    assert_eq!(once, Once { placements, note: "a".into() });
    drop(store);
    let store = open(folder.path());
    let Err(CommitError::Repeated(again)) = store.commit(batch("c")).await else { panic!("stored twice") };
    assert_eq!(again, once);
    assert_eq!(store.range(shard).unwrap().next, 1);
}

#[tokio::test]
async fn whoever_waits_for_records_is_woken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    assert!(!store.wait_for_records(shard, 0, Duration::ZERO).await);
    let (woken, committed) = tokio::join!(
        store.wait_for_records(shard, 0, Duration::from_secs(30)),
        store.commit(append(shard, &[b"x"]))
    );
    assert!(woken && committed.is_ok());
}

#[tokio::test]
async fn an_output_and_its_message_s_deletion_happen_together_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let shard = store.declare_shard("s").await.unwrap();
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let mut batch = Batch::new();
    batch.send(queue, block(&[b"one", b"two"]), 0);
    store.commit(batch).await.unwrap();
    let long = Duration::from_secs(600);
    let messages = store.receive(queue, 10, long, long).await.unwrap();
    assert_eq!(messages.iter().map(|message| &*message.record.payload).collect::<Vec<_>>(), [b"one", b"two"]);
    let settle = |index: usize| {
        let mut batch = append(shard, &[b"output"]);
        batch.settle(&messages[index].receipt);
        batch
    };
    let (first, second) = (store.submit(settle(0)).await.unwrap(), store.submit(settle(0)).await.unwrap());
    assert!(first.durable().await.is_ok());
    assert!(matches!(second.durable().await, Err(CommitError::StaleReceipt)));
    let mut both = settle(1);
    both.settle(&messages[0].receipt);
    assert!(matches!(store.commit(both).await, Err(CommitError::StaleReceipt)));
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.range(shard).unwrap().next, 1);
    let depth = store.depth(queue).unwrap();
    assert_eq!((depth.in_flight, depth.ready, depth.deleted, depth.sent), (1, 0, 1, 2));
    store.commit(settle(1)).await.unwrap();
    assert_eq!(store.depth(queue).unwrap().deleted, 2);
}

#[tokio::test]
async fn a_message_comes_again_after_its_visibility_timeout_and_is_exhausted_at_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let policy = QueuePolicy { max_receives: Some(2), ..QueuePolicy::default() };
    let queue = store.declare_queue("q", policy).await.unwrap();
    let mut batch = Batch::new();
    batch.send(queue, block(&[b"poison"]), 0);
    store.commit(batch).await.unwrap();
    let (short, long) = (Duration::from_millis(20), Duration::from_secs(30));
    for count in 1..=2 {
        let message = store.receive(queue, 1, short, long).await.unwrap().remove(0);
        assert_eq!(message.receipt.receive_count, count);
    }
    assert!(store.receive(queue, 1, short, Duration::from_millis(60)).await.unwrap().is_empty());
    drop(store);
    let store = open(folder.path());
    let moved = store.exhausted(queue, 10).await.unwrap();
    assert_eq!(&*moved[0].record.payload, b"poison");
    let mut batch = Batch::new();
    batch.settle(&moved[0].receipt);
    store.commit(batch).await.unwrap();
    assert_eq!(store.depth(queue).unwrap().deleted, 1);
}

#[tokio::test]
async fn a_wait_for_messages_ends_when_it_is_stopped_and_leases_nothing_after() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let (day, (stop, stopped)) = (Duration::from_secs(86_400), tokio::sync::oneshot::channel::<()>());
    let waiting = {
        let store = store.clone();
        let stopped = async move {
            let _ = stopped.await;
        };
        tokio::spawn(async move { store.receive_until(queue, 1, day, day, stopped).await })
    };
    tokio::task::yield_now().await;
    stop.send(()).unwrap();
    assert!(waiting.await.unwrap().unwrap().is_empty());
    let mut batch = Batch::new();
    batch.send(queue, block(&[b"late"]), 0);
    store.commit(batch).await.unwrap();
    // What is there comes, although it is stopped already: only the wait is cut short.
    let message = store.receive_until(queue, 1, day, day, async {}).await.unwrap().remove(0);
    assert_eq!((message.receipt.receive_count, &*message.record.payload), (1, &b"late"[..]));
    assert!(store.receive_until(queue, 1, day, day, async {}).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_leased_only_when_it_can_be_handed_out() {
    const MESSAGES: usize = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(
        folder.path(),
        StorageSettings { flush: false, ..StorageSettings::small() },
        StorageMetrics::unregistered(),
    )
    .unwrap();
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let sender = store.clone();
    let sending = tokio::spawn(async move {
        for message in 0..MESSAGES {
            let mut batch = Batch::new();
            batch.send(queue, block(&[message.to_string().as_bytes()]), 0);
            sender.commit(batch).await.unwrap();
        }
    });
    let (hour, patience) = (Duration::from_secs(3_600), Duration::from_secs(10));
    let mut received = 0;
    while received < MESSAGES {
        // No wait: a look falls into every moment of a commit.
        received += store.receive(queue, 10, hour, Duration::ZERO).await.unwrap().len();
        if sending.is_finished() && store.depth(queue).unwrap().ready == 0 {
            break;
        }
        tokio::time::timeout(patience, tokio::task::yield_now()).await.unwrap();
    }
    sending.await.unwrap();
    received += store.receive(queue, MESSAGES, hour, Duration::ZERO).await.unwrap().len();
    assert_eq!(received, MESSAGES, "leased, but handed out to nobody");
}
