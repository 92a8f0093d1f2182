//! What the tests of all compared policies stand on.

use super::*;
use crate::{pipeline::Observation, simulation::Ordered, supervisor::Moment};
use std::time::{Duration, Instant};

/// A clock that only goes on when told.
pub struct Clock(Moment);

impl Clock {
    pub fn new() -> Self {
        Self(Moment { instant: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH })
    }

    /// The time before a span passes, then lets it pass.
    pub fn pass(&mut self, span: Duration) -> Moment {
        let now = self.0;
        self.0 = Moment { instant: now.instant + span, wall: now.wall + span };
        now
    }
}

/// The pool of AWS's example: 0.1 s for a record, 10 s of acceptable latency.
pub fn pool() -> PoolModel {
    PoolModel::default()
}

pub fn settled(workers: u32) -> Ordered {
    Ordered { desired: workers, in_service: workers }
}

pub fn waiting(backlog: u64) -> Observation {
    Observation { backlog, ..Observation::default() }
}

#[test]
fn each_name_makes_the_policy_that_bears_it() {
    for name in RIVALS.iter().chain(&VARIANTS) {
        assert_eq!(rival(name, &pool()).unwrap().name(), *name);
    }
    assert!(rival("vector", &pool()).is_none());
}

#[test]
fn bounds_hold_for_each_policy_whatever_comes() {
    let pool = PoolModel { min: 2, max: 9, ..pool() };
    for name in RIVALS.iter().chain(&VARIANTS) {
        let mut sizing = rival(name, &pool).unwrap();
        let mut clock = Clock::new();
        let (mut desired, mut seen) = (2, Observation::default());
        for round in 0..5_000_u64 {
            seen.backlog = if round % 1_000 < 500 { round * 1_000 } else { 0 };
            seen.processed += round % 700;
            seen.busy_seconds += (round % 3) as f64;
            desired = sizing.desired(clock.pass(sizing.every()), settled(desired), &seen);
            assert!((2..=9).contains(&desired), "{name} went to {desired} in round {round}");
        }
    }
}
