use super::{Watch, later};
use crate::{pipeline::Capacity, supervisor::policy::Autoscaler};
use std::time::Duration;

const DAY: &str = r#"{"min": 1, "max": 10, "policies": [
    {"scheduled": {"cron": "0 8 * * *", "time_zone": "Europe/Madrid", "min": 5}},
    {"scheduled": {"cron": "0 20 * * *", "time_zone": "Europe/Madrid", "min": 1, "max": 3}},
    {"utilisation": {"outstanding": 1, "target": 1.0}}]}"#;

/// The capacity so many seconds after a pool began to be watched at a time.
fn after(text: &str, wall: &str, seconds: u32) -> (u32, Watch) {
    let mut pool = Watch::at(text, wall);
    pool.seconds(seconds);
    (pool.desired(), pool)
}

#[test]
fn bounds_hold_from_their_time_on_in_their_time_zone_and_on_both_sides_of_a_change_of_clocks() {
    // 8:00 in Madrid is 7:00 UTC in winter and 6:00 in summer; clocks change on March 29 and October 25.
    for (before, at) in [
        ("2026-03-28T06:59:00Z", 7),
        ("2026-03-29T05:59:00Z", 6),
        ("2026-10-24T05:59:00Z", 6),
        ("2026-10-25T06:59:00Z", 7),
    ] {
        let (capacity, mut pool) = after(DAY, before, 59);
        assert_eq!(capacity, 1, "{before}");
        pool.second();
        let says = "the minimum is 5, scheduled at 0 8 * * * (Europe/Madrid)";
        assert_eq!(pool.last(), (5, "scheduled", says), "{at}:00 UTC");
        assert_eq!(pool.scaler.bounds(), (5, 5), "the maximum of the evening before gives way");
    }
}

#[test]
fn what_a_schedule_set_holds_until_another_says_otherwise_also_for_a_pool_that_begins_later() {
    assert_eq!(after(DAY, "2026-07-01T12:00:00Z", 2).0, 5, "since 8:00");
    let (capacity, mut pool) = after(DAY, "2026-07-01T22:00:00Z", 2);
    assert_eq!((capacity, pool.scaler.bounds()), (1, (1, 3)), "since 20:00");
    pool.seen.backlog = 100;
    pool.second();
    let says = "100 outstanding at 1 per worker needs 100 at a utilisation of 1; the maximum is 3, \
                scheduled at 0 20 * * * (Europe/Madrid)";
    assert_eq!(pool.last(), (3, "utilisation", says));
}

#[test]
fn a_lower_maximum_takes_workers_at_once() {
    let mut pool = Watch::at(DAY, "2026-07-01T17:58:00Z");
    pool.seen.backlog = 100;
    pool.seconds(119);
    assert_eq!(pool.desired(), 5, "an older maximum gives way to a newer minimum, and no more");
    pool.second();
    let says = "the maximum is 3, scheduled at 0 20 * * * (Europe/Madrid)";
    assert_eq!(pool.last(), (3, "scheduled", says));
}

#[test]
fn a_capacity_is_ordered_at_its_time_and_policies_go_on_from_there() {
    let text = r#"{"min": 1, "max": 10, "cooldown": "0s", "policies": [
        {"scheduled": {"cron": "30 12 * * *", "desired": 8}},
        {"utilisation": {"outstanding": 1, "target": 1.0, "scale_in_after": "5s"}}]}"#;
    let mut pool = Watch::at(text, "2026-07-01T12:29:00Z");
    pool.seconds(60);
    assert_eq!(pool.last(), (8, "scheduled", "scheduled at 30 12 * * * (UTC)"));
    pool.seconds(59);
    assert_eq!(pool.desired(), 8, "for a minute at least: {:?}", pool.log);
    pool.seconds(2);
    assert_eq!(pool.desired(), 1, "{:?}", pool.log);
    assert_eq!(after(text, "2026-07-01T12:31:00Z", 60).0, 1, "a capacity was for its time only");
}

#[test]
fn of_schedules_that_come_together_the_later_in_the_list_wins() {
    let text = r#"{"min": 1, "max": 10, "policies": [
        {"scheduled": {"cron": "0 9 * * *", "min": 4, "desired": 5}},
        {"scheduled": {"cron": "0 9 * * 3", "min": 6, "desired": 7}}]}"#;
    assert_eq!(after(text, "2026-07-01T08:59:30Z", 40).0, 7, "a Wednesday");
    assert_eq!(after(text, "2026-07-02T08:59:30Z", 40).0, 5, "a Thursday");
}

#[test]
fn a_restarted_pool_keeps_what_a_schedule_allows_beyond_the_topologys_bounds() {
    let text = r#"{"min": 1, "max": 4, "policies": [
        {"scheduled": {"cron": "0 8 * * *", "max": 10}},
        {"utilisation": {"outstanding": 1, "target": 1.0}}]}"#;
    let mut pool = Watch::at(text, "2026-07-01T09:00:00Z");
    pool.seen.backlog = 9;
    pool.seconds(5);
    assert_eq!(pool.desired(), 9, "{:?}", pool.log);
    let memory = pool.scaler.remember(pool.now);
    let mut next = Autoscaler::new(&super::scale(text));
    next.recall(later(pool.now, Duration::from_secs(30)), &memory);
    assert_eq!(next.desired(), Capacity(9));
}

#[test]
fn a_schedule_that_came_due_during_a_short_restart_is_made_up_for() {
    let text = r#"{"min": 1, "max": 10, "policies": [{"scheduled": {"cron": "0 8 * * *", "desired": 7}}]}"#;
    for (away, capacity) in [(300, 7), (3_600, 1)] {
        let mut pool = Watch::at(text, "2026-07-01T07:58:00Z");
        pool.seconds(60);
        let memory = pool.scaler.remember(pool.now);
        pool.now = later(pool.now, Duration::from_secs(away));
        pool.scaler = Autoscaler::new(&super::scale(text));
        pool.scaler.recall(pool.now, &memory);
        pool.seconds(5);
        assert_eq!(pool.desired(), capacity, "{away} s away: {:?}", pool.log);
    }
}
