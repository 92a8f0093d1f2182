use super::*;
use crate::{telemetry::Metrics, units::Span};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Waits for the ends of tasks; bounded, so that a lost task fails the test.
fn reap_until(tasks: &mut Tasks, now: Instant, wanted: usize) -> Vec<TaskExit> {
    let begun = Instant::now();
    let mut exits = Vec::new();
    while exits.len() < wanted && begun.elapsed() < Duration::from_secs(90) {
        exits.extend(tasks.reap_at(now));
        std::thread::yield_now();
    }
    exits
}

fn once(key: &str) -> Failed<'_> {
    Failed { key, progressed: false, pool: 1 }
}

fn fail(tasks: &mut Tasks, key: &str, now: Instant) {
    tasks.ensure_at(now, key, |_| async { Err(TaskError::new("working", "no luck")) });
    let exits = reap_until(tasks, now, 1);
    assert!(matches!(exits.as_slice(), [TaskExit::Failed { .. }]), "{exits:?}");
}

#[test]
fn a_panicked_task_is_reported_counted_and_started_again_after_its_rest() {
    let runtime = runtime();
    let metrics = Metrics::new();
    let mut tasks =
        Tasks::new(runtime.handle().clone(), "trips".into()).counted_in(metrics.node("trips", "stream"));
    let now = Instant::now();
    tasks.ensure_at(now, "shard-0", |_| async { panic!("index {} of {}", 7, 3) });
    let exits = reap_until(&mut tasks, now, 1);
    let [TaskExit::Panicked { key, message }] = exits.as_slice() else { panic!("{exits:?}") };
    assert_eq!((key.as_str(), message.as_str()), ("shard-0", "index 7 of 3"));
    assert!(tasks.is_resting() && tasks.last_error().unwrap().contains("shard-0: panicked"));

    tasks.ensure_at(now, "shard-0", |_| async { Ok(()) });
    assert_eq!(tasks.running.len(), 0, "it rests");
    let later = now + Duration::from_secs(1);
    tasks.ensure_at(later, "shard-0", |_| async { Ok(()) });
    assert!(matches!(reap_until(&mut tasks, later, 1).as_slice(), [TaskExit::Finished { .. }]));
    assert_eq!(tasks.restart_count(), 1);
    let text = metrics.render();
    assert!(text.contains("caudal_panics_total{kind=\"stream\",node=\"trips\"} 1"), "{text}");
    assert!(text.contains("caudal_restarts_total{kind=\"stream\",node=\"trips\"} 1"), "{text}");
}

#[test]
fn ensure_is_idempotent_while_a_task_runs_and_a_retired_one_ends_by_itself() {
    let runtime = runtime();
    let mut tasks = Tasks::new(runtime.handle().clone(), "review".into());
    let started = Arc::new(AtomicU32::new(0));
    let now = Instant::now();
    for _ in 0..3 {
        let started = Arc::clone(&started);
        tasks.ensure_at(now, "worker-0", move |retire| async move {
            started.fetch_add(1, Ordering::SeqCst);
            retire.asked().await;
            Ok(())
        });
    }
    assert_eq!(tasks.in_service().collect::<Vec<_>>(), ["worker-0"]);
    tasks.retire("worker-0");
    assert_eq!(tasks.in_service().count(), 0);
    assert!(matches!(reap_until(&mut tasks, now, 1).as_slice(), [TaskExit::Finished { .. }]));
    assert_eq!((started.load(Ordering::SeqCst), tasks.alive().count()), (1, 0));
}

#[test]
fn five_failures_in_a_minute_exhaust_the_node_until_it_has_rested() {
    let runtime = runtime();
    let mut tasks = Tasks::new(runtime.handle().clone(), "bronze".into());
    let begun = Instant::now();
    for turn in 0..5 {
        let now = begun + Duration::from_secs(turn);
        fail(&mut tasks, &format!("shard-{turn}"), now);
        assert_eq!(tasks.restarts.is_exhausted(now), turn == 4, "after failure {}", turn + 1);
    }
    let almost = begun + Duration::from_secs(4 + 59);
    tasks.ensure_at(almost, "shard-9", |_| async { Ok(()) });
    assert_eq!(tasks.running.len(), 0, "an exhausted node starts nothing");
    let rested = begun + Duration::from_secs(4 + 60);
    tasks.ensure_at(rested, "shard-9", |_| async { Ok(()) });
    assert_eq!(tasks.running.len(), 1);
}

#[test]
fn five_failures_over_many_minutes_do_not_exhaust_the_node() {
    let runtime = runtime();
    let mut tasks = Tasks::new(runtime.handle().clone(), "bronze".into());
    let begun = Instant::now();
    for turn in 0..8 {
        let now = begun + Duration::from_secs(turn * 20);
        fail(&mut tasks, &format!("shard-{turn}"), now);
        assert!(!tasks.restarts.is_exhausted(now), "after failure {}", turn + 1);
    }
}

#[test]
fn rests_double_up_to_a_bound_and_begin_anew_after_a_calm_time() {
    let terms = RestartTerms::default();
    assert_eq!(terms.backoff(1, 0.0), Duration::from_millis(500));
    assert_eq!(terms.backoff(2, 0.0), Duration::from_secs(1));
    assert_eq!(terms.backoff(2, 1.0), Duration::from_millis(500));
    assert_eq!(terms.backoff(40, 0.0), Duration::from_secs(30));

    let mut restarts = Restarts::new("bronze");
    let begun = Instant::now();
    let first = restarts.failed(once("shard-0"), begun);
    restarts.started("shard-0", begun);
    let second = restarts.failed(once("shard-0"), begun + Duration::from_secs(20));
    assert!(second > first.mul_f64(0.9), "{first:?} {second:?}");
    restarts.started("shard-0", begun);
    let after_calm = restarts.failed(once("shard-0"), begun + Duration::from_secs(120));
    assert!(after_calm <= Duration::from_millis(500), "{after_calm:?}");
}

#[test]
fn terms_of_its_own_set_the_rests_the_budget_and_the_time_it_is_counted_in() {
    let span = |ms| Span(Duration::from_millis(ms));
    let terms = RestartTerms { rest: span(10), most_rest: span(40), failures: 3, within: span(2_000) };
    let rests: Vec<u128> = (1..5).map(|turn| terms.backoff(turn, 0.0).as_millis()).collect();
    assert_eq!(rests, [10, 20, 40, 40]);
    let mut restarts = Restarts::new("bronze");
    let now = Instant::now();
    restarts.set_terms(terms.clone(), now);
    let at = |ms| now + Duration::from_millis(ms);
    assert!(restarts.failed(once("a"), now) <= Duration::from_millis(10));
    restarts.failed(once("a"), at(1_500));
    restarts.failed(once("a"), at(2_500));
    assert!(!restarts.is_exhausted(at(2_500)), "the first is forgotten");
    assert_eq!(
        restarts.failed(once("a"), at(2_600)),
        Duration::from_secs(2),
        "it rests as long as it counts"
    );
    assert!(restarts.is_exhausted(at(4_599)) && !restarts.is_exhausted(at(4_600)));
}

#[test]
fn other_terms_shorten_a_rest_and_give_another_chance() {
    let mut restarts = Restarts::new("bronze");
    let now = Instant::now();
    (0..5).for_each(|_| {
        restarts.failed(once("a"), now);
    });
    assert!(restarts.is_exhausted(now));
    restarts.set_terms(RestartTerms::default(), now);
    assert!(restarts.is_exhausted(now), "they are no others");
    let most_rest = Span(Duration::from_secs(1));
    restarts.set_terms(RestartTerms { most_rest, ..RestartTerms::default() }, now);
    assert!(!restarts.is_exhausted(now) && !restarts.may_start("a", now));
    assert!(restarts.may_start("a", now + Duration::from_secs(1)));
}

#[test]
fn what_failed_among_many_does_not_end_a_pool_that_has_become_small() {
    let mut restarts = Restarts::new("workers");
    let now = Instant::now();
    let mut fail = |pool, times| {
        (0..times).for_each(|_| {
            restarts.failed(Failed { pool, ..once("a") }, now);
        });
        restarts.is_exhausted(now)
    };
    assert!(!fail(32, 80), "half of what 32 workers may");
    assert!(!fail(1, 2), "nine tenths with two of the five of a single one");
    assert!(fail(32, 16), "the rest");
}

#[test]
fn the_same_node_rests_alike_in_every_run() {
    let rests = || {
        let mut restarts = Restarts::new("bronze");
        let begun = Instant::now();
        (0..4).map(|turn| restarts.failed(once("a"), begun + Duration::from_secs(turn))).collect::<Vec<_>>()
    };
    assert_eq!(rests(), rests());
}

#[test]
fn tasks_cut_off_at_the_deadline_are_named_as_aborted() {
    let runtime = runtime();
    let mut tasks = Tasks::new(runtime.handle().clone(), "facts".into());
    let now = Instant::now();
    tasks.ensure_at(now, "shard-0", |_| async {
        std::future::pending::<()>().await;
        Ok(())
    });
    assert_eq!(tasks.alive().collect::<Vec<_>>(), ["shard-0"]);
    tasks.abort_all();
    assert!(matches!(reap_until(&mut tasks, now, 1).as_slice(), [TaskExit::Aborted { .. }]));
    assert_eq!(tasks.restart_count(), 0);
}
