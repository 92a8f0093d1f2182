//! Streams that are reshaped for years; the years are told, not waited for.

use super::{
    tests::{ACCOUNT, REGION, make, opened, record, store},
    *,
};
use crate::{pipeline::now_ms, storage::Batch};

const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;

/// Keys and sizes of all that the registry keeps of the stream's shape.
fn kept(store: &Store) -> Vec<usize> {
    let all = [store.list("stream/trips"), store.list("stream-shards/trips/")].concat();
    all.into_iter().map(|(_, value)| value.len()).collect()
}

#[tokio::test]
async fn a_stream_that_is_reshaped_every_day_for_years_stays_as_small_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let directory = opened(&store, KinesisSettings::default()).await;
    let trips = make(&directory, "trips", 1).await;
    let begun = now_ms();
    let days = 1_200;
    for day in 0..days {
        let now = begun + i64::from(day) * DAY_MS;
        let open = trips.stream.layout().open()[0].index;
        let [low, high] = directory.split(&trips, open, 1 << 127, now).await.unwrap();
        directory.merge(&trips, low, high, now).await.unwrap();
        directory.look_after(now).await;
        assert!(trips.stream.layout().shards().len() <= 7, "day {day}");
    }
    let sizes = kept(&store);
    assert!(sizes.len() <= 3 && sizes.iter().sum::<usize>() < 4_096, "{sizes:?}");
    let last = trips.stream.append(&[record("a", "1")], now_ms()).await.unwrap();
    assert_eq!(last[0].shard, 3 * days);
}

#[tokio::test]
async fn a_stream_has_more_shards_than_one_value_of_the_registry_holds() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let directory = opened(&first, KinesisSettings::default()).await;
    let trips = make(&directory, "trips", 1).await;
    let now = now_ms();
    directory.set_retention(&trips, MOST_RETENTION_HOURS, true, now).await.unwrap();
    for _ in 0..4 {
        trips.stream.scale_to(1_000, now, Batch::new()).await.unwrap();
        trips.stream.scale_to(1, now, Batch::new()).await.unwrap();
    }
    let all = trips.shards(now).len();
    let sizes = kept(&first);
    assert!(all > 10_000 && sizes.iter().sum::<usize>() > 1 << 20, "{all} shards: {sizes:?}");
    assert!(sizes.iter().all(|size| *size < 1 << 17), "{sizes:?}");
    let placed = trips.stream.append(&[record("a", "1")], now).await.unwrap();
    first.close().unwrap();
    drop((first, directory, trips));

    let again = store(folder.path());
    let directory = opened(&again, KinesisSettings::default()).await;
    let trips = directory.find(ACCOUNT, REGION, Selector::Name("trips")).unwrap();
    assert_eq!((trips.shards(now).len(), trips.stream.layout().open().len()), (all, 1));
    assert_eq!(trips.stream.layout().open()[0].index, placed[0].shard);
    directory.look_after(now + YEAR_MS - 1).await;
    assert_eq!(trips.stream.layout().shards().len(), all, "closed shards are listed until retention");
    directory.look_after(now + YEAR_MS).await;
    assert_eq!((trips.stream.layout().shards().len(), kept(&again).len()), (1, 2));
}
