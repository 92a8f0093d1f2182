use crate::{pipeline::Scale, supervisor::policy::trial::Trial};
use std::time::Duration;

fn trial(min: u32, max: u32) -> Trial {
    Trial::new(&Scale::between(min, max))
}

#[test]
fn a_tenfold_step_is_met_within_the_goal() {
    let mut trial = trial(1, 100).seeded(1);
    trial.seconds(60, 6.0);
    assert_eq!(trial.desired(), 1, "{:?}", trial.log);
    trial.seconds(300, 80.0);
    assert!(trial.oldest <= 10.0, "oldest {:.1} s: {:?}", trial.oldest, trial.log);
    assert!(trial.backlog() < 80.0, "{}", trial.backlog());
    assert!((10..=12).contains(&trial.desired()), "{} {:?}", trial.desired(), trial.log);
    assert!(trial.reversals() <= 3, "{:?}", trial.log);
}

#[test]
fn a_steady_load_is_left_alone() {
    for seed in 0..5 {
        let mut trial = trial(1, 100).seeded(seed);
        trial.seconds(200, 200.0);
        trial.begin();
        trial.seconds(3600, 200.0);
        assert!(trial.log.len() <= 2, "seed {seed}: {:?}", trial.log);
        assert!((25..=27).contains(&trial.desired()), "{}", trial.desired());
        assert!(trial.oldest < 1.0, "oldest {:.1} s", trial.oldest);
    }
}

#[test]
fn a_ramp_is_met_before_it_hurts() {
    let mut trial = trial(1, 100).seeded(2);
    trial.seconds(200, 50.0);
    trial.begin();
    for second in 0..600 {
        trial.second(50.0 + 350.0 * f64::from(second) / 600.0);
    }
    assert!(trial.oldest < 2.0, "oldest {:.1} s: {:?}", trial.oldest, trial.log);
    assert!(trial.log.iter().all(|(_, from, to, _)| to > from), "{:?}", trial.log);
}

#[test]
fn a_batch_is_cleared_and_the_reason_names_backlog_rate_and_goal() {
    let mut trial = trial(1, 50);
    trial.seconds(30, 5.0);
    trial.batch(3_000.0);
    trial.second(5.0);
    let (_, _, to, because) = trial.log.last().unwrap().clone();
    assert_eq!(to, 50, "{because}");
    assert!(because.starts_with("backlog 2,99"), "{because}");
    assert!(because.contains("at 10/s per worker needs"), "{because}");
    assert!(because.contains("to meet 10s; the maximum is 50"), "{because}");
    trial.seconds(20, 5.0);
    assert!(trial.backlog() < 5.0);
    assert!(trial.desired() <= 2, "workers for a batch leave with it: {:?}", trial.log);
}

#[test]
fn scale_in_for_a_load_that_fell_waits_a_minute_and_says_so() {
    let mut trial = trial(1, 100).seeded(5);
    trial.seconds(200, 80.0);
    let before = trial.desired();
    trial.begin();
    trial.seconds(50, 8.0);
    assert_eq!(trial.desired(), before, "too early: {:?}", trial.log);
    trial.seconds(30, 8.0);
    assert!(trial.desired() <= 2, "{:?}", trial.log);
    assert!(trial.log[0].3.ends_with("were needed in the last 1m"), "{:?}", trial.log);
}

#[test]
fn an_idle_pool_goes_to_none_and_comes_back_for_the_first_record() {
    let mut trial = trial(0, 8);
    trial.seconds(5, 0.0);
    assert!(trial.log.is_empty(), "{:?}", trial.log);
    trial.batch(1.0);
    trial.second(0.0);
    assert_eq!(trial.desired(), 1, "{:?}", trial.log);
    trial.seconds(30, 20.0);
    assert!(trial.desired() >= 2);
    trial.seconds(150, 0.0);
    assert_eq!(trial.desired(), 0, "{:?}", trial.log);
    trial.begin();
    trial.batch(1.0);
    trial.second(0.0);
    assert_eq!(trial.desired(), 1, "{:?}", trial.log);
}

#[test]
fn a_square_wave_is_sat_out() {
    for (half, seed) in [(10, 1), (30, 2), (60, 3), (90, 4), (150, 5)] {
        let mut trial = trial(1, 200).seeded(seed);
        trial.start = Duration::from_millis(100);
        for _ in 0..3600 / (2 * half) {
            trial.seconds(half, 200.0);
            trial.seconds(half, 20.0);
        }
        assert!(trial.reversals() <= 20, "{half} s: {} {:?}", trial.reversals(), trial.log);
        assert!(trial.desired() <= 40, "{half} s: {:?}", trial.log);
    }
}

#[test]
fn patience_shortens_again_once_the_load_has_calmed_down() {
    let mut trial = trial(1, 200).seeded(6);
    for _ in 0..20 {
        trial.seconds(60, 200.0);
        trial.seconds(60, 20.0);
    }
    assert!(trial.desired() >= 25, "it stayed for the wave: {:?}", trial.log);
    trial.seconds(3700, 200.0);
    trial.begin();
    trial.seconds(90, 20.0);
    assert!(trial.desired() <= 4, "{} {:?}", trial.desired(), trial.log);
}

#[test]
fn a_restart_neither_forgets_nor_jumps() {
    let scale = Scale::between(1, 200);
    for seed in 0..4 {
        let mut trial = Trial::new(&scale).seeded(seed);
        trial.seconds(400, 200.0);
        let before = trial.desired();
        trial.begin();
        trial.restart(&scale, Duration::from_secs(3));
        trial.staff();
        assert_eq!(trial.desired(), before);
        trial.seconds(60, 200.0);
        let moved = f64::from(trial.desired().abs_diff(before)) / f64::from(before);
        assert!(moved <= 0.1, "seed {seed}: {before} became {}: {:?}", trial.desired(), trial.log);
    }
}

#[test]
fn what_is_too_old_says_nothing_of_the_capacity_but_rates_are_known() {
    let scale = Scale::between(1, 200);
    let mut trial = Trial::new(&scale).seeded(1);
    trial.seconds(400, 200.0);
    trial.restart(&scale, Duration::from_secs(3600));
    assert_eq!(trial.desired(), 1);
    let learned = trial.scaler.learned();
    assert_eq!(learned.per_worker_per_second.map(f64::round), Some(10.0));
    assert_eq!(learned.arrivals_per_second, 0.0);
}

#[test]
fn counters_that_begin_anew_do_not_upset_the_pool() {
    let mut trial = trial(1, 50).seeded(2);
    trial.seconds(200, 100.0);
    let before = trial.desired();
    trial.begin();
    trial.reset_counters();
    trial.seconds(60, 100.0);
    assert_eq!(trial.desired(), before, "{:?}", trial.log);
}
