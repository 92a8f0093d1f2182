//! When the records of a stage are due, as times since its begin. Pure: the same seed gives the same times.
//!
//! A stage's rate is made of straight pieces ([`Stretch`]); a record is due where the area below them, the
//! records that should have been sent by then, reaches its turn. With even spacing the turns are a half, one
//! and a half, two and a half; by chance they are a unit Poisson process, which so becomes one of the stage's
//! rate (time change of a Poisson process).

mod stage_plan;
mod stretch;
#[cfg(test)]
mod tests;

pub use stage_plan::{Factors, Mode, StagePlan};
pub use stretch::Stretch;

use super::scenario::Trickle;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::Duration;

/// The due times of a stage, ascending.
#[derive(Debug, Clone)]
pub struct Arrivals {
    rest: std::vec::IntoIter<Stretch>,
    current: Option<Stretch>,
    /// Where the current stretch begins, in seconds and in records.
    begin: f64,
    before: f64,
    /// The next record's turn, in records.
    turn: f64,
    random: Option<SmallRng>,
}

impl Arrivals {
    pub fn new(stretches: Vec<Stretch>, spacing: Trickle, seed: u64) -> Self {
        let mut random = (spacing == Trickle::Poisson).then(|| SmallRng::seed_from_u64(seed));
        let turn = random.as_mut().map_or(0.5, step);
        let mut rest = stretches.into_iter();
        Self { current: rest.next(), rest, begin: 0.0, before: 0.0, turn, random }
    }
}

/// Exponential with mean 1.
fn step(random: &mut SmallRng) -> f64 {
    -(1.0 - random.random::<f64>()).ln()
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        loop {
            let stretch = self.current?;
            let wanted = self.turn - self.before;
            if wanted < stretch.records() {
                self.turn += self.random.as_mut().map_or(1.0, step);
                return Some(Duration::from_secs_f64(self.begin + stretch.reaches(wanted)));
            }
            self.begin += stretch.seconds;
            self.before += stretch.records();
            self.current = self.rest.next();
        }
    }
}
