use super::{Watch, scale};
use crate::{
    pipeline::Capacity,
    supervisor::policy::{Decision, Verdict},
};

const POOL: &str = r#"{"min": 1, "max": 20, "cooldown": "10s", "policies": [
    {"utilisation": {"outstanding": 1, "target": 1.0, "scale_in_after": "5s"}}]}"#;

fn set(pool: &mut Watch, to: u32) -> Result<Decision, String> {
    let set = pool.scaler.set_desired(pool.now, Capacity(to), "it was set by hand");
    set.map_err(|error| error.to_string())
}

#[test]
fn a_capacity_set_by_hand_stays_for_a_minute_unless_more_is_needed() {
    let mut pool = Watch::new(POOL);
    pool.seconds(30);
    assert_eq!(set(&mut pool, 12).unwrap().by, Decision::HAND);
    pool.seconds(59);
    assert_eq!(pool.desired(), 12, "{:?}", pool.log);
    pool.seen.backlog = 15;
    pool.second();
    assert_eq!(pool.desired(), 15, "more at once");
    pool.seen.backlog = 0;
    pool.seconds(30);
    assert_eq!(pool.desired(), 1, "{:?}", pool.log);
    assert_eq!(
        set(&mut pool, 21).unwrap_err(),
        "desired 21 is not within 1 to 20; choose one within, or change the pool's scale"
    );
}

#[test]
fn after_a_change_no_worker_leaves_before_the_cooldown() {
    let mut pool = Watch::new(&POOL.replace("10s", "45s"));
    pool.seen.backlog = 10;
    pool.second();
    pool.seen.backlog = 0;
    pool.seconds(44);
    assert_eq!(pool.desired(), 10, "{:?}", pool.log);
    pool.second();
    assert_eq!(pool.desired(), 1, "{:?}", pool.log);
}

#[test]
fn a_suspended_pool_goes_nowhere_and_a_resumed_one_goes_on_with_what_it_learned() {
    let mut pool = Watch::new(POOL);
    pool.scaler.suspend();
    pool.seen.backlog = 9;
    pool.seconds(100);
    pool.seen.backlog = 0;
    pool.seconds(100);
    assert_eq!((pool.desired(), pool.log.len()), (1, 0));
    set(&mut pool, 6).unwrap();
    pool.seconds(100);
    assert_eq!(pool.desired(), 6, "nobody takes what was set by hand");
    pool.scaler.resume(pool.now);
    pool.second();
    assert_eq!(pool.desired(), 1, "it has been quiet for long: {:?}", pool.log);
}

#[test]
fn a_pool_that_only_observes_changes_nothing_and_tells_what_it_would_have_done() {
    let mut pool = Watch::new(&POOL.replace("\"min\"", "\"mode\": \"observe\", \"min\""));
    pool.seconds(10);
    pool.seen.backlog = 9;
    pool.seconds(100);
    assert_eq!((pool.desired(), pool.log.len()), (1, 0));
    assert_eq!(pool.would, [(11, 9)], "told once");
    set(&mut pool, 6).unwrap();
    pool.seconds(100);
    assert_eq!(pool.desired(), 6, "by hand it can be changed");
    pool.seen.backlog = 0;
    pool.seconds(100);
    assert_eq!((pool.desired(), pool.would.last().unwrap().1), (6, 1));
}

#[test]
fn what_waits_is_worth_one_worker_and_so_is_what_is_in_flight() {
    let mut pool =
        Watch::new(&POOL.replace("\"min\": 1", "\"min\": 0").replace("utilisation", "step").replace(
            r#""outstanding": 1, "target": 1.0, "scale_in_after": "5s""#,
            r#""metric": "backlog", "threshold": 0, "period": "5s", "steps": [{"to": 0, "by": -5}]"#,
        ));
    assert_eq!(pool.second(), Verdict::Hold);
    pool.seen.backlog = 1;
    pool.second();
    assert_eq!(pool.last(), (1, "work", "1 waiting and no worker"));
    set(&mut pool, 3).unwrap();
    (pool.seen.backlog, pool.seen.in_flight) = (0, 1);
    pool.seconds(70);
    assert_eq!(
        pool.last(),
        (1, "step", "backlog 0.0 is below 0.0 by 0.0: -5; one stays for what is in flight")
    );
    pool.seen.in_flight = 0;
    pool.seconds(30);
    assert_eq!(pool.desired(), 0);
}

#[test]
fn the_source_bounds_scale_out_at_once_and_takes_workers_after_a_minute() {
    let mut pool = Watch::new(POOL);
    (pool.seen.backlog, pool.seen.limit) = (15, Some(4));
    pool.second();
    let says = "15 outstanding at 1 per worker needs 15 at a utilisation of 1; the source can use 4";
    assert_eq!(pool.last(), (4, "utilisation", says));
    pool.seen.limit = Some(9);
    pool.second();
    assert_eq!(pool.desired(), 9);
    pool.seen.limit = Some(2);
    pool.seconds(60);
    assert_eq!(pool.desired(), 9, "it may need them again");
    pool.seconds(2);
    assert_eq!(pool.last(), (2, Decision::SOURCE, "the source can use no more than 2"));
    pool.seen.limit = Some(0);
    pool.seconds(100);
    assert_eq!(pool.desired(), 1, "a first record may come at any time");
}

#[test]
fn under_another_scale_a_pool_goes_on_with_its_workers_and_what_it_learned() {
    let mut pool = Watch::new(&POOL.replace("\"cooldown\"", "\"warm_up\": \"60s\", \"cooldown\""));
    pool.seen.backlog = 8;
    pool.seconds(70);
    assert_eq!(pool.desired(), 8);
    pool.scaler.suspend();
    let other = POOL
        .replace("\"max\": 20", "\"max\": 6")
        .replace("\"cooldown\"", "\"warm_up\": \"60s\", \"cooldown\"");
    pool.scaler.redefine(&scale(&other), pool.now);
    assert_eq!(pool.desired(), 6, "under the new maximum");
    assert!(pool.scaler.is_suspended());
}

#[test]
fn workers_that_were_warm_stay_so_under_another_scale() {
    let text = r#"{"min": 4, "max": 20, "warm_up": "60s", "policies": [
        {"step": {"metric": "backlog_per_worker", "threshold": 1, "period": "1s", "steps": [{"from": 0, "by": 1}]}}]}"#;
    let mut pool = Watch::new(text);
    pool.seconds(70);
    pool.scaler.redefine(&scale(&text.replace("20", "30")), pool.now);
    pool.seen.backlog = 100;
    pool.seconds(3);
    assert_eq!(pool.desired(), 5, "{:?}", pool.log);
}
