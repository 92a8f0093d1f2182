//! The directory over a real store, reopened between.

use super::*;
use crate::{
    pipeline::{
        now_ms,
        stream::{Incoming, ShardReader, StreamSection},
    },
    storage::{Batch, StorageSettings},
    telemetry::{Metrics, StorageMetrics},
    units::Span,
};
use std::{path::Path, time::Duration};

pub(super) const ACCOUNT: &str = "000000000000";
pub(super) const REGION: &str = "us-east-1";

pub(super) fn store(folder: &Path) -> Store {
    let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
    Store::open(folder, settings, StorageMetrics::unregistered()).unwrap()
}

pub(super) async fn opened(store: &Store, settings: KinesisSettings) -> Arc<Directory> {
    Directory::open(store.clone(), settings, Home::default(), &Metrics::new()).await.unwrap()
}

pub(super) fn identity(name: &str) -> StreamIdentity {
    StreamIdentity::new(ACCOUNT, REGION, name)
}

pub(super) async fn make(directory: &Arc<Directory>, name: &str, shards: u32) -> Arc<StreamResource> {
    directory.create(NewStream::provisioned(identity(name), shards), now_ms()).await.unwrap()
}

pub(super) fn record(key: &str, payload: &str) -> Incoming {
    Incoming { key: key.to_owned().into(), payload: payload.to_owned().into(), ..Incoming::default() }
}

fn names(listed: &[Arc<StreamResource>]) -> Vec<&str> {
    listed.iter().map(|resource| resource.identity.name.as_str()).collect()
}

#[tokio::test]
async fn what_was_made_and_changed_at_run_time_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let directory = opened(&first, KinesisSettings::default()).await;
    let now = now_ms();
    let trips = make(&directory, "trips", 2).await;
    let [low, high] = directory.split(&trips, 1, 3 << 126, now).await.unwrap();
    assert_eq!((low, high), (2, 3));
    directory.set_retention(&trips, 48, true, now).await.unwrap();
    directory.add_tags(&trips, [("team".to_owned(), "lab".to_owned())].into()).await.unwrap();
    directory.set_max_record(&trips, 4_096, now).await.unwrap();
    directory.set_encryption(&trips, Some("alias/aws/kinesis".to_owned()), now).await.unwrap();
    directory.set_policy(&trips, Some("{}".to_owned())).await.unwrap();
    directory.set_monitoring(&trips, ["ALL".to_owned()].into(), [].into(), now).await.unwrap();
    let new = NewConsumer { name: "lab".to_owned(), ..NewConsumer::default() };
    let consumer = directory.register_consumer(&trips, new, now).await.unwrap();
    let placed = trips.stream.append(&[record("a", "1"), record("a", "2")], now).await.unwrap();
    assert_eq!(placed[1].sequence, placed[0].sequence + 1);
    let before = trips.describe(now);
    first.close().unwrap();
    drop((first, directory, trips));

    let again = store(folder.path());
    let directory = opened(&again, KinesisSettings::default()).await;
    let trips = directory.find(ACCOUNT, REGION, Selector::Name("trips")).unwrap();
    assert_eq!(trips.describe(now), before);
    assert_eq!((before.open_shards, before.retention_hours, before.max_record_kib), (3, 48, 4_096));
    assert_eq!(trips.consumer("lab", now).unwrap(), consumer);
    for selector in [Selector::Arn(&trips.arn()), Selector::Id(&trips.id)] {
        assert!(Arc::ptr_eq(&directory.find("1", "elsewhere", selector).unwrap(), &trips));
    }
    let more = trips.stream.append(&[record("a", "3")], now).await.unwrap();
    assert_eq!(more[0].sequence, placed[1].sequence + 1);
}

#[tokio::test]
async fn accounts_and_regions_have_streams_of_their_own_and_lists_go_on_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let directory = opened(&store, KinesisSettings::default()).await;
    for name in ["c", "a", "b"] {
        make(&directory, name, 1).await;
    }
    for (account, region) in [("123456789012", REGION), (ACCOUNT, "eu-west-1")] {
        let other = NewStream::provisioned(StreamIdentity::new(account, region, "a"), 1);
        directory.create(other, now_ms()).await.unwrap();
    }
    drop(directory);
    let directory = opened(&store, KinesisSettings::default()).await;
    let (page, more) = directory.list(ACCOUNT, REGION, None, 2);
    assert_eq!((names(&page), more), (vec!["a", "b"], true));
    let (page, more) = directory.list(ACCOUNT, REGION, Some("b"), 2);
    assert_eq!((names(&page), more), (vec!["c"], false));
    assert_eq!(names(&directory.list(ACCOUNT, "eu-west-1", None, 9).0), ["a"]);
    assert_eq!(names(&directory.list("123456789012", REGION, None, 9).0), ["a"]);
    let unknown = directory.find("123456789012", REGION, Selector::Name("b")).unwrap_err();
    assert_eq!(unknown.kind(), RefusalKind::NotFound);
    assert_eq!(directory.usage(ACCOUNT, REGION).open_shards, 3);
}

#[tokio::test]
async fn a_deleted_stream_is_gone_and_its_name_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let directory = opened(&store, KinesisSettings::default()).await;
    let trips = make(&directory, "trips", 2).await;
    let old = trips.stream.append(&[record("a", "old")], 1).await.unwrap()[0];
    trips.stream.begin("reader").await.unwrap();
    let new = NewConsumer { name: "lab".to_owned(), ..NewConsumer::default() };
    directory.register_consumer(&trips, new, now_ms()).await.unwrap();
    let refused = directory.delete(&trips, false, now_ms()).await.unwrap_err();
    assert!(matches!(refused, DirectoryError::HasConsumers(_)));
    directory.delete(&trips, true, now_ms()).await.unwrap();
    assert!(directory.find(ACCOUNT, REGION, Selector::Name("trips")).is_err());
    assert!(store.list("checkpoint/").is_empty() && store.list("stream").is_empty());
    let late = trips.stream.append(&[record("a", "late")], 1).await;
    assert!(matches!(late, Err(CommitError::ShardClosed(_))));
    let again = make(&directory, "trips", 2).await;
    assert_ne!(again.id, trips.id);
    let placed = again.stream.append(&[record("a", "new")], 1).await.unwrap()[0];
    assert_eq!((placed.shard, placed.sequence), (old.shard, 0));
    drop((directory, trips, again));
    let directory = opened(&store, KinesisSettings::default()).await;
    let trips = directory.find(ACCOUNT, REGION, Selector::Name("trips")).unwrap();
    let shard = trips.stream.shard(placed.shard).unwrap();
    let read = store.read(shard.id, 0, 10, 1 << 20).await.unwrap();
    assert_eq!(&*read.records[0].payload, b"new");
}

#[tokio::test]
async fn a_deletion_with_a_delay_is_finished_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let slow = Span(Duration::from_secs(3_600));
    let directory =
        opened(&store, KinesisSettings { delete_delay: slow, ..KinesisSettings::default() }).await;
    let trips = make(&directory, "trips", 1).await;
    directory.delete(&trips, false, now_ms()).await.unwrap();
    assert_eq!(trips.status(now_ms()), StreamStatus::Deleting);
    assert!(
        trips.stream.append(&[record("a", "1")], 1).await.is_ok(),
        "it is read and written until the end"
    );
    let twice = directory.delete(&trips, false, now_ms()).await.unwrap_err();
    assert_eq!(twice.kind(), RefusalKind::InUse);
    drop(directory);
    // As if the hour had passed while the process was down.
    let past = trips.attributes().encode("k").unwrap();
    let mut past: serde_json::Value = serde_json::from_slice(&past).unwrap();
    past["phase"] = serde_json::json!({ "deleting": 5 });
    let mut batch = Batch::new();
    batch.put(trips.attributes_key(), serde_json::to_vec(&past).unwrap(), None);
    store.commit(batch).await.unwrap();
    let directory = opened(&store, KinesisSettings::default()).await;
    assert!(directory.find(ACCOUNT, REGION, Selector::Name("trips")).is_err());
    while !store.list("stream").is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    make(&directory, "trips", 1).await;
}

#[tokio::test]
async fn statuses_last_as_long_as_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let delay = Span(Duration::from_secs(10));
    let settings = KinesisSettings {
        create_delay: delay,
        update_delay: delay,
        consumer_delay: delay,
        ..KinesisSettings::default()
    };
    let directory = opened(&store, settings).await;
    let now = now_ms();
    let trips = directory.create(NewStream::provisioned(identity("trips"), 1), now).await.unwrap();
    assert_eq!(trips.status(now + 9_999), StreamStatus::Creating);
    let early = directory.split(&trips, 0, 1 << 127, now + 1).await.unwrap_err();
    assert!(matches!(early, DirectoryError::NotActive { status: StreamStatus::Creating, .. }));
    let later = now + 10_000;
    directory.split(&trips, 0, 1 << 127, later).await.unwrap();
    assert_eq!(trips.status(later), StreamStatus::Updating);
    assert!(directory.merge(&trips, 1, 2, later + 5_000).await.is_err());
    directory.merge(&trips, 1, 2, later + 10_000).await.unwrap();
    let new = NewConsumer { name: "lab".to_owned(), ..NewConsumer::default() };
    let made = directory.register_consumer(&trips, new.clone(), now).await.unwrap();
    assert_eq!(made.status, StreamStatus::Creating);
    directory.deregister_consumer(&trips, "lab", later).await.unwrap();
    assert_eq!(trips.consumer("lab", later + 1).unwrap().status, StreamStatus::Deleting);
    assert!(directory.register_consumer(&trips, new.clone(), later + 1).await.is_err());
    assert!(trips.consumer("lab", later + 10_000).is_err());
    directory.register_consumer(&trips, new, later + 10_000).await.unwrap();
}

#[tokio::test]
async fn limits_are_kept_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let settings = KinesisSettings {
        shard_limit: 5,
        on_demand_stream_limit: 1,
        consumer_limit: 1,
        scalings_per_day: 1,
        mode_switches_per_day: 1,
        ..KinesisSettings::default()
    };
    let directory = opened(&store, settings).await;
    let now = now_ms();
    let trips = make(&directory, "trips", 4).await;
    let again = directory.create(NewStream::provisioned(identity("trips"), 1), now).await.unwrap_err();
    assert_eq!(again.kind(), RefusalKind::InUse);
    let many = directory.create(NewStream::provisioned(identity("b"), 2), now).await.unwrap_err();
    assert!(matches!(many, DirectoryError::ShardLimit { open: 4, wanted: 2, limit: 5, .. }));
    let huge = opened(&store, KinesisSettings::default()).await;
    let huge = huge.create(NewStream::provisioned(identity("huge"), 20_000), now).await.unwrap_err();
    assert_eq!(huge.kind(), RefusalKind::LimitExceeded, "{huge}");
    let on_demand = |name: &str| NewStream {
        mode: StreamMode::OnDemand,
        shards: None,
        ..NewStream::provisioned(identity(name), 1)
    };
    let auto = directory.create(on_demand("auto"), now).await.unwrap();
    assert_eq!(auto.stream.layout().open().len(), 4);
    let refused = directory.create(on_demand("more"), now).await.unwrap_err();
    assert!(matches!(refused, DirectoryError::OnDemandLimit { limit: 1, .. }));
    assert!(matches!(directory.split(&auto, 0, 5, now).await, Err(DirectoryError::OnDemand(_))));
    for (target, least, most) in [(9, 2, 8), (1, 2, 8)] {
        match directory.update_shard_count(&trips, target, now).await.unwrap_err() {
            DirectoryError::ScalingOutOfBounds { least: l, most: m, .. } => assert_eq!((l, m), (least, most)),
            other => panic!("{other}"),
        }
    }
    assert_eq!(directory.update_shard_count(&trips, 5, now).await.unwrap(), 4);
    assert_eq!(trips.shards(now).len(), 15);
    let often = directory.update_shard_count(&trips, 4, now).await.unwrap_err();
    assert!(matches!(often, DirectoryError::ScaledTooOften { limit: 1, .. }));
    directory.set_mode(&auto, StreamMode::Provisioned, None, now).await.unwrap_err();
    directory.set_mode(&trips, StreamMode::OnDemand, None, now).await.unwrap();
    let often = directory.set_mode(&trips, StreamMode::Provisioned, None, now).await.unwrap_err();
    assert!(matches!(often, DirectoryError::SwitchedTooOften { .. }), "{often}");
}

#[tokio::test]
async fn closed_shards_are_forgotten_when_retention_and_all_readers_have_passed_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let directory = opened(&store, KinesisSettings::default()).await;
    let section = StreamSection { retention: Span(Duration::ZERO), ..StreamSection::default() };
    let metrics = Metrics::new().node("trips", "stream");
    let stream = directory.topology_stream("trips", &section, metrics).await.unwrap();
    let trips = directory.find(ACCOUNT, REGION, Selector::Name("trips")).unwrap();
    stream.append(&[record("a", "1"), record("a", "2")], 1).await.unwrap();
    stream.begin("reader").await.unwrap();
    let now = now_ms();
    directory.split(&trips, 0, 1 << 127, now).await.unwrap();
    let home = stream.route(b"a").index;
    stream.append(&[record("a", "3")], now).await.unwrap();
    let children = stream.layout();
    assert!(children.open().iter().all(|child| store.checkpoint("reader", child.id) == Some(0)));
    directory.look_after(now + 1).await;
    assert_eq!(stream.layout().shards().len(), 3, "what a reader has not passed stays");
    assert_eq!(stream.layout().readable(&store, "reader")[0].index, 0);
    assert_eq!(stream.layout().readable(&store, "reader").len(), 1, "children wait for their parent");
    let mut reader = ShardReader::open(store.clone(), "reader", &stream.shard(0).unwrap()).await.unwrap();
    let slice = reader.next(9, 1 << 20, Duration::ZERO).await.unwrap();
    assert!(stream.has_ended(0, slice.next) && !stream.has_ended(home, 0));
    let mut batch = Batch::new();
    batch.checkpoint("reader", reader.shard_id(), slice.next);
    store.commit(batch).await.unwrap();
    assert_eq!(stream.layout().readable(&store, "reader").len(), 2);
    // The store's own upkeep trims it within a second or two.
    while store.range(reader.shard_id()).is_some_and(|range| range.first < range.next) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    directory.look_after(now + 1).await;
    assert_eq!((stream.layout().shards().len(), stream.layout().departed()), (2, 2));
    assert_eq!(store.range(reader.shard_id()), None);
    let refused = directory.delete(&trips, true, now).await.unwrap_err();
    assert!(matches!(refused, DirectoryError::OfTheTopology(_)));
}

#[tokio::test]
async fn a_stream_made_at_run_time_is_taken_over_by_the_topology_with_all_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let directory = opened(&store, KinesisSettings::default()).await;
    let made = make(&directory, "trips", 2).await;
    made.stream.append(&[record("a", "1")], 1).await.unwrap();
    drop((directory, made));
    let metrics = || Metrics::new().node("trips", "stream");
    let directory = opened(&store, KinesisSettings::default()).await;
    let section = |shards| StreamSection { shards, ..StreamSection::default() };
    let other = directory.topology_stream("trips", &section(3), metrics()).await.unwrap_err();
    assert!(other.to_string().contains("shards = 2"), "{other}");
    let stream = directory.topology_stream("trips", &section(2), metrics()).await.unwrap();
    let resource = directory.find(ACCOUNT, REGION, Selector::Name("trips")).unwrap();
    assert!(Arc::ptr_eq(&stream, &resource.stream) && resource.is_of_the_topology());
    assert_eq!(store.range(stream.route(b"a").id).unwrap().next, 1);
    // Reshaped at run time, it keeps its shape while the file says what it said.
    directory.split(&resource, 0, 7, now_ms()).await.unwrap();
    drop((directory, stream, resource));
    let directory = opened(&store, KinesisSettings::default()).await;
    let stream = directory.topology_stream("trips", &section(2), metrics()).await.unwrap();
    assert_eq!(stream.layout().open().len(), 3);
}

#[tokio::test]
async fn a_thousand_streams_and_five_hundred_shards_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let settings = KinesisSettings { creating_limit: u32::MAX, ..KinesisSettings::default() };
    let directory = opened(&first, settings.clone()).await;
    let mut made = Vec::new();
    for number in 0..1_000 {
        made.push(make(&directory, &format!("stream-{number:04}"), 1).await.id.clone());
    }
    let wide = make(&directory, "wide", 250).await;
    directory.update_shard_count(&wide, 500, now_ms()).await.unwrap();
    let keys = (0..2_000).map(|key| record(&key.to_string(), "x")).collect::<Vec<_>>();
    let placed = wide.stream.append(&keys, 1).await.unwrap();
    drop((directory, wide));
    first.close().unwrap();
    drop(first);
    let again = store(folder.path());
    let directory = opened(&again, settings).await;
    let (all, more) = directory.list(ACCOUNT, REGION, None, 10_000);
    assert_eq!((all.len(), more), (1_001, false));
    assert!(all.iter().zip(&made).all(|(resource, id)| resource.id == *id));
    let wide = directory.find(ACCOUNT, REGION, Selector::Name("wide")).unwrap();
    assert_eq!((wide.stream.layout().open().len(), wide.shards(now_ms()).len()), (500, 750));
    for (key, placed) in keys.iter().zip(placed) {
        assert_eq!(wide.stream.route(&key.key).index, placed.shard);
    }
}

#[tokio::test]
async fn an_on_demand_stream_gets_shards_where_the_load_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let directory = opened(&store, KinesisSettings::default()).await;
    let now = now_ms();
    let new = NewStream { mode: StreamMode::OnDemand, ..NewStream::provisioned(identity("auto"), 1) };
    let auto = directory.create(new, now).await.unwrap();
    directory.look_after(now).await;
    let home = auto.stream.route(b"hot").index;
    let hot = vec![record("hot", "x"); 600];
    auto.stream.append(&hot, now).await.unwrap();
    directory.look_after(now + 1_000).await;
    let open: Vec<u32> = auto.stream.layout().open().iter().map(|shard| shard.index).collect();
    assert_eq!(open.len(), 5);
    assert!(!open.contains(&home) && open.contains(&4) && open.contains(&5));
    assert_eq!(auto.stream.shard(4).unwrap().parents().collect::<Vec<_>>(), [home]);
    // Quiet for more than a day, it shrinks to the four it began with.
    directory.look_after(now + 100_000_000).await;
    directory.look_after(now + 200_000_000).await;
    assert_eq!(auto.stream.layout().open().len(), 4);
}

#[tokio::test]
async fn a_stream_that_the_topology_lets_go_can_be_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let directory = opened(&store, KinesisSettings::default()).await;
    let metrics = Metrics::new().node("trips", "stream");
    let section = StreamSection::default();
    let stream = directory.topology_stream("trips", &section, metrics).await.unwrap();
    let trips = directory.find(ACCOUNT, REGION, Selector::Name("trips")).unwrap();
    directory.topology_has(&BTreeMap::from([("trips".to_owned(), stream)]));
    assert!(directory.delete(&trips, false, now_ms()).await.is_err());
    directory.topology_has(&BTreeMap::new());
    directory.delete(&trips, false, now_ms()).await.unwrap();
    assert!(directory.find(ACCOUNT, REGION, Selector::Name("trips")).is_err());
    assert_eq!(trips.stream.distinct_name().await, "trips");
    let metrics = Metrics::new().node("trips", "stream");
    let again = directory.topology_stream("trips", &section, metrics).await.unwrap();
    assert!(
        again.distinct_name().await.starts_with("trips@"),
        "what was loaded of the old one is not of this"
    );
}
