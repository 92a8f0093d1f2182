//! Scores of runs whose measures can be reckoned by hand.

use super::{Judge, Score};
use crate::simulation::{PoolModel, Sample, oracle::Oracle, run::Run, traces::Trace};

const SECONDS: usize = 1_000;

/// 10 records per second; 100 from second 400 to second 600. So 2 (1.25) workers are needed, then 13 (12.5).
fn trace() -> Trace {
    let expected: Vec<f64> =
        (0..SECONDS).map(|second| if (400..600).contains(&second) { 100.0 } else { 10.0 }).collect();
    let arrivals = expected.iter().map(|rate| *rate as u64).collect();
    Trace { name: "by hand".to_owned(), expected, arrivals, sink_limit: None }
}

/// A run in which all seconds are alike; tests change what they are about.
fn run() -> Run {
    let sample = |second: usize| Sample {
        second: (second + 1) as f64,
        arrivals_per_second: 10.0,
        desired: 2,
        in_service: 2,
        backlog: 0.0,
        oldest_age: 0.1,
        needed: 2,
    };
    Run {
        samples: (0..SECONDS).map(sample).collect(),
        wanted: vec![None; SECONDS],
        finished: 100,
        ..Run::default()
    }
}

fn scored(run: &Run, restarted: Option<(&Run, usize)>) -> Score {
    let (trace, model) = (trace(), PoolModel::default());
    let oracle = Oracle::new(&trace, &model);
    Judge::new(&trace, &model, &oracle).score(run, restarted)
}

fn set(run: &mut Run, seconds: std::ops::Range<usize>, change: impl Fn(&mut Sample)) {
    run.samples[seconds].iter_mut().for_each(change);
}

#[test]
fn reaction_runs_from_the_rise_to_the_first_new_worker_after_it() {
    let mut run = run();
    run.arrivals_in_service = vec![(200.0, 2), (407.25, 9), (410.0, 13)];
    assert_eq!(scored(&run, None).reaction, Some(7.25));
    set(&mut run, 0..SECONDS, |sample| sample.in_service = 12);
    assert_eq!(scored(&run, None).reaction, None, "12 of 12.5 are enough: no reaction is due");
    set(&mut run, 0..SECONDS, |sample| sample.in_service = 2);
    run.arrivals_in_service.clear();
    assert_eq!(scored(&run, None).reaction, Some(600.0), "it never comes");
}

#[test]
fn drain_runs_from_the_rise_until_the_age_stays_under_the_goal() {
    let mut run = run();
    assert_eq!(scored(&run, None).drain, Some(0.0));
    set(&mut run, 405..420, |sample| sample.oldest_age = 12.0);
    set(&mut run, 440..445, |sample| sample.oldest_age = 10.0);
    assert_eq!(scored(&run, None).drain, Some(45.0));
    set(&mut run, 100..110, |sample| sample.oldest_age = 50.0);
    assert_eq!(scored(&run, None).drain, Some(45.0), "what was before the rise does not count");
}

#[test]
fn p99_is_exceeded_for_one_second_in_a_hundred() {
    let mut run = run();
    set(&mut run, 400..410, |sample| sample.oldest_age = 3.0);
    assert_eq!((scored(&run, None).p99_age, scored(&run, None).max_age), (0.1, 3.0));
    set(&mut run, 400..411, |sample| sample.oldest_age = 3.0);
    assert_eq!(scored(&run, None).p99_age, 3.0);
}

#[test]
fn cost_is_worker_seconds_over_those_of_the_oracle() {
    let mut run = run();
    run.worker_seconds = 6_000.0;
    let score = scored(&run, None);
    assert_eq!(score.cost, 6_000.0);
    // One worker at all times, nine more for some 200 s, less what the goal lets lie, and their starts.
    let oracle = score.cost / score.cost_ratio;
    assert!((2_700.0..2_900.0).contains(&oracle), "{oracle}");
    assert_eq!(score.futile, None, "there is no sink that limits");
}

#[test]
fn shares_over_and_under_are_of_the_need_at_80_percent() {
    let mut run = run();
    set(&mut run, 400..600, |sample| sample.in_service = 12);
    set(&mut run, 400..450, |sample| sample.in_service = 11);
    set(&mut run, 0..20, |sample| sample.in_service = 3);
    set(&mut run, 550..560, |sample| sample.in_service = 15);
    let score = scored(&run, None);
    assert_eq!(score.under, 0.050, "11 are less than 95 % of 12.5");
    assert_eq!(score.over, 0.030, "3 are more than 110 % of 1.25, and 15 of 12.5, made whole");
}

#[test]
fn actions_and_reversals_are_counted_per_hour() {
    let mut run = run();
    let change = |second: f64, from: u32, to: u32| (second, from, to, String::new());
    run.decisions =
        vec![change(1.0, 1, 2), change(2.0, 2, 5), change(3.0, 5, 4), change(4.0, 4, 3), change(5.0, 3, 9)];
    let score = scored(&run, None);
    assert!((score.actions_per_hour - 18.0).abs() < 1e-9, "5 in 1,000 s: {}", score.actions_per_hour);
    assert!((score.reversals_per_hour - 7.2).abs() < 1e-9, "2 in 1,000 s: {}", score.reversals_per_hour);
}

#[test]
fn the_idle_tail_begins_with_the_fall_or_when_its_backlog_is_cleared() {
    let mut run = run();
    set(&mut run, 400..650, |sample| sample.in_service = 13);
    assert_eq!(scored(&run, None).idle_tail, Some(50.0));
    set(&mut run, 590..630, |sample| sample.oldest_age = 4.0);
    assert_eq!(scored(&run, None).idle_tail, Some(20.0));
    set(&mut run, 400..SECONDS, |sample| sample.in_service = 13);
    assert_eq!(scored(&run, None).idle_tail, Some(370.0), "it never goes home");
}

#[test]
fn the_error_is_that_of_steady_seconds_without_backlog() {
    let mut run = run();
    for (second, wanted) in run.wanted.iter_mut().enumerate() {
        *wanted = Some(if second < 500 { 99.0 } else { 12.5 });
    }
    run.wanted[510..525].fill(Some(15.0));
    // Judged are the seconds 460 to 600: 40 with 99 workers, 15 with a fifth too many.
    assert_eq!(scored(&run, None).estimator_error, Some((99.0 - 12.5) / 12.5));
    run.wanted[460..500].fill(Some(12.5));
    assert_eq!(scored(&run, None).estimator_error, Some(0.2), "15 of 140 seconds");
    set(&mut run, 510..525, |sample| sample.oldest_age = 2.0);
    assert_eq!(scored(&run, None).estimator_error, Some(0.0), "with a backlog more are wanted, rightly");
}

#[test]
fn amnesia_is_the_greatest_difference_in_the_minute_after_a_restart() {
    let plain = run();
    let mut restarted = run();
    assert_eq!(scored(&plain, None).amnesia, None);
    set(&mut restarted, 500..560, |sample| sample.desired = 3);
    assert_eq!(scored(&plain, Some((&restarted, 500))).amnesia, Some(0.0), "one worker is not counted");
    set(&mut restarted, 530..531, |sample| sample.desired = 5);
    set(&mut restarted, 561..600, |sample| sample.desired = 90);
    assert_eq!(scored(&plain, Some((&restarted, 500))).amnesia, Some(1.5), "2 became 5");
}

#[test]
fn an_order_that_comes_five_seconds_sooner_or_later_is_no_amnesia() {
    let (mut plain, mut restarted) = (run(), run());
    set(&mut plain, 520..SECONDS, |sample| sample.desired = 9);
    set(&mut restarted, 525..SECONDS, |sample| sample.desired = 9);
    assert_eq!(scored(&plain, Some((&restarted, 500))).amnesia, Some(0.0));
    set(&mut restarted, 525..526, |sample| sample.desired = 2);
    let later = scored(&plain, Some((&restarted, 500))).amnesia;
    assert!(later.is_some_and(|later| later > 0.7), "{later:?}");
}

#[test]
fn work_lost_to_scale_in_is_a_share_of_what_was_finished() {
    let mut run = run();
    assert_eq!(scored(&run, None).lost_to_scale_in, 0.0);
    run.missing = 3;
    assert_eq!(scored(&run, None).lost_to_scale_in, 0.03);
}
