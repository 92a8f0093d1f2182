use super::Watch;

const BUSY: &str = r#"{"min": 0, "max": 100, "desired": 8, "cooldown": "0s", "warm_up": "30s",
    "policies": [{"utilisation": {"target": 0.7}}]}"#;
const OUTSTANDING: &str = r#"{"min": 0, "max": 100, "desired": 8, "cooldown": "0s",
    "policies": [{"utilisation": {"target": 0.5, "outstanding": 16}}]}"#;

#[test]
fn the_busy_share_is_held_at_the_target() {
    let mut pool = Watch::new(BUSY);
    pool.busy = 0.7;
    pool.seconds(200);
    assert!(pool.log.is_empty(), "{:?}", pool.log);
    pool.busy = 1.0;
    pool.seconds(20);
    assert_eq!(pool.desired(), 12, "8 over 0.7: {:?}", pool.log);
    assert!(pool.last().2.ends_with("busy of 8 needs 12 at a utilisation of 0.7"), "{:?}", pool.log);
}

#[test]
fn workers_that_warm_up_are_not_counted_however_busy_they_are() {
    let mut pool = Watch::new(BUSY);
    pool.busy = 0.5;
    pool.seconds(60);
    // Four more, that load for half a minute at full tilt, while the eight are half busy.
    pool.scaler.set_desired(pool.now, crate::pipeline::Capacity(12), "by hand").unwrap();
    pool.busy = (8.0 * 0.5 + 4.0) / 12.0;
    pool.seconds(30);
    assert!(pool.log.is_empty(), "{:?}", pool.log);
    assert_eq!(pool.desired(), 12);
}

#[test]
fn full_workers_order_no_more_for_those_on_their_way() {
    let mut pool = Watch::new(BUSY);
    pool.busy = 1.0;
    pool.seconds(60);
    let orders: Vec<u32> = pool.log.iter().map(|(_, to, ..)| *to).collect();
    assert_eq!(orders, [12], "one order for each warm-up: {:?}", pool.log);
    pool.seconds(30);
    assert!((16..=18).contains(&pool.desired()), "12 over 0.7: {:?}", pool.log);
}

#[test]
fn scale_in_waits_for_a_minute_of_low_use_and_for_workers_that_start() {
    let mut pool = Watch::new(BUSY);
    pool.busy = 0.3;
    pool.seconds(90);
    assert_eq!(pool.desired(), 8, "30 s until they are warm, and a minute: {:?}", pool.log);
    pool.seconds(10);
    let says = "2.4 busy of 8; a utilisation of 0.7 needed no more than 4 in the last 1m";
    assert_eq!(pool.last(), (4, "utilisation", says));
    (pool.follows, pool.busy, pool.seen.in_service) = (false, 0.0, 3);
    pool.seconds(300);
    assert_eq!(pool.desired(), 4, "one has not come yet: {:?}", pool.log);
    pool.follows = true;
    pool.seconds(60);
    assert_eq!(pool.desired(), 0, "{:?}", pool.log);
}

#[test]
fn workers_that_finish_what_they_hold_before_they_leave_are_not_counted() {
    let mut pool = Watch::new(BUSY);
    pool.busy = 0.7;
    pool.seconds(60);
    pool.seen.draining = 6;
    pool.busy = (8.0 * 0.7 + 6.0) / 8.0;
    pool.seconds(60);
    assert!(pool.log.is_empty(), "{:?}", pool.log);
}

#[test]
fn what_is_outstanding_is_held_at_the_target_and_none_is_needed_for_nothing() {
    let mut pool = Watch::new(OUTSTANDING);
    (pool.seen.backlog, pool.seen.in_flight) = (60, 20);
    pool.second();
    assert_eq!(
        pool.last(),
        (10, "utilisation", "80 outstanding at 16 per worker needs 10 at a utilisation of 0.5")
    );
    (pool.seen.backlog, pool.seen.in_flight) = (0, 0);
    pool.seconds(62);
    assert_eq!(pool.desired(), 0, "{:?}", pool.log);
    pool.seen.backlog = 1;
    pool.second();
    assert_eq!(pool.desired(), 1, "{:?}", pool.log);
}

#[test]
fn a_tenth_more_or_less_is_not_worth_a_change() {
    let mut pool = Watch::new(OUTSTANDING);
    for outstanding in [64, 70, 60, 66] {
        pool.seen.in_flight = outstanding;
        pool.seconds(90);
    }
    assert!(pool.log.is_empty(), "{:?}", pool.log);
}
