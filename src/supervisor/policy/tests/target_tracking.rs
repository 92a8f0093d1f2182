use super::Watch;
use crate::supervisor::policy::trial::Trial;

const POOL: &str = r#"{"min": 1, "max": 50, "desired": 10, "policies":
    [{"target_tracking": {"acceptable_latency": "10s", "processing_time": "100ms"}}]}"#;

fn with(fields: &str) -> String {
    format!(
        r#"{{"min": 0, "max": 50, "desired": 10, "cooldown": "0s", "policies":
            [{{"target_tracking": {{{fields}}}}}]}}"#
    )
}

/// The example in AWS's guide: 1,500 messages, 10 instances, 10 s over 0.1 s: 15 are needed.
#[test]
fn the_backlog_of_each_worker_is_held_at_acceptable_latency_over_processing_time() {
    let mut pool = Watch::new(POOL);
    pool.seen.backlog = 1_500;
    pool.second();
    let says = "backlog 1,500 at a target of 100 per worker needs 15";
    assert_eq!(pool.last(), (15, "target_tracking", says));
    pool.seen.backlog = 1_501;
    pool.second();
    assert_eq!(pool.desired(), 15, "a hundredth of a worker is none");
    pool.seen.backlog = 1_502;
    pool.second();
    assert_eq!(pool.desired(), 16, "up is rounded up");
    pool.seen.backlog = 1_000_000;
    pool.second();
    assert_eq!(pool.desired(), 50, "{:?}", pool.log);
}

#[test]
fn the_processing_time_is_learned_where_it_is_not_given() {
    let scale = super::scale(r#"{"min": 2, "max": 50, "policies": [{"target_tracking": {}}]}"#);
    let mut trial = Trial::new(&scale);
    trial.seconds(60, 10.0);
    assert_eq!(trial.desired(), 2, "{:?}", trial.log);
    trial.batch(1_500.0);
    trial.second(0.0);
    // A worker does 10 in a second, so 100 of them may wait for it.
    assert_eq!(trial.log.last().unwrap().2, 15, "{:?}", trial.log);
}

#[test]
fn a_backlog_of_which_nothing_is_known_moves_nothing() {
    let mut pool = Watch::new(&with(""));
    pool.seen.backlog = 1_000_000;
    pool.seconds(600);
    assert!(pool.log.is_empty(), "{:?}", pool.log);
}

#[test]
fn workers_that_warm_up_are_not_measured_and_not_ordered_twice() {
    let mut pool = Watch::new(&POOL.replace("\"desired\"", "\"warm_up\": \"60s\", \"desired\""));
    pool.seconds(61);
    pool.seen.backlog = 1_500;
    pool.seconds(30);
    assert_eq!(pool.log.len(), 1, "{:?}", pool.log);
    // Low at once: but nobody leaves while five warm up, and then for three minutes of a low metric.
    pool.seen.backlog = 0;
    pool.seconds(150);
    assert_eq!(pool.desired(), 15, "{:?}", pool.log);
    pool.seconds(60);
    assert_eq!(pool.desired(), 1, "{:?}", pool.log);
}

#[test]
fn scale_in_waits_until_the_metric_was_low_for_long_and_keeps_what_was_needed_meanwhile() {
    let mut pool = Watch::new(&with(r#""target": 100, "scale_in_after": "3m""#));
    pool.seen.backlog = 950;
    pool.seconds(600);
    assert_eq!(pool.desired(), 10, "95 of 100 is not low");
    pool.seen.backlog = 500;
    pool.seconds(179);
    assert_eq!(pool.desired(), 10, "{:?}", pool.log);
    pool.seconds(2);
    let says = "backlog per worker was below the target of 100 for 3m";
    assert_eq!(pool.last(), (5, "target_tracking", says));
    pool.seen.backlog = 0;
    pool.seconds(100);
    pool.seen.backlog = 350;
    pool.second();
    pool.seen.backlog = 0;
    pool.seconds(179);
    assert_eq!(pool.desired(), 4, "what was needed 3 minutes ago still counts: {:?}", pool.log);
    pool.seconds(2);
    assert_eq!(pool.desired(), 0, "{:?}", pool.log);
}

#[test]
fn scale_in_leaves_the_workers_that_are_busy() {
    let mut pool = Watch::new(&with(r#""target": 100"#));
    pool.busy = 0.6;
    while pool.log.is_empty() {
        pool.second();
    }
    let says = "backlog per worker was below the target of 100 for 3m; 6 are busy";
    assert_eq!(pool.last(), (6, "target_tracking", says));
}

#[test]
fn scale_in_can_be_switched_off() {
    let mut pool = Watch::new(&with(r#""target": 100, "disable_scale_in": true"#));
    pool.seconds(1_000);
    assert!(pool.log.is_empty(), "{:?}", pool.log);
    pool.seen.backlog = 1_200;
    pool.second();
    assert_eq!(pool.desired(), 12);
}

#[test]
fn a_pool_of_which_no_work_was_seen_goes_in_when_nothing_waits() {
    let mut pool = Watch::new(&with(""));
    pool.seconds(200);
    assert_eq!(pool.last(), (0, "target_tracking", "nothing has waited for 3m"));
    pool.seen.backlog = 3;
    pool.second();
    assert_eq!(pool.last(), (1, "work", "3 waiting and no worker"));
}
