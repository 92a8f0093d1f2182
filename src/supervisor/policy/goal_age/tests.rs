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
}

#[test]
fn a_capped_sink_does_not_drive_the_pool_to_its_maximum() {
    let mut trial = trial(1, 200).seeded(3);
    trial.sink = 100.0;
    trial.seconds(120, 50.0);
    trial.seconds(600, 200.0);
    assert!(trial.desired() <= 14, "{:?}", trial.log);
    assert!(trial.log.iter().all(|(_, _, to, _)| *to <= 70), "{:?}", trial.log);
}

#[test]
fn a_square_wave_is_sat_out() {
    let mut trial = trial(1, 200).seeded(4);
    trial.start = Duration::from_millis(100);
    for _ in 0..30 {
        trial.seconds(60, 200.0);
        trial.seconds(60, 20.0);
    }
    assert!(trial.reversals() <= 10, "{:?}", trial.log);
}

#[test]
fn a_restart_in_any_second_changes_no_order() {
    // Level, a burst, a slow rise and a fall: each is told by what came in the seconds before.
    let rate = |second: u32| match second {
        40..44 => 400.0,
        60..100 => 40.0 + 2.0 * f64::from(second - 60),
        100.. => 30.0,
        _ => 40.0,
    };
    let scale = Scale::between(1, 100);
    let played = |restart: Option<u32>| {
        let mut trial = Trial::new(&scale).seeded(7);
        for second in 0..180 {
            trial.pass(rate(second));
            if restart == Some(second) {
                trial.restart(&scale);
            }
            trial.decide();
        }
        trial.log
    };
    let plain = played(None);
    assert!(plain.len() > 4, "{plain:?}");
    for second in 20..120 {
        assert_eq!(played(Some(second)), plain, "after second {second}");
    }
}
