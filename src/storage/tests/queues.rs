//! FIFO queues and what SQS asks of queues, over restarts.

use super::super::*;
use super::{open, tick};
use std::path::Path;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3_600);
const NOW: Duration = Duration::ZERO;

fn fifo() -> QueuePolicy {
    QueuePolicy { fifo: true, ..QueuePolicy::default() }
}

fn message<'a>(group: &str, id: Option<&str>, body: &'a str) -> NewMessage<'a> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    NewMessage {
        sent_at_ms: i64::try_from(now.as_millis()).unwrap(),
        body: body.as_bytes(),
        group: Some(Fingerprint::of(group.as_bytes())),
        deduplication: id.map(|id| Fingerprint::of(id.as_bytes())),
        ..NewMessage::default()
    }
}

async fn send(store: &Store, queue: QueueId, messages: &[NewMessage<'_>]) -> Vec<Placement> {
    let mut batch = Batch::new();
    messages.iter().for_each(|message| batch.send_message(queue, message));
    store.commit(batch).await.unwrap().placements
}

async fn receive(store: &Store, queue: QueueId, max: usize) -> Vec<LeasedMessage> {
    store.receive(queue, max, LONG, NOW).await.unwrap()
}

fn bodies(messages: &[LeasedMessage]) -> Vec<&str> {
    messages.iter().map(|message| std::str::from_utf8(&message.record.payload).unwrap()).collect()
}

async fn delete(store: &Store, message: &LeasedMessage) -> Result<Committed, CommitError> {
    let mut batch = Batch::new();
    batch.settle(&message.receipt);
    store.commit(batch).await
}

async fn change(
    store: &Store,
    message: &LeasedMessage,
    visibility: Duration,
) -> Result<Committed, CommitError> {
    let mut batch = Batch::new();
    batch.change_visibility(&message.receipt, visibility);
    store.commit(batch).await
}

fn reopen(store: Store, folder: &Path, close: bool) -> Store {
    if close {
        store.close().unwrap();
    }
    drop(store);
    open(folder)
}

/// Lets time pass at once.
fn pass(store: &Store, time: Duration) {
    let milliseconds = i64::try_from(time.as_millis()).unwrap();
    store.core().clock.passed_ms.fetch_add(milliseconds, std::sync::atomic::Ordering::Relaxed);
}

#[tokio::test]
async fn a_group_is_handed_out_in_order_and_to_one_at_a_time_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let queue = store.declare_queue("q.fifo", fifo()).await.unwrap();
    let (a, b) = (|body| message("a", None, body), |body| message("b", None, body));
    send(&store, queue, &[a("a1"), b("b1"), a("a2"), a("a3"), b("b2")]).await;
    let first = receive(&store, queue, 2).await;
    assert_eq!(bodies(&first), ["a1", "a2"]);
    for close in [false, true] {
        store = reopen(store, folder.path(), close);
        let depth = store.depth(queue).unwrap();
        assert_eq!((depth.ready, depth.in_flight, depth.active_groups), (3, 2, 2));
    }
    let second = receive(&store, queue, 10).await;
    assert_eq!(bodies(&second), ["b1", "b2"], "group a has messages in flight");
    assert!(receive(&store, queue, 10).await.is_empty());
    delete(&store, &first[0]).await.unwrap();
    assert!(receive(&store, queue, 10).await.is_empty(), "a2 is still in flight");
    change(&store, &first[1], NOW).await.unwrap();
    store = reopen(store, folder.path(), false);
    let third = receive(&store, queue, 10).await;
    assert_eq!(bodies(&third), ["a2", "a3"]);
    assert_eq!(third[0].receipt.receive_count, 2);
    store = reopen(store, folder.path(), true);
    pass(&store, LONG);
    assert_eq!(bodies(&receive(&store, queue, 10).await), ["b1", "b2", "a2", "a3"], "all have expired");
}

#[tokio::test]
async fn a_message_sent_twice_within_five_minutes_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let queue = store.declare_queue("q.fifo", fifo()).await.unwrap();
    let placed = send(&store, queue, &[message("a", Some("1"), "x"), message("a", Some("1"), "again")]).await;
    assert_eq!(
        placed.iter().map(|placed| (placed.first_sequence, placed.count)).collect::<Vec<_>>(),
        [(0, 1), (0, 0)]
    );
    let received = receive(&store, queue, 10).await;
    assert_eq!(bodies(&received), ["x"]);
    delete(&store, &received[0]).await.unwrap();
    for close in [false, true] {
        store = reopen(store, folder.path(), close);
        let again = send(&store, queue, &[message("b", Some("1"), "x")]).await;
        assert_eq!((again[0].first_sequence, again[0].count), (0, 0), "deleted, yet remembered");
    }
    pass(&store, Duration::from_secs(299));
    assert_eq!(send(&store, queue, &[message("b", Some("1"), "x")]).await[0].count, 0);
    pass(&store, Duration::from_secs(1));
    assert_eq!(send(&store, queue, &[message("b", Some("1"), "x")]).await[0].count, 1);
    let by_group = QueuePolicy { deduplication_scope: DeduplicationScope::Group, ..fifo() };
    store.declare_queue("q.fifo", by_group).await.unwrap();
    let (a, b) = (message("a", Some("2"), "a"), message("b", Some("2"), "b"));
    let counts: Vec<u32> = send(&store, queue, &[a, b, a]).await.iter().map(|placed| placed.count).collect();
    assert_eq!(counts, [1, 1, 0]);
}

#[tokio::test]
async fn two_senders_of_the_same_message_at_a_time_store_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let queue = store.declare_queue("q.fifo", fifo()).await.unwrap();
    let mut tickets = Vec::new();
    for _ in 0..20 {
        let mut batch = Batch::new();
        batch.send_message(queue, &message("a", Some("same"), "x"));
        tickets.push(store.submit(batch).await.unwrap());
    }
    let mut stored = 0;
    for ticket in tickets {
        stored += ticket.durable().await.unwrap().placements[0].count;
    }
    assert_eq!((stored, store.depth(queue).unwrap().sent), (1, 1));
}

#[tokio::test]
async fn the_same_attempt_gives_the_same_messages_until_something_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let queue = store.declare_queue("q.fifo", fifo()).await.unwrap();
    send(&store, queue, &["1", "2", "3"].map(|body| message("a", None, body))).await;
    let attempt = Fingerprint::of(b"attempt");
    let ask = async |store: &Store| {
        let request = ReceiveRequest {
            max: 2,
            visibility: LONG,
            wait: NOW,
            attempt: Some(attempt),
            in_flight_limit: None,
        };
        store.receive_as(queue, request, std::future::pending()).await.unwrap()
    };
    let first = ask(&store).await;
    for close in [false, true] {
        store = reopen(store, folder.path(), close);
        pass(&store, Duration::from_secs(60));
        let again = ask(&store).await;
        assert_eq!(bodies(&again), ["1", "2"]);
        assert_eq!(
            again.iter().map(|m| &m.receipt).collect::<Vec<_>>(),
            first.iter().map(|m| &m.receipt).collect::<Vec<_>>()
        );
        assert!(again[0].visible_again_at_ms > first[0].visible_again_at_ms, "hidden for longer");
    }
    delete(&store, &first[0]).await.unwrap();
    assert!(ask(&store).await.is_empty(), "one of them is gone and the group has a message in flight");
    delete(&store, &first[1]).await.unwrap();
    assert_eq!(bodies(&ask(&store).await), ["3"]);
    pass(&store, Duration::from_secs(300));
    assert!(ask(&store).await.is_empty(), "five minutes later it is a receive like any other");
}

#[tokio::test]
async fn an_expired_receipt_hides_and_deletes_on_a_standard_queue_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let queues = [
        store.declare_queue("standard", QueuePolicy::default()).await.unwrap(),
        store.declare_queue("q.fifo", fifo()).await.unwrap(),
    ];
    for (queue, is_good) in queues.into_iter().zip([true, false]) {
        send(&store, queue, &[message("a", None, "x")]).await;
        let received = receive(&store, queue, 1).await;
        assert_eq!(store.receipt_state(&received[0].receipt), ReceiptState::InFlight);
        pass(&store, LONG);
        assert_eq!(store.receipt_state(&received[0].receipt), ReceiptState::Expired);
        assert_eq!(change(&store, &received[0], LONG).await.is_ok(), is_good);
        let state = |good| if is_good { good } else { ReceiptState::Expired };
        assert_eq!(store.receipt_state(&received[0].receipt), state(ReceiptState::InFlight));
        assert_eq!(delete(&store, &received[0]).await.is_ok(), is_good);
        assert_eq!(store.receipt_state(&received[0].receipt), state(ReceiptState::Gone));
    }
}

#[tokio::test]
async fn a_changed_visibility_keeps_the_receipt_and_the_message_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    send(&store, queue, &[message("a", None, "x")]).await;
    let received = store.receive(queue, 1, Duration::from_secs(30), NOW).await.unwrap();
    change(&store, &received[0], LONG).await.unwrap();
    store = reopen(store, folder.path(), false);
    pass(&store, Duration::from_secs(3_500));
    let depth = store.depth(queue).unwrap();
    assert_eq!((depth.ready, depth.in_flight, depth.delayed), (0, 1, 0));
    assert!(delete(&store, &received[0]).await.is_ok());
}

#[tokio::test]
async fn a_purge_takes_all_that_was_sent_before_and_comes_once_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let queue = store.declare_queue("q.fifo", fifo()).await.unwrap();
    send(&store, queue, &["1", "2"].map(|body| message("a", Some(body), body))).await;
    send(&store, queue, &["3"].map(|body| message("b", Some(body), body))).await;
    let held = receive(&store, queue, 1).await;
    store.purge(queue).await.unwrap();
    assert!(matches!(delete(&store, &held[0]).await, Err(CommitError::StaleReceipt)));
    assert_eq!(send(&store, queue, &[message("a", Some("1"), "1")]).await[0].count, 0);
    send(&store, queue, &[message("a", None, "new")]).await;
    for close in [false, true] {
        store = reopen(store, folder.path(), close);
        assert!(matches!(store.purge(queue).await, Err(CommitError::PurgeInProgress)));
        let depth = store.depth(queue).unwrap();
        assert_eq!((depth.sent, depth.purged, depth.ready, depth.in_flight), (4, 3, 1, 0));
    }
    pass(&store, Duration::from_secs(61));
    // A frame that was begun before then has the time of its beginning.
    let mut batch = Batch::new();
    batch.put("frame", "", None);
    store.commit(batch).await.unwrap();
    store.purge(queue).await.unwrap();
    assert_eq!(store.depth(queue).unwrap().purged, 4);
}

#[tokio::test]
async fn a_deleted_queue_is_gone_and_its_name_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let queue = store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    send(&store, queue, &[NewMessage { body: &[7; 50_000], ..NewMessage::default() }; 4]).await;
    let received = receive(&store, queue, 4).await;
    delete(&store, &received[3]).await.unwrap();
    store = reopen(store, folder.path(), true);
    for message in &received[..3] {
        delete(&store, message).await.unwrap();
    }
    let waiting = store.clone();
    let waiter = tokio::spawn(async move { waiting.receive(queue, 1, LONG, LONG).await });
    tokio::task::yield_now().await;
    store.delete_queue(queue).await.unwrap();
    assert!(matches!(waiter.await.unwrap(), Err(ReadError::UnknownTarget(_))));
    assert!(matches!(store.delete_queue(queue).await, Err(CommitError::UnknownTarget(_))));
    let again = store.declare_queue("q", fifo()).await.unwrap();
    assert_ne!(queue, again, "receipts of the old queue mean nothing to the new one");
    send(&store, again, &[message("a", None, "new")]).await;
    for close in [false, true] {
        store = reopen(store, folder.path(), close);
        assert_eq!(store.queues(), [("q".to_owned(), again)]);
        assert!(store.depth(queue).is_none());
        assert_eq!(store.depth(again).unwrap().ready, 1);
        tick(&store);
    }
    let mut batch = Batch::new();
    batch.delete_queue(again);
    batch.declare_queue("q", QueuePolicy::default());
    let placed = store.commit(batch).await.unwrap().placements;
    assert_ne!(placed[0].shard.0, again.0);
    assert_eq!(store.queues(), [("q".to_owned(), QueueId(placed[0].shard.0))]);
}

#[tokio::test]
async fn a_policy_can_be_changed_but_not_the_kind_of_queue() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let queue = store.declare_queue("q.fifo", fifo()).await.unwrap();
    let other = store.declare_queue("q.fifo", QueuePolicy::default()).await;
    assert!(matches!(other, Err(CommitError::OtherKind { fifo: true, .. })));
    send(&store, queue, &[message("a", None, "x")]).await;
    let policy = QueuePolicy { delay: LONG, retention: Some(2 * LONG), in_flight_limit: Some(1), ..fifo() };
    assert_eq!(store.declare_queue("q.fifo", policy).await.unwrap(), queue);
    for close in [false, true] {
        store = reopen(store, folder.path(), close);
        assert_eq!(store.queue_policy(queue), Some(policy));
        assert_eq!(store.depth(queue).unwrap().delayed, 1, "a FIFO queue's delay counts backwards");
    }
    pass(&store, LONG);
    assert_eq!(bodies(&receive(&store, queue, 10).await), ["x"]);
    send(&store, queue, &[message("b", None, "y")]).await;
    pass(&store, LONG - Duration::from_secs(1));
    assert!(receive(&store, queue, 10).await.is_empty(), "no more than one in flight");
}

#[tokio::test]
async fn each_message_has_its_own_delay_and_a_waiting_receiver_gets_it_when_it_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let policy = QueuePolicy { delay: LONG, ..QueuePolicy::default() };
    let queue = store.declare_queue("q", policy).await.unwrap();
    let with = |body: &'static str, milliseconds: Option<u64>| NewMessage {
        body: body.as_bytes(),
        delay: milliseconds.map(Duration::from_millis),
        ..NewMessage::default()
    };
    send(&store, queue, &[with("late", None), with("soon", Some(2_000)), with("at once", Some(0))]).await;
    let store = reopen(store, folder.path(), false);
    assert_eq!(bodies(&receive(&store, queue, 10).await), ["at once"]);
    let soon = store.receive(queue, 10, LONG, LONG).await.unwrap();
    assert_eq!((bodies(&soon), store.depth(queue).unwrap().delayed), (vec!["soon"], 1));
}

#[tokio::test]
async fn long_attributes_and_where_a_message_came_from_survive() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let dead = store.declare_queue("dead", QueuePolicy::default()).await.unwrap();
    let receipt = Receipt { queue: QueueId(9), sequence: 41, receive_count: 5 };
    let provenance = Provenance::of_moved(&receipt, None);
    let twice =
        Provenance::of_moved(&Receipt { queue: dead, sequence: 0, receive_count: 2 }, Some(&provenance));
    assert_eq!((twice.origin, twice.source, twice.receives), ((QueueId(9), 41), dead, 7));
    let attributes = vec![3; 300_000];
    let moved = NewMessage {
        key: b"group",
        attributes: &attributes,
        body: &[5; 700_000],
        provenance: Some(provenance),
        ..NewMessage::default()
    };
    send(&store, dead, &[moved]).await;
    let store = reopen(store, folder.path(), true);
    let received = receive(&store, dead, 1).await;
    let record = &received[0].record;
    assert_eq!(
        (record.attributes.len(), record.payload.len(), &record.key[..]),
        (300_000, 700_000, &b"group"[..])
    );
    assert_eq!(record.provenance, Some(provenance));
}

#[tokio::test]
async fn a_receive_that_is_dropped_gives_its_messages_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    for (name, policy) in [("q", QueuePolicy::default()), ("q.fifo", fifo())] {
        let queue = store.declare_queue(name, policy).await.unwrap();
        send(&store, queue, &[message("a", None, "x")]).await;
        let mut receive = std::pin::pin!(store.receive(queue, 1, LONG, LONG));
        // It has its lease and waits for the disk or for room.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let is_done = receive.as_mut().poll(&mut context).is_ready();
        assert_eq!(store.depth(queue).unwrap().in_flight, 1);
        if is_done {
            continue;
        }
        let waiting = store.clone();
        let other = tokio::spawn(async move { waiting.receive(queue, 1, LONG, LONG).await });
        tokio::task::yield_now().await;
        receive.set(store.receive(queue, 0, LONG, NOW));
        assert_eq!(bodies(&other.await.unwrap().unwrap()), ["x"]);
    }
    let queue = store.queue_named("q.fifo").unwrap();
    store = reopen(store, folder.path(), false);
    assert_eq!(store.depth(queue).unwrap().in_flight, 1, "only the second is still in flight");
}

#[tokio::test]
async fn no_more_are_in_flight_than_a_request_allows() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (name, policy) in [("q", QueuePolicy::default()), ("q.fifo", fifo())] {
        let queue = store.declare_queue(name, policy).await.unwrap();
        send(&store, queue, &["a", "b", "c", "d"].map(|group| message(group, None, group))).await;
        let ask = |wait| {
            let request =
                ReceiveRequest { max: 2, visibility: LONG, wait, attempt: None, in_flight_limit: Some(3) };
            store.receive_as(queue, request, std::future::pending())
        };
        let held = ask(NOW).await.unwrap();
        assert_eq!((held.len(), ask(NOW).await.unwrap().len()), (2, 1));
        match ask(NOW).await {
            Err(ReadError::TooManyInFlight(_)) => assert!(!policy.fifo),
            told => assert!(policy.fifo && told.unwrap().is_empty()),
        }
        assert!(ask(Duration::from_millis(20)).await.unwrap().is_empty());
        delete(&store, &held[0]).await.unwrap();
        assert_eq!(bodies(&ask(NOW).await.unwrap()), ["d"]);
    }
}
