//! What is kept of pools across a restart.

use super::*;
use crate::{
    pipeline::Scale,
    storage::{StorageSettings, Store},
    telemetry::StorageMetrics,
};
use std::{path::Path, sync::Arc, time::Duration};

fn open(folder: &Path) -> Store {
    let settings = StorageSettings {
        flush: false,
        log_file_bytes: 1 << 20,
        free_space_floor: 0,
        ..StorageSettings::default()
    };
    Store::open(folder, settings, StorageMetrics::unregistered()).unwrap()
}

fn start(store: &Store) -> (System, Arc<Desk>) {
    start_with(store, Scale::between(1, 8))
}

fn start_with(store: &Store, scale: Scale) -> (System, Arc<Desk>) {
    let desk = Desk::with(0);
    let mut rig = Rig::new().crew("review", &desk, scale, Mischief::NONE);
    rig.store = Some(store.clone());
    (rig.start(Duration::from_secs(20)), desk)
}

#[test]
fn a_restarted_pool_has_its_capacity_and_its_history_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (system, _desk) = start(&store);
    system.ready();
    system.order("review", PoolVerb::SetDesired(6)).unwrap();
    system.until_workers("review", 6);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    store.close().unwrap();
    drop(store);

    let store = open(folder.path());
    let (system, _desk) = start(&store);
    let health = system.until(|health| health.ready);
    assert_eq!(health.nodes["review"].pool.as_ref().unwrap().desired, 6);
    let activity = health.pools["review"].activities.iter().next().unwrap();
    assert_eq!((&activity.cause, activity.to), (&Cause::Manual, 6));
    system.until_workers("review", 6);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    store.close().unwrap();
}

#[test]
fn a_capacity_that_the_topology_gives_comes_before_what_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (system, _desk) = start(&store);
    system.until_workers("review", 1);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    let (system, _desk) = start_with(&store, Scale { desired: Some(4), ..Scale::between(2, 8) });
    let health = system.until(|health| health.ready);
    assert_eq!(health.nodes["review"].pool.as_ref().unwrap().desired, 4);
    system.until_workers("review", 4);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    // Without one, no less than the bounds say.
    let (system, _desk) = start_with(&store, Scale::between(6, 8));
    system.until_workers("review", 6);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    store.close().unwrap();
}

#[test]
fn what_was_set_by_hand_and_suspended_holds_until_the_topology_says_something_new() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let stated = |desired| Scale { desired, ..Scale::between(1, 8) };
    let (system, _desk) = start_with(&store, stated(Some(4)));
    system.until_workers("review", 4);
    system.order("review", PoolVerb::Suspend).unwrap();
    system.order("review", PoolVerb::SetDesired(6)).unwrap();
    system.until_workers("review", 6);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    for (desired, workers) in [(Some(4), 6), (Some(4), 6), (Some(5), 5), (None, 5)] {
        let (system, _desk) = start_with(&store, stated(desired));
        let health = system.until_workers("review", workers);
        let pool = health.nodes["review"].pool.as_ref().unwrap();
        assert!(pool.suspended && pool.desired == workers, "{desired:?}: {pool:?}");
        assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    }
    // Of a pool that scales, the topology's word comes first.
    let (system, _desk) = start_with(&store, stated(Some(3)));
    system.until_workers("review", 3);
    system.order("review", PoolVerb::SetDesired(7)).unwrap();
    system.order("review", PoolVerb::Resume).unwrap();
    system.until_workers("review", 7);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    let (system, _desk) = start_with(&store, stated(Some(3)));
    system.until_workers("review", 3);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    store.close().unwrap();
}

#[test]
fn what_was_ordered_is_kept_soon_and_not_only_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (system, _desk) = start(&store);
    system.ready();
    system.order("review", PoolVerb::SetDesired(5)).unwrap();
    let kept = || {
        store
            .get("scaling/review")
            .is_some_and(|text| String::from_utf8_lossy(&text).contains("\"desired\":5"))
    };
    system.until(|_| kept());
    system.stop(StopRequest::Abort);
    store.close().unwrap();
}

#[test]
fn what_cannot_be_read_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut batch = crate::storage::Batch::new();
    batch.put("scaling/review", &b"{"[..], None);
    batch.put("activities/review", &b"7"[..], None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.commit(batch)).unwrap();
    let (system, _desk) = start(&store);
    system.until_workers("review", 1);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    store.close().unwrap();
}

#[test]
fn what_came_after_the_last_look_at_a_pool_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (system, desk) = start(&store);
    let first = system.until(|health| health.ready).observed_at_ms;
    let second = system.until(|health| health.observed_at_ms > first).observed_at_ms;
    system.until(|health| health.observed_at_ms > second);
    // Long enough for a sample, and before the pool is looked at again.
    std::thread::sleep(Duration::from_millis(650));
    desk.more(500);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    let kept: serde_json::Value = serde_json::from_slice(&store.get("scaling/review").unwrap()).unwrap();
    let newest = kept["arrivals"]["newest"].as_array();
    let records: f64 = newest.unwrap().iter().map(|sample| sample[1].as_f64().unwrap()).sum();
    assert_eq!(records, 500.0, "{kept}");
    store.close().unwrap();
}
