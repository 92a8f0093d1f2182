//! The operator's formula and its patience on loads worked out by hand.

use super::{
    flink::*,
    tests::{Clock, pool, settled},
};
use crate::{pipeline::Observation, simulation::Sizing};
use std::time::Duration;

/// A job under a constant load; workers process 10 a second each.
struct Job {
    flink: Flink,
    clock: Clock,
    seen: Observation,
    desired: u32,
    backlog: f64,
}

fn job(flink: Flink, desired: u32) -> Job {
    Job { flink, clock: Clock::new(), seen: Observation::default(), desired, backlog: 0.0 }
}

impl Job {
    fn minute(&mut self, arrivals_per_second: f64) -> u32 {
        let capacity = 10.0 * f64::from(self.desired);
        let done = (60.0 * capacity).min(self.backlog + 60.0 * arrivals_per_second);
        self.backlog += 60.0 * arrivals_per_second - done;
        self.seen.processed += done as u64;
        self.seen.busy_seconds += done / 10.0;
        self.seen.backlog = self.backlog as u64;
        let now = self.clock.pass(Duration::from_secs(60));
        self.desired = self.flink.desired(now, settled(self.desired), &self.seen);
        self.desired
    }

    fn minutes(&mut self, count: usize, arrivals_per_second: f64) -> Vec<u32> {
        (0..count).map(|_| self.minute(arrivals_per_second)).collect()
    }
}

#[test]
fn nothing_is_done_before_the_window_is_full_nor_within_the_boundaries() {
    let mut job = job(Flink::new(&pool()), 10);
    assert_eq!(job.minutes(120, 80.0), vec![10; 120], "80 % is between 40 % and 100 %");
}

#[test]
fn the_default_capacity_covers_rate_restart_and_lag() {
    let mut job = job(Flink::new(&pool()), 10);
    let decided = job.minutes(16, 120.0);
    assert_eq!(decided[..15], [10; 15], "the window of 15 minutes fills");
    // Lag 20 * 60 * 16 = 19,200 in 1,800 s, 120 * 300 / 1,800 and 120 / 0.7 make 202.1.
    assert_eq!(decided[15], 21, "202 over 10 for each worker");
    assert_eq!(job.minutes(20, 120.0), vec![21; 20], "5 minutes to settle and 15 to look");
}

#[test]
fn the_guide_acts_after_five_minutes_at_sixty_percent() {
    let mut job = job(Flink::of_guide(&pool()), 10);
    let decided = job.minutes(6, 90.0);
    // 90 * 120 / 300 + 90 / 0.6 = 186, and 90 is more than 0.8 of 100.
    assert_eq!((decided[4], decided[5]), (10, 19));
}

#[test]
fn scale_in_waits_an_hour_and_takes_at_most_six_tenths() {
    let mut job = job(Flink::new(&pool()), 40);
    let decided = job.minutes(76, 20.0);
    assert_eq!(decided[..75], [40; 75]);
    assert_eq!(decided[75], 16, "20 / 0.7 + 20 / 6 asks for 4, 0.4 of 40 is 16");
}

#[test]
fn a_backlog_of_minutes_is_left_to_the_workers_that_are_there() {
    let mut job = job(Flink::new(&pool()), 100);
    job.backlog = 1_000_000.0;
    assert_eq!(job.minutes(20, 10.0), vec![100; 20], "no scale-out: what there is exceeds the rate");
}
