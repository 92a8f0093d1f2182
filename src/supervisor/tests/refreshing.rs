//! Workers are replaced while they work.

use super::*;
use crate::{
    pipeline::{RefreshSettings, Scale, WorkerState},
    units::Span,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

fn quick() -> RefreshSettings {
    RefreshSettings {
        warm_up: Span(Duration::from_millis(50)),
        bake_time: Span(Duration::from_millis(200)),
        ..RefreshSettings::default()
    }
}

fn latest(health: &Health) -> Option<RefreshStatus> {
    health.pools.get("review")?.refreshes.last().map(|refresh| refresh.status)
}

fn rig(desk: &Arc<Desk>, workers: u32) -> Rig {
    let mischief = Mischief { batch: 1, each_batch_takes: Duration::from_millis(1), ..Mischief::NONE };
    Rig::new().crew("review", desk, Scale::between(workers, workers + 4), mischief)
}

/// What takes the place of the rig's pool.
fn successor(
    rig: &Rig,
    desk: &Arc<Desk>,
    scale: Scale,
    refresh: RefreshSettings,
    mischief: Mischief,
) -> BuiltNode {
    let built = rig.crew_of("review", desk, scale, mischief);
    BuiltNode { terms: NodeTerms { refresh, ..built.terms }, ..built }
}

fn change(replaced: BuiltNode) -> Change {
    Change {
        topology: "trial".to_owned(),
        order: vec!["review".into()],
        added: Vec::new(),
        replaced: vec![replaced],
        rescaled: Vec::new(),
        removed: Vec::new(),
        deadline: Duration::from_secs(30),
    }
}

#[test]
fn every_worker_is_replaced_in_steps_and_nothing_is_redelivered() {
    let desk = Desk::with(20_000);
    let system = rig(&desk, 8).start(Duration::from_secs(20));
    system.until_workers("review", 8);
    let first = system.until(|health| !health.pools["review"].workers.is_empty());
    let oldest = first.pools["review"].workers.iter().map(|worker| worker.id).max().unwrap();
    system.order("review", PoolVerb::StartRefresh(Some(quick()))).unwrap();
    let health = system.until(|health| latest(health) == Some(RefreshStatus::Successful));
    let alive =
        || health.pools["review"].workers.iter().filter(|worker| worker.state != WorkerState::Terminated);
    assert_eq!(alive().count(), 8);
    assert!(
        alive().all(|worker| worker.id > oldest && worker.generation == 2),
        "{:?}",
        alive().collect::<Vec<_>>()
    );
    assert_eq!(desk.redelivered.load(Ordering::SeqCst), 0);
    let activity = health.pools["review"].activities.iter().find(|one| one.cause == Cause::Refresh).unwrap();
    assert_eq!(activity.status, ActivityStatus::Successful);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_changed_pool_goes_over_to_its_new_stage_with_its_history_and_nothing_is_redelivered() {
    let desk = Desk::with(20_000);
    let rig = rig(&desk, 8);
    let next = Mischief { seed: 1, ..Mischief::NONE };
    let replaced = successor(&rig, &desk, Scale::between(8, 12), quick(), next);
    let system = rig.start(Duration::from_secs(20));
    system.until_workers("review", 8);
    system.order("review", PoolVerb::SetDesired(9)).unwrap();
    let applied = system.apply(change(replaced)).unwrap();
    assert_eq!(applied, Applied { replaced: vec!["review".into()], ..Applied::default() });
    let health = system.until(|health| latest(health) == Some(RefreshStatus::Successful));
    assert_eq!(health.nodes["review"].pool.as_ref().unwrap().desired, 9);
    assert!(health.pools["review"].activities.iter().any(|one| one.cause == Cause::Manual));
    system.until(|_| desk.done_once() == 20_000);
    assert_eq!(desk.redelivered.load(Ordering::SeqCst), 0);
    system.until_workers("review", 9);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_new_stage_whose_workers_fail_is_taken_back_and_the_old_one_works_on() {
    let desk = Desk::with(1_000_000);
    let rig = rig(&desk, 6);
    let bad = Mischief { always_fails: true, ..Mischief::NONE };
    let replaced = successor(&rig, &desk, Scale::between(2, 3), quick(), bad);
    let system = rig.start(Duration::from_secs(20));
    system.until_workers("review", 6);
    let applied = system.apply(change(replaced)).unwrap();
    let (name, why) = &applied.rolled_back[0];
    assert_eq!(&**name, "review");
    assert!(why.contains("new workers failed before any work was done"), "{why}");
    system.until(|health| latest(health) == Some(RefreshStatus::RollbackSuccessful));
    let health = system.until_workers("review", 6);
    // It is the old stage with the old bounds, not with those that came with the new one.
    let pool = health.nodes["review"].pool.as_ref().unwrap();
    assert_eq!((pool.min, pool.max, pool.desired), (6, 10, 6));
    let told = health.pools["review"].activities.iter().map(|one| one.because.clone());
    assert!(told.into_iter().any(|because| because.contains("its bounds are 6 to 10 again")));
    let failures = desk.failures.load(Ordering::SeqCst);
    let done = desk.done_once();
    system.until(|_| desk.done_once() > done + 100);
    assert_eq!(desk.failures.load(Ordering::SeqCst), failures);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_cancelled_change_stays_between_two_stages_until_it_goes_on_or_back() {
    for goes_on in [true, false] {
        let desk = Desk::with(1_000_000);
        let rig = rig(&desk, 8);
        let pauses = RefreshSettings { checkpoint_percentages: vec![50], ..quick() };
        let next = Mischief { seed: 1, each_batch_takes: Duration::from_millis(1), ..Mischief::NONE };
        let replaced = successor(&rig, &desk, Scale::between(8, 12), pauses, next);
        let system = rig.start(Duration::from_secs(20));
        system.until_workers("review", 8);
        let control = system.control.clone();
        let applying = system.runtime.spawn(async move { control.apply(change(replaced)).await });
        let of_generation = |health: &Health, generation| {
            let workers = health.pools["review"].workers.iter();
            let alive = workers.filter(|worker| worker.state == WorkerState::InService);
            alive.filter(|worker| worker.generation == generation).count()
        };
        let half = |health: &Health| (of_generation(health, 1), of_generation(health, 2)) == (4, 4);
        system.until(|health| latest(health) == Some(RefreshStatus::InProgress) && half(health));
        system.order("review", PoolVerb::CancelRefresh).unwrap();
        let applied = system.runtime.block_on(applying).unwrap().unwrap();
        assert_eq!(applied.refreshing, ["review".into()], "nobody is told that it was replaced");
        let health = system.until_workers("review", 8);
        assert!(half(&health) && latest(&health) == Some(RefreshStatus::Cancelled));
        // A worker that is terminated comes back as what it was, and more workers are new ones.
        let older = health.pools["review"].workers.iter().find(|worker| worker.generation == 1).unwrap();
        system.order("review", PoolVerb::Terminate(older.id)).unwrap();
        system.until(|health| {
            half(health)
                && health.pools["review"]
                    .workers
                    .iter()
                    .all(|worker| worker.id != older.id || worker.state == WorkerState::Terminated)
        });
        system.order("review", PoolVerb::SetDesired(10)).unwrap();
        system.until(|health| (of_generation(health, 1), of_generation(health, 2)) == (4, 6));
        let (verb, end, generation) = if goes_on {
            (PoolVerb::StartRefresh(Some(quick())), RefreshStatus::Successful, 2)
        } else {
            (PoolVerb::RollBackRefresh, RefreshStatus::RollbackSuccessful, 1)
        };
        system.order("review", verb).unwrap();
        let health =
            system.until(|health| latest(health) == Some(end) && of_generation(health, generation) == 10);
        assert_eq!(of_generation(&health, 3 - generation), 0);
        assert_eq!(desk.redelivered.load(Ordering::SeqCst), 0);
        assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    }
}

#[test]
fn a_pool_that_was_half_refreshed_is_rolled_back_all_the_same() {
    let desk = Desk::with(1_000_000);
    let rig = rig(&desk, 6);
    let bad = Mischief { always_fails: true, ..Mischief::NONE };
    let replaced = successor(&rig, &desk, Scale::between(6, 10), quick(), bad);
    let system = rig.start(Duration::from_secs(20));
    system.until_workers("review", 6);
    let pauses = RefreshSettings { checkpoint_percentages: vec![50], ..quick() };
    system.order("review", PoolVerb::StartRefresh(Some(pauses))).unwrap();
    let newer = |health: &Health| {
        health.pools["review"].workers.iter().filter(|worker| worker.generation == 2).count()
    };
    system.until(|health| newer(health) == 3);
    system.order("review", PoolVerb::CancelRefresh).unwrap();
    system.until_workers("review", 6);
    let applied = system.apply(change(replaced)).unwrap();
    assert_eq!(applied.rolled_back.len(), 1, "{applied:?}");
    system.until(|health| latest(health) == Some(RefreshStatus::RollbackSuccessful));
    system.until_workers("review", 6);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_refresh_that_a_change_puts_an_end_to_is_told_as_cancelled() {
    let desk = Desk::with(1_000_000);
    let rig = rig(&desk, 4);
    let replaced = successor(&rig, &desk, Scale::between(4, 8), quick(), Mischief::NONE);
    let system = rig.start(Duration::from_secs(20));
    system.until_workers("review", 4);
    let slow = RefreshSettings { warm_up: Span(Duration::from_secs(600)), ..quick() };
    system.order("review", PoolVerb::StartRefresh(Some(slow))).unwrap();
    let applied = system.apply(change(replaced)).unwrap();
    assert_eq!(applied.replaced, ["review".into()]);
    let health = system.until(|health| latest(health) == Some(RefreshStatus::Successful));
    let told = health.pools["review"].activities.iter().filter(|one| one.cause == Cause::Refresh);
    let told: Vec<_> = told.map(|one| (one.status, one.because.as_str())).collect();
    let [(ActivityStatus::Cancelled, first), (ActivityStatus::Successful, _)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(first.contains("another change came"), "{first}");
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_stop_in_the_middle_of_a_refresh_drains_both_stages() {
    let desk = Desk::with(1_000_000);
    let rig = rig(&desk, 8);
    let slow = RefreshSettings { warm_up: Span(Duration::from_secs(600)), ..quick() };
    let next = Mischief { batch: 3, ..Mischief::NONE };
    let replaced = successor(&rig, &desk, Scale::between(8, 8), slow, next);
    let system = rig.start(Duration::from_secs(20));
    system.until_workers("review", 8);
    let control = system.control.clone();
    let applying = system.runtime.spawn(async move { control.apply(change(replaced)).await });
    system.until(|health| latest(health) == Some(RefreshStatus::InProgress));
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
    assert_eq!(desk.redelivered.load(Ordering::SeqCst), 0);
    drop(applying);
}

/// What is wanted by a definition of that number, within so many seconds.
fn defined(definition: u64, seconds: u64, built: BuiltNode) -> Change {
    let deadline = Duration::from_secs(seconds);
    Change { deadline, ..change(BuiltNode { definition, ..built }) }
}

#[test]
fn what_was_asked_for_before_and_is_under_way_is_not_begun_again() {
    let desk = Desk::with(1_000_000);
    let rig = rig(&desk, 4);
    let slow = RefreshSettings { warm_up: Span(Duration::from_secs(5)), ..quick() };
    let next = || successor(&rig, &desk, Scale::between(4, 8), slow.clone(), Mischief::NONE);
    let changes =
        [(7, 1), (7, 1), (7, 55), (7, 55)].map(|(number, seconds)| defined(number, seconds, next()));
    let other = defined(8, 55, successor(&rig, &desk, Scale::between(4, 8), quick(), Mischief::NONE));
    let system = rig.start(Duration::from_secs(20));
    system.until_workers("review", 4);
    let applied: Vec<Applied> = changes.into_iter().map(|change| system.apply(change).unwrap()).collect();
    let (refreshing, replaced) = (|one: &Applied| one.refreshing.len(), |one: &Applied| one.replaced.len());
    assert_eq!(applied.iter().map(refreshing).collect::<Vec<_>>(), [1, 1, 0, 0], "{applied:?}");
    assert_eq!(applied.iter().map(replaced).collect::<Vec<_>>(), [0, 0, 1, 1], "{applied:?}");
    let health = system.until(|health| latest(health) == Some(RefreshStatus::Successful));
    assert_eq!(health.pools["review"].refreshes.len(), 1, "one refresh for all of them");
    assert!(health.pools["review"].workers.iter().all(|worker| worker.generation <= 2));
    assert_eq!(system.apply(other).unwrap().replaced, ["review".into()]);
    let health = system.until(|health| health.pools["review"].refreshes.len() == 2);
    assert!(health.pools["review"].workers.iter().any(|worker| worker.generation == 3));
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn what_was_rolled_back_is_tried_again_when_it_is_asked_for_again() {
    let desk = Desk::with(1_000_000);
    let rig = rig(&desk, 4);
    let bad = Mischief { always_fails: true, ..Mischief::NONE };
    let next = || successor(&rig, &desk, Scale::between(4, 8), quick(), bad);
    let changes = [defined(7, 55, next()), defined(7, 55, next())];
    let system = rig.start(Duration::from_secs(20));
    system.until_workers("review", 4);
    for change in changes {
        assert_eq!(system.apply(change).unwrap().rolled_back.len(), 1);
    }
    system.until(|health| health.pools["review"].refreshes.len() == 2);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}
