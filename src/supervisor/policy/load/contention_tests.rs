//! Pools whose workers hold one another up, or only seem to.

use crate::{pipeline::Scale, supervisor::policy::trial::Trial};

fn trial(seed: u64) -> Trial {
    Trial::new(&Scale::between(1, 200)).seeded(seed)
}

#[test]
fn a_capped_sink_does_not_drive_the_pool_to_its_maximum() {
    let mut trial = trial(3);
    trial.sink = 100.0;
    trial.seconds(120, 50.0);
    trial.seconds(600, 200.0);
    assert!(trial.desired() <= 14, "{:?}", trial.log);
    assert!(trial.log.iter().all(|(_, _, to, _)| *to <= 70), "{:?}", trial.log);
    assert!(trial.log.iter().any(|(.., because)| because.ends_with("do not help")), "{:?}", trial.log);
    assert!(trial.reversals() <= 12, "probes become rare: {:?}", trial.log);
}

#[test]
fn a_limit_that_is_lifted_is_noticed_within_seconds() {
    let mut trial = trial(4);
    trial.sink = 100.0;
    trial.seconds(120, 50.0);
    trial.seconds(200, 200.0);
    trial.sink = f64::INFINITY;
    trial.begin();
    trial.seconds(15, 200.0);
    assert!(trial.desired() > 25, "{:?}", trial.log);
    trial.seconds(300, 200.0);
    assert!(trial.backlog() < 200.0, "{}", trial.backlog());
    assert!((24..=28).contains(&trial.desired()), "{} {:?}", trial.desired(), trial.log);
}

#[test]
fn a_limit_is_remembered_across_a_restart() {
    let scale = Scale::between(1, 200);
    let mut trial = Trial::new(&scale).seeded(5);
    trial.sink = 100.0;
    trial.seconds(120, 50.0);
    trial.seconds(100, 200.0);
    let before = trial.desired();
    trial.restart(&scale, std::time::Duration::from_secs(2));
    trial.staff();
    trial.begin();
    trial.seconds(20, 200.0);
    assert!(trial.desired() <= before.max(14), "{before}: {:?}", trial.log);
}

#[test]
fn work_that_becomes_slower_gets_more_workers_and_not_fewer() {
    for slower in [7.5, 5.0, 3.0] {
        let mut trial = trial(6);
        trial.seconds(200, 100.0);
        trial.per_worker = slower;
        trial.seconds(120, 100.0);
        trial.begin();
        trial.seconds(400, 100.0);
        let needed = 100.0 / slower / 0.8;
        assert!(trial.backlog() < 100.0, "{slower}: {} {:?}", trial.backlog(), trial.log);
        assert!(trial.oldest < 5.0, "{slower}: oldest {:.1} s: {:?}", trial.oldest, trial.log);
        let off = (f64::from(trial.desired()) / needed - 1.0).abs();
        assert!(off < 0.25, "{slower}: {} for {needed:.1}: {:?}", trial.desired(), trial.log);
    }
}

#[test]
fn work_that_becomes_faster_needs_fewer() {
    let mut trial = trial(7);
    trial.seconds(200, 100.0);
    trial.per_worker = 20.0;
    trial.seconds(400, 100.0);
    assert!((6..=8).contains(&trial.desired()), "{} {:?}", trial.desired(), trial.log);
}

#[test]
fn time_between_records_that_nobody_calls_busy_is_found_out() {
    for shown_busy in [0.8, 0.5, 0.2] {
        let mut trial = trial(8);
        trial.shown_busy = shown_busy;
        trial.seconds(600, 100.0);
        trial.begin();
        trial.seconds(600, 100.0);
        assert!(trial.backlog() < 100.0, "{shown_busy}: {} {:?}", trial.backlog(), trial.log);
        assert!(trial.oldest < 6.0, "{shown_busy}: oldest {:.1} s: {:?}", trial.oldest, trial.log);
        assert!((12..=16).contains(&trial.desired()), "{shown_busy}: {} {:?}", trial.desired(), trial.log);
    }
}
