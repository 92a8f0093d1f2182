//! Clock jumps neither lose messages nor release them early; messages wake those who wait for them.

use super::super::clock::JUMP_AT_START_MS;
use super::super::*;
use super::{block, open, tick};
use std::sync::atomic::Ordering;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
const HOUR_MS: i64 = 3_600_000;

async fn send(store: &Store, queue: QueueId, count: usize) {
    let mut batch = Batch::new();
    let mut sent = RecordBlock::new();
    let now_ms = store.core().clock.now().wall_ms;
    (0..count).for_each(|_| sent.push(now_ms, b"key", b"", b"body"));
    batch.send(queue, sent, 0);
    store.commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_ends_no_lease_and_no_message_and_keeps_none_for_ever() {
    for jump_ms in [24 * HOUR_MS, -24 * HOUR_MS] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        let policy = QueuePolicy { retention: Some(2 * LONG), ..QueuePolicy::default() };
        let queue = store.declare_queue("q", policy).await.unwrap();
        send(&store, queue, 2).await;
        let held = store.receive(queue, 1, LONG, Duration::ZERO).await.unwrap();
        store.core().clock.jump_ms.store(jump_ms, Ordering::Relaxed);
        for _ in 0..2 {
            tick(&store);
            let depth = store.depth(queue).unwrap();
            assert_eq!((depth.in_flight, depth.ready, depth.expired), (1, 1, 0), "a jump of {jump_ms} ms");
            // The jump is in the log now: a restart knows it.
            store.commit(super::append(store.declare_shard("s").await.unwrap(), &[b"x"])).await.unwrap();
            drop(store);
            JUMP_AT_START_MS.set(jump_ms);
            store = open(folder.path());
            JUMP_AT_START_MS.set(0);
            let lead_ms = store.core().clock.now().lead_ms();
            assert!((lead_ms.abs() - jump_ms.abs()).abs() < HOUR_MS, "{lead_ms} ms ahead");
        }
        let receipt = held[0].receipt.clone();
        assert_eq!(store.receipt_state(&receipt), ReceiptState::InFlight);
        store.core().clock.passed_ms.store(600_000, Ordering::Relaxed);
        assert_eq!(store.receipt_state(&receipt), ReceiptState::Expired);
        store.core().clock.passed_ms.store(1_300_000, Ordering::Relaxed);
        tick(&store);
        assert_eq!(store.depth(queue).unwrap().expired, 2);
    }
}

#[tokio::test]
async fn times_are_told_by_the_wall_clock_of_the_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    send(&store, queue, 1).await;
    store.core().clock.jump_ms.store(5 * HOUR_MS, Ordering::Relaxed);
    let now_ms = store.core().clock.now().wall_ms;
    let message = store.receive(queue, 1, LONG, Duration::ZERO).await.unwrap().remove(0);
    let near = |at_ms: i64, expected_ms: i64| (at_ms - expected_ms).abs() < 60_000;
    assert!(near(message.first_received_at_ms, now_ms));
    assert!(near(message.visible_again_at_ms, now_ms + 600_000));
    assert!(near(store.depth(queue).unwrap().oldest_sent_at_ms.unwrap(), now_ms));
    let mut batch = Batch::new();
    batch.release(&message.receipt, now_ms + 600_000);
    store.commit(batch).await.unwrap();
    assert_eq!(store.depth(queue).unwrap().delayed, 1);
    store.core().clock.passed_ms.store(700_000, Ordering::Relaxed);
    assert_eq!(store.depth(queue).unwrap().ready, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_reaches_one_of_many_that_wait() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    let waiters: Vec<_> = (0..300)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.receive(queue, 1, LONG, LONG).await.unwrap().len() })
        })
        .collect();
    // Some who wait go away, woken or not.
    for (place, waiter) in waiters.iter().enumerate().filter(|(place, _)| place % 3 == 0) {
        if place % 2 == 0 {
            tokio::task::yield_now().await;
        }
        waiter.abort();
    }
    for _ in 0..20 {
        send(&store, queue, 15).await;
    }
    let mut reached = 0;
    for (place, waiter) in waiters.into_iter().enumerate().filter(|(place, _)| place % 3 != 0) {
        let got = tokio::time::timeout(LONG, waiter).await;
        reached += got.unwrap_or_else(|_| panic!("waiter {place} was never woken")).unwrap();
    }
    assert_eq!(reached, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_that_wait_gets_a_message_when_its_lease_has_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let policy = QueuePolicy { fifo: true, ..QueuePolicy::default() };
    let queue = store.declare_queue("q.fifo", policy).await.unwrap();
    let mut batch = Batch::new();
    batch.send(queue, block(&[b"1"]), 0);
    store.commit(batch).await.unwrap();
    let (found, mut finds) = tokio::sync::mpsc::channel(64);
    for _ in 0..50 {
        let (store, found) = (store.clone(), found.clone());
        tokio::spawn(async move {
            let short = Duration::from_millis(30);
            let message = store.receive(queue, 1, short, LONG).await.unwrap().remove(0);
            found.send(message.receipt.receive_count).await.unwrap();
        });
    }
    for count in 1..=50 {
        assert_eq!(tokio::time::timeout(LONG, finds.recv()).await.unwrap(), Some(count));
    }
}

#[tokio::test]
async fn messages_of_many_groups_are_read_far_behind_the_tail_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let policy = QueuePolicy { fifo: true, ..QueuePolicy::default() };
    let queue = store.declare_queue("q.fifo", policy).await.unwrap();
    for row in 0..20_u32 {
        let mut batch = Batch::new();
        let mut sent = RecordBlock::new();
        for group in 0..100_u32 {
            sent.push(
                7,
                &group.to_le_bytes(),
                b"",
                &[group.to_le_bytes(), row.to_le_bytes()].concat().repeat(40),
            );
        }
        batch.send(queue, sent, 0);
        store.commit(batch).await.unwrap();
    }
    let mut next = [0_u32; 100];
    loop {
        let messages = store.receive(queue, 7, LONG, Duration::ZERO).await.unwrap();
        let mut batch = Batch::new();
        for message in &messages {
            let body = &message.record.payload;
            let (group, row) = (u32::from_le_bytes(body[..4].try_into().unwrap()), &body[4..8]);
            assert_eq!(row, next[group as usize].to_le_bytes(), "group {group}");
            next[group as usize] += 1;
            batch.settle(&message.receipt);
        }
        if messages.is_empty() {
            break;
        }
        store.commit(batch).await.unwrap();
    }
    assert_eq!(next, [20; 100]);
}
