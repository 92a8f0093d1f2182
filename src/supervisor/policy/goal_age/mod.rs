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
mod worth;

use super::{
    load::Advice,
    opinion::{Opinion, Situation},
    words::whole,
};
use crate::units::Span;
use lasting::Lasting;
use patience::Patience;
use shadow::Wanted;
use std::time::{Duration, Instant};
use want::Want;

pub use patience::PatienceMemory;

/// Standard errors of the rate that are ordered on top, and the least share of it: a worker too many costs less than
/// one too few, and less than another change.
const ROOM: f64 = 1.5;
const LEAST_ROOM: f64 = 0.10;
/// The same of what a pool shrinks to, so that it need not grow again, up to a share of the rate.
const ROOM_KEPT: f64 = 2.0;
const MOST_ROOM_KEPT: f64 = 0.02;

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
        PatienceMemory { lately: self.lasting.remember(now), ..self.patience.remember(now) }
    }

    /// Takes up what was kept `age` ago.
    pub fn recall(&mut self, now: Instant, age: Duration, memory: &PatienceMemory) {
        self.patience.recall(now, age, memory);
        self.lasting.recall(now, &memory.lately);
    }

    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        let now = at.now.instant;
        let want = Want::of(self.goal, at);
        self.wanted = want.steady;
        let useful = match at.load.advice() {
            Advice::AtMost(useful) => useful,
            _ => f64::INFINITY,
        };
        // One worker to learn from is one.
        let least_room = if at.load.per_worker().is_some() { LEAST_ROOM } else { 0.0 };
        let rate = want.rate + (ROOM * want.error).max(least_room * want.rate);
        let room = (ROOM_KEPT * want.error).min(want.error.max(MOST_ROOM_KEPT * want.rate));
        let keep = want.rate + room;
        let hold = at.bounds.hold(whole(want.all.max(keep).min(useful)));
        let keep = at.bounds.hold(whole(keep.min(useful)));
        let exact = want.all.max(want.steady + ROOM * want.error).min(useful);
        let order = at.bounds.hold(whole(want.all.max(rate).min(useful)));
        let (keep, lasting) = self.lasting.watch(now, keep, exact);
        let wanted = Wanted { keep, hold, order, exact, lasting };
        let since = Duration::try_from_secs_f64(at.load.arrivals.seconds()).unwrap_or_default();
        let floor = self.patience.watch(now, since, at.desired, at.room, wanted);
        if wanted.is_more_than(at.desired) || at.desired < at.bounds.min {
            if at.load.advice() == Advice::Doubt {
                return Opinion::stay(at.desired);
            }
            return Some(Opinion { to: whole(want.all.max(rate).min(useful)), because: want.because });
        }
        if f64::from(at.desired) > useful.ceil() {
            return Some(Opinion { to: order, because: format!("more workers than {order} do not help") });
        }
        let Some(floor) = floor.filter(|floor| floor.workers < at.desired) else {
            return Opinion::stay(at.desired);
        };
        let because = format!("no more than {} were needed in the last {}", floor.workers, Span(floor.since));
        Some(Opinion { to: floor.workers, because })
    }
}
