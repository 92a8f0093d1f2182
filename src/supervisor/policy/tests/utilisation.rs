use super::Watch;
use crate::supervisor::policy::trial::Trial;
use proptest::{prelude::*, test_runner::RngSeed};
use std::time::Duration;

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
    pool.seconds(149);
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

/// Seconds until a pool whose workers start in a second has as many as a load needs that comes at once, and the pool then.
fn reached(trial: &mut Trial, workers: u32) -> u32 {
    let begun = trial.seconds;
    let load = f64::from(workers) * trial.per_worker * 0.7;
    while trial.desired() < workers && trial.seconds - begun < 600 {
        trial.second(load);
    }
    trial.seconds - begun
}

fn trial(target: f64, seed: Option<u64>) -> Trial {
    let text =
        format!(r#"{{"min": 1, "max": 1000, "policies": [{{"utilisation": {{"target": {target}}}}}]}}"#);
    let mut trial = Trial::new(&super::scale(&text));
    trial.start = Duration::from_millis(500);
    if let Some(seed) = seed { trial.seeded(seed) } else { trial }
}

#[test]
fn a_full_pool_grows_by_the_same_share_at_each_look() {
    let mut trial = trial(0.7, None);
    trial.seconds(60, 5.0);
    assert_eq!(trial.desired(), 1);
    // 1, 2, 3, 5, 8, 12, 18, 26, 38, 55, 79, 113: eleven steps of two seconds each.
    let seconds = reached(&mut trial, 100);
    assert!(seconds <= 26, "{seconds} s: {:?}", trial.log);
    let sizes: Vec<u32> = trial.log.iter().map(|(_, _, to, _)| *to).collect();
    assert!(sizes.windows(2).skip(2).all(|pair| f64::from(pair[1]) >= 1.4 * f64::from(pair[0])), "{sizes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96, failure_persistence: None, rng_seed: RngSeed::Fixed(20_190_601), ..ProptestConfig::default()
    })]

    #[test]
    fn after_a_step_of_load_it_turns_at_most_once_and_comes_to_rest_at_the_target(
        before in 1.0..200.0_f64,
        after in 1.0..2_000.0_f64,
        target in 0.4..0.9_f64,
    ) {
        let mut trial = trial(target, None);
        trial.seconds(400, before);
        let steady = trial.log.len();
        trial.seconds(600, after);
        let ups: Vec<bool> = trial.log[steady..].iter().map(|(_, from, to, _)| to > from).collect();
        let turns = ups.windows(2).filter(|pair| pair[0] != pair[1]).count();
        prop_assert!(turns <= 1, "{:?}", &trial.log[steady..]);
        let needed = after / trial.per_worker / target;
        let (least, most) = (needed / 1.1 - 0.1, needed.ceil() / 0.9 + 1.0);
        let workers = f64::from(trial.desired());
        prop_assert!((least..=most).contains(&workers), "{workers} for {needed}: {:?}", trial.log);
        let rest = trial.log.len();
        trial.seconds(600, after);
        prop_assert_eq!(trial.log.len(), rest, "{:?}", trial.log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, failure_persistence: None, rng_seed: RngSeed::Fixed(20_190_601), ..ProptestConfig::default()
    })]

    #[test]
    fn a_load_that_varies_by_chance_is_no_reason_to_go_to_and_fro(
        load in 5.0..1_000.0_f64,
        target in 0.4..0.9_f64,
        seed in any::<u64>(),
    ) {
        let mut trial = trial(target, Some(seed));
        trial.seconds(400, load);
        let settled = trial.log.len();
        trial.seconds(3_600, load);
        let orders = &trial.log[settled..];
        prop_assert!(orders.len() <= 20, "{} orders in an hour: {orders:?}", orders.len());
    }
}
