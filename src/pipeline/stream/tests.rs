//! Streams, readers and targets over a real store.

use super::*;
use crate::{
    pipeline::{Outgoing, Target, now_ms},
    storage::{Batch, RecordBlock, StorageSettings, Store},
    telemetry::{Metrics, StorageMetrics},
    units::ByteSize,
};
use std::{path::Path, sync::Arc, time::Duration};

fn store(folder: &Path) -> Store {
    let settings = StorageSettings {
        flush: false,
        log_file_bytes: 1 << 20,
        free_space_floor: 0,
        ..StorageSettings::default()
    };
    Store::open(folder, settings, StorageMetrics::unregistered()).unwrap()
}

async fn stream(store: &Store, shards: u32) -> Result<Arc<Stream>, StreamError> {
    let section = StreamSection { shards, ..StreamSection::default() };
    Stream::open("trips", &section, store.clone(), Metrics::new().node("trips", "stream")).await
}

async fn append(stream: &Stream, shard: u32, payloads: &[&str]) {
    let mut block = RecordBlock::new();
    for payload in payloads {
        block.push(now_ms(), b"key", b"", payload.as_bytes());
    }
    let mut batch = Batch::new();
    batch.append(stream.shard(shard).unwrap().id, block);
    stream.store().commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_stream_keeps_its_shards_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let ids: Vec<_> =
        stream(&first, 4).await.unwrap().layout().shards().iter().map(|shard| shard.id).collect();
    first.close().unwrap();
    let again = store(folder.path());
    let reopened = stream(&again, 4).await.unwrap();
    assert_eq!(reopened.layout().shards().iter().map(|shard| shard.id).collect::<Vec<_>>(), ids);
    assert_eq!(reopened.layout().shards()[0].name(), "shardId-000000000000");
}

#[tokio::test]
async fn another_shard_count_is_refused_once_there_are_records() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    stream(&store, 2).await.unwrap();
    let three = stream(&store, 3).await.unwrap();
    append(&three, 1, &["a"]).await;
    drop(three);
    let refused = stream(&store, 2).await.unwrap_err().to_string();
    assert!(refused.contains("3 shards") && refused.contains("shards = 3"), "{refused}");
    stream(&store, 3).await.unwrap();
}

#[tokio::test]
async fn a_reader_goes_on_at_its_checkpoint_and_others_do_not_move_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let stream = stream(&store, 1).await.unwrap();
    let shard = &stream.shard(0).unwrap();
    let mut reader = ShardReader::open(store.clone(), "raw", shard).await.unwrap();
    append(&stream, 0, &["a", "b", "c"]).await;
    let slice = reader.next(2, 1 << 20, Duration::ZERO).await.unwrap();
    assert_eq!(slice.records.iter().map(|record| &*record.payload).collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!((reader.position(), reader.waiting(), reader.checkpoint()), (2, 1, Some(0)));
    let mut batch = Batch::new();
    batch.checkpoint("raw", shard.id, reader.position());
    store.commit(batch).await.unwrap();
    let again = ShardReader::open(store.clone(), "raw", shard).await.unwrap();
    assert_eq!(again.position(), 2);
    assert_eq!(ShardReader::open(store.clone(), "other", shard).await.unwrap().position(), 0);
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let stream = stream(&store, 1).await.unwrap();
    let mut reader = ShardReader::open(store, "raw", &stream.layout().shards()[0]).await.unwrap();
    assert!(reader.next(10, 1 << 20, Duration::from_millis(5)).await.unwrap().records.is_empty());
    let write = append(&stream, 0, &["late"]);
    let (slice, ()) = tokio::join!(reader.next(10, 1 << 20, Duration::from_secs(60)), write);
    assert_eq!(slice.unwrap().records.len(), 1);
}

#[tokio::test]
async fn a_backlog_shows_the_age_of_the_oldest_unread_record() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let stream = stream(&store, 1).await.unwrap();
    let reader = ShardReader::open(store, "raw", &stream.layout().shards()[0]).await.unwrap();
    assert_eq!(reader.backlog(now_ms()).await, (0, None));
    append(&stream, 0, &["a", "b"]).await;
    let (waiting, age) = reader.backlog(now_ms() + 60_000).await;
    assert!(waiting == 2 && age.unwrap() >= Duration::from_secs(60), "{waiting} {age:?}");
}

#[tokio::test]
async fn a_target_routes_by_key_and_spreads_what_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let stream = stream(&store, 4).await.unwrap();
    let target = Target::Stream(Arc::clone(&stream));
    let keyed = Outgoing { key: "madrid".into(), payload: "{}".into(), ..Outgoing::default() };
    let mut batch = Batch::new();
    target.add(&mut batch, vec![keyed; 10], 1).unwrap();
    store.commit(batch).await.unwrap();
    let home = stream.route(b"madrid");
    assert_eq!(store.range(home.id).unwrap().next, 10);
    let mut batch = Batch::new();
    target.add(&mut batch, vec![Outgoing { payload: "{}".into(), ..Outgoing::default() }; 400], 1).unwrap();
    store.commit(batch).await.unwrap();
    assert!(stream.layout().shards().iter().all(|shard| store.range(shard.id).unwrap().next >= 50));
}

#[tokio::test]
async fn a_target_refuses_what_does_not_fit_and_leaves_the_batch_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let section = StreamSection { max_record: ByteSize(10), ..StreamSection::default() };
    let metrics = Metrics::new().node("trips", "stream");
    let target = Target::Stream(Stream::open("trips", &section, store, metrics).await.unwrap());
    let fits = Outgoing { payload: "0123456789".into(), ..Outgoing::default() };
    let large = Outgoing { payload: "01234567890".into(), ..Outgoing::default() };
    let mut batch = Batch::new();
    let unfit = target.add(&mut batch, vec![fits, large], 1).unwrap_err();
    assert_eq!((unfit.part, unfit.size, unfit.limit), ("payload", 11, 10));
    assert!(batch.is_empty());
}

#[tokio::test]
async fn limits_over_several_shards_are_taken_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let limits = Limits {
        records_per_second: Some(10),
        bytes_per_second: None,
        burst_records: None,
        burst_bytes: None,
    };
    let section = StreamSection { shards: 2, limits: Some(limits), ..StreamSection::default() };
    let metrics = Metrics::new().node("trips", "stream");
    let stream = Stream::open("trips", &section, store, metrics).await.unwrap();
    stream.admit(1, 10, 0).unwrap();
    let refused = stream.admit_all(&[(0, 10, 0), (1, 10, 0)]).unwrap_err();
    assert_eq!((refused.shard, refused.never), (1, false));
    stream.admit(0, 10, 0).unwrap();
    assert!(stream.admit_all(&[(0, 5, 0), (1, 11, 0)]).unwrap_err().never);
}

#[tokio::test]
async fn a_redefined_stream_goes_on_by_its_new_limits_with_the_shards_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let limits = |records| {
        let records_per_second = Some(records);
        Limits { records_per_second, bytes_per_second: None, burst_records: None, burst_bytes: None }
    };
    let section = StreamSection { shards: 2, limits: Some(limits(5)), ..StreamSection::default() };
    let metrics = Metrics::new().node("trips", "stream");
    let stream = Stream::open("trips", &section, store, metrics).await.unwrap();
    assert!(stream.admit(0, 10, 0).unwrap_err().never);
    stream.redefine(&StreamSection { limits: Some(limits(10)), max_record: ByteSize(7), ..section.clone() });
    stream.admit(0, 10, 0).unwrap();
    assert!(stream.admit(0, 10, 0).is_err());
    stream.redefine(&StreamSection { limits: Some(limits(10)), shards: 9, ..section.clone() });
    assert!(stream.admit(0, 10, 0).is_err(), "limits that stay do not begin with a new burst");
    assert_eq!((stream.layout().shards().len(), stream.section().shards), (2, 2));
    stream.redefine(&StreamSection { limits: None, ..section });
    stream.admit(0, 1_000, 0).unwrap();
}
