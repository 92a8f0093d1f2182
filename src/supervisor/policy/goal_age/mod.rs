//! Rate first: enough workers for what arrives, more while a backlog would miss the goal.
//!
//! A backlog alone says nothing once it is empty, so the wanted capacity is the arrival rate over
//! what one worker finishes in a second; the backlog adds to it only when the workers already
//! ordered will not clear it in time. Out at once, in with patience.

mod lasting;
mod patience;
mod peaks;
mod shadow;
#[cfg(test)]
mod tests;
mod want;

use super::{
    load::Advice,
    opinion::{Opinion, Situation},
    words::whole,
};
use crate::units::Span;
use lasting::Lasting;
use patience::Patience;
use shadow::{LEAST_IN, LEAST_OUT, Wanted};
use std::time::{Duration, Instant};
use want::Want;

pub use patience::PatienceMemory;

/// Standard errors of the rate that a scale-out must be clear of, and that a scale-in leaves room for.
const CLEAR_OF: f64 = 2.5;
const ROOM_FOR: f64 = 1.5;

/// Keeps the oldest waiting record younger than a goal.
#[derive(Debug)]
pub(super) struct GoalAge {
    goal: Duration,
    patience: Patience,
    lasting: Lasting,
    wanted: f64,
}

impl GoalAge {
    pub fn new(goal: Duration, cooldown: Duration) -> Self {
        Self {
            goal: goal.max(Duration::from_millis(1)),
            patience: Patience::new(cooldown),
            lasting: Lasting::default(),
            wanted: 0.0,
        }
    }

    /// Workers that steady arrivals need, before bounds and patience.
    pub fn wanted(&self) -> f64 {
        self.wanted
    }

    pub fn remember(&self, now: Instant) -> PatienceMemory {
        self.patience.remember(now)
    }

    /// Takes up what was kept `age` ago.
    pub fn recall(&mut self, now: Instant, age: Duration, memory: &PatienceMemory) {
        self.patience.recall(now, age, memory);
    }

    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        let now = at.now.instant;
        let want = Want::of(self.goal, at);
        self.wanted = want.steady;
        let useful = match at.load.advice() {
            Advice::AtMost(useful) => useful,
            _ => f64::INFINITY,
        };
        // As many as a scale-out would leave alone.
        let roomy = (want.steady + ROOM_FOR * want.error) / (1.0 + LEAST_OUT);
        let steady = at.bounds.hold(whole(roomy.min(useful)));
        let all = whole(want.all.min(useful));
        let exact = want.all.min(useful);
        let (steady, lasting) = self.lasting.watch(now, steady, exact);
        let least = (want.all - CLEAR_OF * want.error).min(useful);
        let wanted = Wanted { steady, all: at.bounds.hold(all), exact, lasting, least };
        let floor = self.patience.watch(now, at.desired, wanted);
        if wanted.is_more_than(at.desired) || at.desired < at.bounds.min {
            if at.load.advice() == Advice::Doubt {
                return Opinion::stay(at.desired);
            }
            return Some(Opinion { to: all, because: want.because });
        }
        if f64::from(at.desired) > useful.ceil() {
            let to = at.bounds.hold(all);
            return Some(Opinion { to, because: format!("more workers than {to} do not help") });
        }
        let worth = f64::from(at.desired) * (1.0 - LEAST_IN);
        let Some(floor) = floor.filter(|floor| f64::from(floor.workers) <= worth) else {
            return Opinion::stay(at.desired);
        };
        let because = format!("no more than {} were needed in the last {}", floor.workers, Span(floor.since));
        Some(Opinion { to: floor.workers, because })
    }
}
