//! Queues over a real store: feeding and the move to the dead-letter queue.

use super::{feeder::Feed, redrive::Redrive, *};
use crate::{
    pipeline::{
        Capacity, Context, Origin, Retire, Stage, Tally, Tasks, now_ms,
        rules::Filter,
        stream::{Stream, StreamSection},
    },
    storage::{Batch, LeasedMessage, RecordBlock, StorageSettings, Store},
    telemetry::{Metrics, StorageMetrics},
    units::Span,
};
use std::{path::Path, sync::Arc, time::Duration};

const LONG: Duration = Duration::from_secs(90);

fn context(folder: &Path) -> Context {
    let settings = StorageSettings {
        flush: false,
        log_file_bytes: 1 << 20,
        free_space_floor: 0,
        ..StorageSettings::default()
    };
    let store = Store::open(folder, settings, StorageMetrics::unregistered()).unwrap();
    let metrics = Metrics::new().node("rides", "queue");
    Context { node: "rides".into(), store, metrics, data: folder.to_owned() }
}

async fn trips(context: &Context) -> Arc<Stream> {
    let metrics = Metrics::new().node("trips", "stream");
    let section = StreamSection { shards: 2, ..StreamSection::default() };
    Stream::open("trips", &section, context.store.clone(), metrics).await.unwrap()
}

async fn append(stream: &Stream, shard: u32, records: &[(&str, &[u8])]) {
    let mut block = RecordBlock::new();
    for (payload, attributes) in records {
        block.push(now_ms(), b"key", attributes, payload.as_bytes());
    }
    let mut batch = Batch::new();
    batch.append(stream.shard(shard).unwrap().id, block);
    stream.store().commit(batch).await.unwrap();
}

async fn feed(context: &Context, queue: &Arc<Queue>, filter: Option<&str>) -> Arc<Feed> {
    Arc::new(Feed {
        stream: trips(context).await,
        queue: Arc::clone(queue),
        filter: filter.map(|condition| Filter::compile(condition).unwrap()),
        quarantine: Quarantine::new("rides".into(), context.store.clone(), None),
        context: context.clone(),
    })
}

fn section(visibility: Duration, max_receives: u32) -> QueueSection {
    let dead_letter = Some(DeadLetter { queue: "dead".to_owned(), max_receives });
    QueueSection { visibility_timeout: Span(visibility), dead_letter, ..QueueSection::default() }
}

fn told(message: &LeasedMessage) -> (String, Origin) {
    let payload = String::from_utf8(message.record.payload.to_vec()).unwrap();
    (payload, Origin::decode(&message.record.attributes).unwrap())
}

fn origin(stream: &str, shard: u32, sequence: u64) -> Origin {
    Origin { stream: stream.to_owned(), shard, sequence }
}

/// Runs the feeder of a shard until its checkpoint has reached the end.
async fn feed_to_the_end(feed: &Arc<Feed>, shard: u32) {
    let (switch, retire) = Retire::pair();
    let feeder = tokio::spawn(Arc::clone(feed).run(shard, retire));
    let (store, id) = (&feed.context.store, feed.stream.shard(shard).unwrap().id);
    let end = store.range(id).unwrap().next;
    let reached = async {
        while store.checkpoint("rides", id) != Some(end) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, reached).await.unwrap();
    switch.send_replace(true);
    feeder.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feeder_sends_what_the_filter_keeps_and_puts_aside_what_it_cannot_judge() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let queue = Queue::open("rides", &QueueSection::default(), context.store.clone()).await.unwrap();
    let feed = feed(&context, &queue, Some("n > 10")).await;
    let elsewhere = origin("earlier", 7, 3).encode();
    let records: [(&str, &[u8]); 5] = [
        (r#"{"n":11}"#, b""),
        (r#"{"n":1}"#, b""),
        ("[1]", b""),
        (r#"{"n":12}"#, &elsewhere),
        (r#"{"m":1}"#, b""),
    ];
    append(&feed.stream, 1, &records).await;
    feed_to_the_end(&feed, 1).await;

    let messages = queue.receive(10, LONG).await.unwrap();
    let expected = [
        (r#"{"n":11}"#.to_owned(), origin("trips", 1, 0)),
        (r#"{"n":12}"#.to_owned(), origin("earlier", 7, 3)),
    ];
    assert_eq!(messages.iter().map(told).collect::<Vec<_>>(), expected);
    let quarantine = feed.quarantine.queue().await.unwrap();
    let aside = quarantine.receive(10, LONG).await.unwrap();
    assert_eq!((quarantine.name(), aside.len()), ("rides.quarantine", 1));
    assert_eq!(told(&aside[0]), ("[1]".to_owned(), origin("trips", 1, 2)));
    assert!(Origin::decode_reason(&aside[0].record.attributes).is_some_and(|reason| !reason.is_empty()));
    assert_eq!(sum_tallies(&context.store, "rides"), Tally { finished: 2, quarantined: 1, filtered: 2 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_feeder_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3_u64 {
        let context = context(folder.path());
        let queue = Queue::open("rides", &QueueSection::default(), context.store.clone()).await.unwrap();
        let feed = feed(&context, &queue, None).await;
        append(&feed.stream, 0, &[("1", b""), ("2", b"")]).await;
        feed_to_the_end(&feed, 0).await;
        assert_eq!(queue.depth().sent, 2 * round);
        assert_eq!(sum_tallies(&context.store, "rides"), Tally { finished: 2 * round, ..Tally::default() });
        context.store.close().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_received_too_often_moves_with_its_origin_and_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let store = &context.store;
    let queue = Queue::open("rides", &section(Duration::from_millis(1), 2), store.clone()).await.unwrap();
    let dead = Queue::open("dead", &QueueSection::default(), store.clone()).await.unwrap();
    let mut block = RecordBlock::new();
    let sent_at_ms = now_ms() - 5_000;
    block.push(sent_at_ms, b"key", &origin("trips", 1, 5).encode(), b"poison");
    let mut batch = Batch::new();
    batch.send(queue.id(), block, 0);
    store.commit(batch).await.unwrap();
    for receive in 1..=2 {
        let messages = queue.receive(1, LONG).await.unwrap();
        assert_eq!(messages[0].receipt.receive_count, receive);
    }
    let mut stage = QueueStage::new(context.clone(), Arc::clone(&queue), Some(Arc::clone(&dead)), None);
    let mut tasks = Tasks::new(tokio::runtime::Handle::current(), "rides".into());
    stage.reconcile(Capacity(1), &mut tasks);
    let moved = dead.receive(1, LONG).await.unwrap();
    assert_eq!(told(&moved[0]), ("poison".to_owned(), origin("trips", 1, 5)));
    assert_eq!(moved[0].record.arrived_at_ms, sent_at_ms, "its age counts on");
    assert_eq!(moved[0].record.provenance.map(|from| from.origin), Some((queue.id(), 0)));
    let why: serde_json::Value = serde_json::from_slice(&moved[0].record.attributes).unwrap();
    assert_eq!(why["reason"], "received 2 times without success");
    assert_eq!((&why["node"], &why["receives"]), (&"rides".into(), &2.into()));
    let observation = stage.observe(&tasks);
    assert_eq!((observation.backlog, observation.in_flight, observation.processed), (0, 0, 1));
    assert_eq!(observation.detail.get("redriven"), Some(&1.into()));
    stage.drain(&mut tasks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_settlement_of_one_message_does_not_hold_back_the_move_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let store = &context.store;
    let queue = Queue::open("rides", &section(Duration::from_millis(1), 1), store.clone()).await.unwrap();
    let dead = Queue::open("dead", &QueueSection::default(), store.clone()).await.unwrap();
    let mut block = RecordBlock::new();
    for payload in [b"a", b"b", b"c"] {
        block.push(now_ms(), b"key", b"", payload);
    }
    let mut batch = Batch::new();
    batch.send(queue.id(), block, 0);
    store.commit(batch).await.unwrap();
    let received = queue.receive(3, LONG).await.unwrap();
    let mut batch = Batch::new();
    batch.settle(&received[1].receipt);
    store.commit(batch).await.unwrap();
    let redrive =
        Redrive { context: context.clone(), queue: Arc::clone(&queue), dead_letter: Arc::clone(&dead) };
    let (_switch, retire) = Retire::pair();
    redrive.move_all(&received, &retire).await.unwrap();
    let moved = dead.receive(5, LONG).await.unwrap();
    let expected = [("a".to_owned(), origin("rides", 0, 0)), ("c".to_owned(), origin("rides", 0, 2))];
    assert_eq!(moved.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!((redrive.moved(), queue.depth().deleted), (2, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_shows_what_waits_in_it_and_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let queue = Queue::open("rides", &QueueSection::default(), context.store.clone()).await.unwrap();
    let stream = trips(&context).await;
    append(&stream, 0, &[("1", b""), ("2", b"")]).await;
    let mut stage =
        QueueStage::new(context.clone(), Arc::clone(&queue), None, Some((Arc::clone(&stream), None)));
    let tasks = Tasks::new(tokio::runtime::Handle::current(), "rides".into());
    let before = stage.observe(&tasks);
    assert_eq!((before.backlog, before.detail.get("unread")), (0, Some(&2.into())));
    feed_to_the_end(&feed(&context, &queue, None).await, 0).await;
    let after = stage.observe(&tasks);
    assert_eq!((after.backlog, after.arrived, after.detail.get("unread")), (2, 2, Some(&0.into())));
    assert_eq!(after.tally, Some(Tally { finished: 2, ..Tally::default() }));
    assert!(after.oldest_age.is_some());
}

#[tokio::test]
async fn a_redefined_queue_judges_by_its_new_terms_and_keeps_its_messages() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let store = &context.store;
    let queue = Queue::open("rides", &section(Duration::from_millis(1), 1), store.clone()).await.unwrap();
    let mut block = RecordBlock::new();
    block.push(now_ms(), b"key", b"", b"{}");
    let mut batch = Batch::new();
    batch.send(queue.id(), block, 0);
    store.commit(batch).await.unwrap();
    assert_eq!(queue.receive(1, LONG).await.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(queue.receive(1, Duration::ZERO).await.unwrap().is_empty(), "one receive was all");
    queue.redefine(&section(Duration::from_secs(60), 3)).await.unwrap();
    assert_eq!(queue.max_receives(), Some(3));
    let again = queue.receive(1, LONG).await.unwrap();
    assert_eq!(again[0].receipt.receive_count, 2);
    assert!(again[0].visible_again_at_ms > now_ms() + 50_000);
}

/// Two hundred that would end one after the other, and each half a second after it was asked, take longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feeder_that_waits_for_records_ends_at_once_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let queue = Queue::open("rides", &QueueSection::default(), context.store.clone()).await.unwrap();
    let feed = feed(&context, &queue, None).await;
    append(&feed.stream, 0, &[(r#"{"n":1}"#, b"")]).await;
    feed_to_the_end(&feed, 0).await;
    let all = async {
        for _ in 0..200 {
            let (switch, retire) = Retire::pair();
            let feeder = tokio::spawn(Arc::clone(&feed).run(0, retire));
            tokio::time::sleep(Duration::from_millis(5)).await;
            switch.send_replace(true);
            feeder.await.unwrap().unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("they wait out their time");
    assert_eq!(queue.depth().sent, 1, "nothing is sent twice");
}
