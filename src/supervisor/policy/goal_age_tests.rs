//! Small simulated traces: a fluid queue, one observation a second.

use super::goal_age::GoalAge;
use crate::pipeline::{Capacity, Observation, Scale};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

struct Run {
    policy: GoalAge,
    now: Instant,
    desired: u32,
    in_service: u32,
    seen: Observation,
    /// Waiting records by the second they came in.
    waiting: VecDeque<(Instant, f64)>,
    per_worker: f64,
    log: Vec<(u32, u32, String)>,
    oldest: f64,
}

fn run(min: u32, max: u32) -> Run {
    let scale = Scale::between(min, max);
    Run {
        policy: GoalAge::new(&scale),
        now: Instant::now(),
        desired: min,
        in_service: min,
        seen: Observation::default(),
        waiting: VecDeque::new(),
        per_worker: 10.0,
        log: Vec::new(),
        oldest: 0.0,
    }
}

impl Run {
    fn backlog(&self) -> f64 {
        self.waiting.iter().map(|(_, records)| records).sum()
    }

    fn work(&mut self, mut capacity: f64) -> f64 {
        let before = capacity;
        while let Some((_, records)) = self.waiting.front_mut() {
            let done = records.min(capacity);
            *records -= done;
            capacity -= done;
            if *records > 0.001 {
                break;
            }
            self.waiting.pop_front();
        }
        before - capacity
    }

    /// One second: records arrive, workers that were in service work them off, the policy decides.
    fn second(&mut self, arriving: u64) {
        self.waiting.push_back((self.now, arriving as f64));
        self.now += Duration::from_secs(1);
        let done = self.work(f64::from(self.in_service) * self.per_worker);
        let age = self.waiting.front().map(|(came, _)| self.now.duration_since(*came));
        self.oldest = self.oldest.max(age.unwrap_or_default().as_secs_f64());
        self.seen.arrived += arriving;
        self.seen.processed += done.round() as u64;
        self.seen.busy_seconds += done / self.per_worker;
        self.seen.backlog = self.backlog().round() as u64;
        self.seen.in_service = self.in_service;
        self.seen.oldest_age = age;
        self.in_service = self.desired;
        if let Some(decision) = self.policy.decide(self.now, Capacity(self.desired), &self.seen) {
            self.log.push((self.desired, decision.to.0, decision.because));
            self.desired = decision.to.0;
        }
    }

    fn seconds(&mut self, count: u32, arriving: u64) {
        for _ in 0..count {
            self.second(arriving);
        }
    }

    fn reversals(&self) -> usize {
        let ups: Vec<bool> = self.log.iter().map(|(from, to, _)| to > from).collect();
        ups.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

#[test]
fn a_tenfold_step_is_met_within_the_goal() {
    let mut run = run(1, 100);
    run.seconds(60, 8);
    assert_eq!(run.desired, 1, "{:?}", run.log);
    run.seconds(300, 80);
    assert!(run.oldest <= 10.0, "oldest {:.1} s: {:?}", run.oldest, run.log);
    assert!(run.backlog() < 80.0, "{}", run.backlog());
    assert!((10..=13).contains(&run.desired), "{} {:?}", run.desired, run.log);
    assert!(run.reversals() <= 3, "{:?}", run.log);
}

#[test]
fn a_batch_is_cleared_and_the_reason_names_backlog_rate_and_goal() {
    let mut run = run(1, 50);
    run.seconds(30, 5);
    run.second(3_000);
    let (_, to, because) = run.log.last().unwrap().clone();
    assert_eq!(to, 50, "{because}");
    assert!(because.starts_with("backlog 2,990 at 10/s per worker needs"), "{because}");
    assert!(because.contains("to meet 10s; the maximum is 50"), "{because}");
    run.seconds(20, 5);
    assert_eq!(run.backlog(), 0.0);
}

#[test]
fn scale_in_waits_until_a_minute_has_needed_less() {
    let mut run = run(1, 100);
    run.seconds(120, 80);
    let high = run.desired;
    run.seconds(40, 8);
    assert_eq!(run.desired, high, "too early: {:?}", run.log);
    run.seconds(90, 8);
    assert!(run.desired <= 2, "{:?}", run.log);
    let (_, _, because) = run.log.last().unwrap();
    assert!(because.contains("in the last 60 s"), "{because}");
}

#[test]
fn a_square_wave_stays_bounded_and_moves_little() {
    let mut run = run(1, 40);
    for _ in 0..30 {
        run.seconds(10, 100);
        run.seconds(10, 0);
    }
    assert!(run.oldest <= 10.0, "oldest {:.1} s", run.oldest);
    assert!(run.desired <= 20, "{} {:?}", run.desired, run.log);
    assert!(run.reversals() <= 4, "{:?}", run.log);
}

#[test]
fn an_idle_pool_goes_to_none_and_comes_back_for_the_first_record() {
    let mut run = run(0, 8);
    run.seconds(5, 0);
    assert!(run.log.is_empty(), "{:?}", run.log);
    run.second(1);
    assert_eq!(run.desired, 1, "{:?}", run.log);
    run.seconds(30, 20);
    assert!(run.desired >= 2);
    run.seconds(120, 0);
    assert_eq!(run.desired, 0, "{:?}", run.log);
}

#[test]
fn bounds_hold_whatever_comes() {
    let mut run = run(2, 4);
    run.seconds(30, 10_000);
    assert_eq!(run.desired, 4);
    run.seconds(2, 0);
    run.waiting.clear();
    run.seconds(200, 0);
    assert_eq!(run.desired, 2, "{:?}", run.log);
}

#[test]
fn counters_that_begin_anew_do_not_upset_the_pool() {
    let mut run = run(1, 50);
    run.seconds(200, 30);
    let before = run.desired;
    (run.seen.arrived, run.seen.processed, run.seen.busy_seconds) = (0, 0, 0.0);
    run.seconds(20, 30);
    assert_eq!(run.desired, before, "{:?}", run.log);
}
