//! Target tracking on the backlog per instance, as an AWS Auto Scaling group does it for a queue.
//!
//! Sources: Amazon EC2 Auto Scaling user guide, "Scaling based on Amazon SQS" (the metric and its
//! target: 1,500 messages on 10 instances against a target of 100 is 5 instances more) and "Target
//! tracking scaling policies" (out in proportion and rounded up, in with fewer removals; no scale-in
//! while a scale-out is in progress). The two alarms that the policy creates take 3 and 15 points of
//! one minute and cannot be edited (aws/containers-roadmap, issues 1220 and 2113).
//!
//! Chosen in its favour where the guide is silent: the warm-up is the time that a worker really takes,
//! and scale-in goes to the target at once, where the guide only says "more gradually".

use crate::{
    pipeline::Observation,
    simulation::{Ordered, PoolModel, Sizing},
    supervisor::Moment,
};
use std::{collections::VecDeque, time::Duration};

/// Granularity of the metric that the guide has published.
const PERIOD: Duration = Duration::from_secs(60);
/// Points above the target before the high alarm, and clearly below it before the low alarm.
const POINTS_OUT: usize = 3;
const POINTS_IN: usize = 15;
/// The low alarm's threshold, as a share of the target.
const LOW: f64 = 0.9;

/// Backlog per instance against what an instance can work off within the goal.
#[derive(Debug)]
pub struct Aws {
    /// Acceptable backlog per instance: acceptable latency / time for one record.
    target: f64,
    min: u32,
    max: u32,
    /// Backlog per instance, minute by minute, oldest first.
    points: VecDeque<f64>,
    because: String,
}

impl Aws {
    pub fn new(pool: &PoolModel) -> Self {
        Self {
            target: super::records_within_goal(pool),
            min: pool.min,
            max: pool.max.max(pool.min),
            points: VecDeque::new(),
            because: String::new(),
        }
    }

    fn last_all(&self, count: usize, breaches: impl Fn(f64) -> bool) -> bool {
        self.points.len() >= count && self.points.iter().rev().take(count).all(|point| breaches(*point))
    }
}

impl Sizing for Aws {
    fn name(&self) -> &str {
        "aws"
    }

    fn every(&self) -> Duration {
        PERIOD
    }

    fn desired(&mut self, _now: Moment, current: Ordered, seen: &Observation) -> u32 {
        let running = f64::from(current.in_service.max(1));
        let per_instance = seen.backlog as f64 / running;
        self.points.push_back(per_instance);
        if self.points.len() > POINTS_IN {
            self.points.pop_front();
        }
        let wanted = (running * per_instance / self.target).ceil() as u32;
        let wanted = wanted.clamp(self.min, self.max);
        let is_scaling_out = current.in_service < current.desired;
        self.because = format!("{per_instance:.0} waiting per instance, the target is {:.0}", self.target);
        if self.last_all(POINTS_OUT, |point| point > self.target) {
            wanted.max(current.desired)
        } else if !is_scaling_out && self.last_all(POINTS_IN, |point| point < LOW * self.target) {
            wanted.min(current.desired)
        } else {
            current.desired.clamp(self.min, self.max)
        }
    }

    fn because(&self) -> String {
        self.because.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Clock, pool, waiting},
        *,
    };

    #[test]
    fn the_example_of_the_guide_adds_five_to_ten_after_three_minutes() {
        let mut aws = Aws::new(&pool());
        assert_eq!((aws.name(), aws.target), ("aws", 100.0));
        let mut clock = Clock::new();
        let current = Ordered { desired: 10, in_service: 10 };
        let decided: Vec<u32> =
            (0..3).map(|_| aws.desired(clock.pass(aws.every()), current, &waiting(1_500))).collect();
        assert_eq!(decided, [10, 10, 15]);
    }

    #[test]
    fn scale_in_waits_for_fifteen_low_minutes_and_for_workers_that_start() {
        let mut aws = Aws::new(&pool());
        let mut clock = Clock::new();
        let settled = Ordered { desired: 10, in_service: 10 };
        for minute in 1..15 {
            assert_eq!(aws.desired(clock.pass(PERIOD), settled, &waiting(230)), 10, "minute {minute}");
        }
        let starting = Ordered { desired: 10, in_service: 9 };
        assert_eq!(aws.desired(clock.pass(PERIOD), starting, &waiting(230)), 10);
        assert_eq!(aws.desired(clock.pass(PERIOD), settled, &waiting(230)), 3, "2.3 rounds up");
    }

    #[test]
    fn one_minute_within_the_target_starts_both_alarms_anew() {
        let mut aws = Aws::new(&pool());
        let mut clock = Clock::new();
        let current = Ordered { desired: 10, in_service: 10 };
        for backlog in [1_500, 1_500, 950, 1_500, 1_500] {
            assert_eq!(aws.desired(clock.pass(PERIOD), current, &waiting(backlog)), 10);
        }
        assert_eq!(aws.desired(clock.pass(PERIOD), current, &waiting(1_000_000)), 200, "the maximum");
    }
}
