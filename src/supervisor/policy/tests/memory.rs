use super::{Watch, later, scale};
use crate::supervisor::policy::{Autoscaler, Memory};
use std::time::Duration;

/// A pool that ends and begins again so many seconds later, with what it kept, as text.
fn restarted(pool: Watch, text: &str, away: u64) -> Watch {
    let kept = serde_json::to_string(&pool.scaler.remember(pool.now)).unwrap();
    let mut scaler = Autoscaler::new(&scale(text));
    let now = later(pool.now, Duration::from_secs(away));
    scaler.recall(now, &serde_json::from_str::<Memory>(&kept).unwrap());
    Watch { scaler, now, ..pool }
}

#[test]
fn a_capacity_is_kept_for_ten_minutes_and_a_suspension_until_it_is_lifted() {
    let text = r#"{"min": 2, "max": 9}"#;
    for (away, suspended, capacity) in [(60, false, 7), (3_600, false, 2), (60, true, 7), (3_600, true, 7)] {
        let mut pool = Watch::new(text);
        pool.seconds(5);
        pool.scaler.set_desired(pool.now, crate::pipeline::Capacity(7), "by hand").unwrap();
        if suspended {
            pool.scaler.suspend();
        }
        let pool = restarted(pool, text, away);
        assert_eq!((pool.desired(), pool.scaler.is_suspended()), (capacity, suspended), "{away} s away");
    }
}

#[test]
fn a_scale_in_that_was_being_waited_for_is_waited_for_no_longer_than_before() {
    let tracking = r#"{"min": 1, "max": 50, "desired": 10, "cooldown": "0s", "policies": [
        {"target_tracking": {"target": 100, "scale_in_after": "3m"}}]}"#;
    let mut pool = Watch::new(tracking);
    pool.seen.backlog = 700;
    pool.seconds(10);
    pool.seen.backlog = 100;
    pool.seconds(120);
    let mut pool = restarted(pool, tracking, 30);
    pool.seconds(50);
    assert_eq!(pool.desired(), 10, "the time away does not count: {:?}", pool.log);
    pool.seconds(5);
    assert_eq!(pool.desired(), 7, "{:?}", pool.log);
    pool.seconds(10);
    assert_eq!(pool.desired(), 1, "{:?}", pool.log);
}

#[test]
fn a_breach_goes_on_across_a_restart() {
    let text = r#"{"min": 1, "max": 50, "policies": [
        {"step": {"metric": "backlog", "threshold": 5, "period": "1m", "steps": [{"from": 0, "by": 1}]}}]}"#;
    let mut pool = Watch::new(text);
    pool.seen.backlog = 9;
    pool.seconds(50);
    let mut pool = restarted(pool, text, 5);
    pool.seconds(10);
    assert_eq!(pool.desired(), 1);
    pool.seconds(2);
    assert_eq!(pool.desired(), 2, "{:?}", pool.log);
}

#[test]
fn what_was_set_by_hand_is_not_taken_within_its_minute_by_a_restarted_pool() {
    let text = r#"{"min": 1, "max": 20, "cooldown": "0s", "policies": [
        {"utilisation": {"outstanding": 1, "scale_in_after": "1s"}}]}"#;
    let mut pool = Watch::new(text);
    pool.seconds(10);
    pool.scaler.set_desired(pool.now, crate::pipeline::Capacity(7), "by hand").unwrap();
    let mut pool = restarted(pool, text, 20);
    pool.seconds(39);
    assert_eq!(pool.desired(), 7, "{:?}", pool.log);
    pool.seconds(3);
    assert_eq!(pool.desired(), 1, "{:?}", pool.log);
}

#[test]
fn a_memory_of_another_form_is_ignored_and_an_older_one_read() {
    let text = r#"{"min": 1, "max": 9}"#;
    let now = Watch::new(text).now;
    let of = |memory: &str| {
        let mut scaler = Autoscaler::new(&scale(text));
        scaler.recall(now, &serde_json::from_str::<Memory>(memory).unwrap());
        scaler.desired().0
    };
    let at = now.wall.as_millisecond();
    assert_eq!(of(&format!(r#"{{"version": 99, "at_ms": {at}, "desired": 5}}"#)), 1);
    assert_eq!(of(&format!(r#"{{"version": 1, "at_ms": {at}, "desired": 5}}"#)), 5);
    assert_eq!(of(&format!(r#"{{"version": 1, "at_ms": {at}, "desired": 500}}"#)), 9, "within the bounds");
}
