//! Workers on a virtual clock: heartbeats, rests, budgets, and who leaves first.

use super::{restarts::Failed, *};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

const TERMS: WorkerTerms =
    WorkerTerms { heartbeat: Duration::from_secs(10), warm_up: Duration::from_secs(20) };

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn tasks(runtime: &tokio::runtime::Runtime) -> Tasks {
    Tasks::new(runtime.handle().clone(), "review".into())
}

/// Reaps until as many tasks have ended; bounded, so that a lost one fails the test.
fn reap(tasks: &mut Tasks, now: Instant, wanted: usize) -> Vec<TaskExit> {
    let begun = Instant::now();
    let mut exits = Vec::new();
    while exits.len() < wanted && begun.elapsed() < Duration::from_secs(90) {
        exits.extend(tasks.reap_at(now));
        std::thread::yield_now();
    }
    assert_eq!(exits.len(), wanted, "{exits:?}");
    exits
}

fn until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(90));
        std::thread::yield_now();
    }
}

/// Starts workers that do as told until asked to end; answers their slots.
fn staff(tasks: &mut Tasks, now: Instant, desired: u32, busy: bool) -> Vec<String> {
    let slots = tasks.staff_at(now, "worker", desired);
    for slot in &slots {
        tasks.ensure_worker_at(now, slot, TERMS, |retire, pulse| async move {
            pulse.in_service();
            let _busy = busy.then(|| pulse.busy(3));
            retire.asked().await;
            Ok(())
        });
    }
    slots
}

#[test]
fn a_busy_worker_that_is_silent_for_its_heartbeat_is_cut_off_rests_and_comes_back() {
    let runtime = runtime();
    let mut tasks = tasks(&runtime);
    let now = Instant::now();
    assert_eq!(staff(&mut tasks, now, 1, true), ["worker-0"]);
    until(|| tasks.census().busy == 1);
    let soon = Instant::now() + Duration::from_secs(9);
    assert!(tasks.reap_at(soon).is_empty() && tasks.census().in_service == 1);
    let late = soon + Duration::from_secs(2);
    let exits = reap(&mut tasks, late, 1);
    let [TaskExit::Failed { key, error }] = exits.as_slice() else { panic!("{exits:?}") };
    assert_eq!(key, "worker-0");
    assert!(error.to_string().contains("while busy with 3 deliveries"), "{error}");
    assert!(tasks.staff_at(late, "worker", 1).is_empty(), "it rests");
    let rested = tasks.next_due().unwrap();
    assert!(rested > late && rested <= late + Duration::from_millis(500));
    assert_eq!(staff(&mut tasks, rested, 1, false), ["worker-0"]);
    let gone = tasks.workers().find(|worker| worker.state == WorkerState::Terminated).unwrap();
    assert!(gone.because.unwrap().contains("no heartbeat"));
    assert_eq!(tasks.restart_count(), 1);
}

#[test]
fn a_worker_that_beats_or_waits_for_work_is_never_cut_off() {
    let runtime = runtime();
    let mut tasks = tasks(&runtime);
    let now = Instant::now();
    staff(&mut tasks, now, 2, false);
    until(|| tasks.census().in_service == 2);
    assert!(tasks.reap_at(now + Duration::from_secs(100_000)).is_empty());
    assert_eq!((tasks.census().in_service, tasks.next_due()), (2, None));
    let vital = Vital::new(now, Arc::default());
    let _busy = vital.pulse().busy(1);
    let first = vital.last_beat();
    std::thread::sleep(Duration::from_millis(5));
    vital.pulse().beat();
    assert!(vital.last_beat() > first);
}

#[test]
fn a_worker_that_never_comes_into_service_is_cut_off_after_its_warm_up() {
    let runtime = runtime();
    let mut tasks = tasks(&runtime);
    let now = Instant::now();
    tasks.ensure_worker_at(now, "worker-0", TERMS, |_, _| std::future::pending());
    assert_eq!(tasks.census().pending, 1);
    assert!(tasks.reap_at(now + Duration::from_secs(19)).is_empty());
    let exits = reap(&mut tasks, now + Duration::from_secs(20), 1);
    let [TaskExit::Failed { error, .. }] = exits.as_slice() else { panic!("{exits:?}") };
    assert!(error.to_string().contains("not in service 20.0 s after its start"), "{error}");
}

#[test]
fn a_worker_that_computes_without_end_is_left_behind_and_its_slot_stays_free_of_others() {
    let runtime = runtime();
    let mut tasks = tasks(&runtime);
    let now = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    tasks.ensure_worker_at(now, "worker-0", TERMS, |_, pulse| async move {
        let _busy = pulse.busy(1);
        while !stopped.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Ok(())
    });
    until(|| tasks.census().busy == 1);
    let overdue = Instant::now() + Duration::from_secs(11);
    assert!(tasks.reap_at(overdue).is_empty());
    assert!(tasks.staff_at(overdue, "worker", 1).is_empty(), "it may still end, and stands for its place");
    let outstayed = overdue + Duration::from_secs(6);
    tasks.reap_at(outstayed);
    assert_eq!(tasks.staff_at(outstayed, "worker", 1), ["worker-1"]);
    assert!(tasks.last_error().unwrap().contains("does not end"));
    stop.store(true, Ordering::SeqCst);
    until(|| {
        tasks.reap_at(outstayed);
        tasks.stuck.is_empty()
    });
    assert!(
        tasks.staff_at(outstayed + Duration::from_secs(60), "worker", 1).contains(&"worker-0".to_owned())
    );
}

#[test]
fn every_restart_comes_within_the_backoff_of_its_slot() {
    for seed in 0..200_u32 {
        let mut restarts = Restarts::new(&seed.to_string());
        let mut now = Instant::now();
        let mut consecutive = 0;
        for turn in 0..12_u32 {
            let progressed = (seed + turn).is_multiple_of(5);
            consecutive = if progressed { 1 } else { consecutive + 1 };
            let rest = restarts.failed(Failed { key: "worker-3", progressed, pool: 32 }, now);
            let longest =
                (Duration::from_millis(500) * (1 << (consecutive - 1))).min(Duration::from_secs(30));
            assert!(rest <= longest && rest >= longest / 2, "failure {consecutive}: {rest:?}");
            assert_eq!(restarts.next_start(), Some(now + rest));
            assert!(!restarts.may_start("worker-3", now + rest - Duration::from_millis(1)));
            now += rest;
            assert!(restarts.may_start("worker-3", now));
            let restarted = restarts.started("worker-3", now).unwrap();
            assert_eq!((restarted.consecutive, restarted.rest, restarted.rested), (consecutive, rest, rest));
        }
    }
}

#[test]
fn a_large_pool_is_given_up_only_when_its_workers_do_nothing_but_fail() {
    let pool = 32;
    let mut restarts = Restarts::new("review");
    let now = Instant::now();
    let key = |turn: usize| format!("worker-{}", turn % pool);
    for turn in 0..5 * pool - 1 {
        restarts.failed(Failed { key: &key(turn), progressed: false, pool }, now);
    }
    assert!(!restarts.is_exhausted(now));
    for turn in 0..10_000 {
        let at = now + Duration::from_millis(turn as u64);
        restarts.failed(Failed { key: &key(turn), progressed: turn % 2 == 0, pool }, at);
        assert!(!restarts.is_exhausted(at), "a pool that gets on is not given up");
    }
    let later = now + Duration::from_secs(600);
    for turn in 0..5 * pool {
        restarts.failed(Failed { key: &key(turn), progressed: false, pool }, later);
    }
    assert!(restarts.is_exhausted(later));
}

#[test]
fn idle_workers_leave_before_busy_ones_and_slots_in_use_elsewhere_stay_free() {
    let runtime = runtime();
    let mut tasks = tasks(&runtime);
    let now = Instant::now();
    tasks.leave_free(["worker-1".to_owned()]);
    assert_eq!(staff(&mut tasks, now, 2, true), ["worker-0", "worker-2"]);
    assert_eq!(staff(&mut tasks, now, 4, false), ["worker-3", "worker-4"]);
    until(|| (tasks.census().in_service, tasks.census().busy) == (4, 2));
    assert!(tasks.staff_at(now, "worker", 2).is_empty());
    assert_eq!(tasks.draining().collect::<Vec<_>>(), ["worker-3", "worker-4"]);
    reap(&mut tasks, now, 2);
    assert!(tasks.staff_at(now, "worker", 1).is_empty());
    assert_eq!(tasks.draining().collect::<Vec<_>>(), ["worker-2"], "of equals the youngest");
}

#[test]
fn a_scale_in_takes_resting_slots_before_working_ones() {
    let runtime = runtime();
    let mut tasks = tasks(&runtime);
    let now = Instant::now();
    staff(&mut tasks, now, 2, false);
    tasks
        .ensure_worker_at(now, "worker-2", TERMS, |_, _| async { Err(TaskError::new("working", "no luck")) });
    reap(&mut tasks, now, 1);
    assert!(tasks.is_resting() && tasks.staff_at(now, "worker", 3).is_empty());
    assert!(tasks.staff_at(now, "worker", 2).is_empty());
    assert!(!tasks.is_resting() && tasks.draining().next().is_none());
}

#[test]
fn a_refresh_replaces_the_older_generation_only() {
    let runtime = runtime();
    let mut tasks = tasks(&runtime);
    let now = Instant::now();
    staff(&mut tasks, now, 3, false);
    until(|| tasks.census().in_service == 3);
    tasks.begin_generation();
    assert_eq!((tasks.census().older, tasks.retire_older(2)), (3, 2));
    assert_eq!(staff(&mut tasks, now, 3, false).len(), 2);
    assert_eq!((tasks.census().older, tasks.retire_older(9), tasks.retire_older(9)), (1, 1, 0));
    let successor = tasks.successor();
    assert!(successor.generation > tasks.generation && Arc::ptr_eq(successor.wake(), tasks.wake()));
}
