//! Rate first: enough workers for what arrives, more while a backlog would miss the goal.
//!
//! A backlog alone says nothing once it is empty, so the wanted capacity is the arrival rate over
//! what one worker finishes in a second; the backlog adds to it only when the workers already
//! ordered will not clear it in time. Out at once, in with patience.

mod patience;
#[cfg(test)]
mod tests;

use super::{
    load::Advice,
    opinion::{Opinion, Situation},
    words::{grouped, number, whole},
};
use crate::units::Span;
use patience::{LEAST_IN, Patience, Wanted};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Share of a worker's time that steady arrivals may take; the rest absorbs bursts.
const UTILISATION: f64 = 0.8;
/// Standard deviations of chance that a capacity absorbs over half of the goal.
const HEADROOM_SIGMAS: f64 = 2.0;
/// Share of the goal within which a backlog is cleared once the workers for it are there.
const CLEAR: f64 = 0.25;
/// Changes smaller than this share are worth a step only when they are certain.
const LEAST_OUT: f64 = 0.05;
/// Standard errors that make a small change certain.
const CERTAIN: f64 = 2.0;
/// A pool that this share of one worker would serve may go to zero.
const NEXT_TO_NOTHING: f64 = 0.02;
/// A want counts as steady when it has lasted so long.
const SUSTAINED: Duration = Duration::from_secs(5);

/// Keeps the oldest waiting record younger than a goal.
#[derive(Debug)]
pub(super) struct GoalAge {
    goal: Duration,
    patience: Patience,
    /// Wants of the last [`SUSTAINED`].
    steady: VecDeque<(Instant, u32)>,
    wanted: f64,
}

/// A capacity that is wanted now.
struct Want {
    /// For what steadily arrives, and its standard error.
    steady: f64,
    error: f64,
    /// For that and for what waits.
    all: f64,
    because: String,
}

impl GoalAge {
    pub fn new(goal: Duration, cooldown: Duration) -> Self {
        Self {
            goal: goal.max(Duration::from_millis(1)),
            patience: Patience::new(cooldown),
            steady: VecDeque::new(),
            wanted: 0.0,
        }
    }

    /// Workers that steady arrivals need, before bounds and patience.
    pub fn wanted(&self) -> f64 {
        self.wanted
    }

    pub fn opinion(&mut self, at: &Situation<'_>) -> Option<Opinion> {
        let now = at.now.instant;
        let want = self.want(at);
        self.wanted = want.steady;
        let useful = match at.load.advice() {
            Advice::AtMost(useful) => useful,
            _ => f64::INFINITY,
        };
        let steady = at.bounds.hold(whole(want.steady.min(useful)));
        let wanted = whole(want.all.min(useful));
        let all = at.bounds.hold(wanted);
        let sustained = self.sustained(now, steady);
        let floor = self.patience.watch(now, at.desired, Wanted { steady: sustained, all });
        if all > at.desired {
            if at.load.advice() == Advice::Doubt || !self.is_worth(&want, useful, at) {
                return Opinion::stay(at.desired);
            }
            return Some(Opinion { to: wanted, because: want.because });
        }
        if f64::from(at.desired) > useful.ceil() {
            return Some(Opinion { to: all, because: format!("more workers than {all} do not help") });
        }
        let Some(floor) =
            floor.filter(|floor| f64::from(floor.workers) <= f64::from(at.desired) * (1.0 - LEAST_IN))
        else {
            return Opinion::stay(at.desired);
        };
        let because = format!("no more than {} were needed in the last {}", floor.workers, Span(floor.since));
        Some(Opinion { to: floor.workers, because })
    }

    /// The least that has been wanted for a while.
    fn sustained(&mut self, now: Instant, steady: u32) -> u32 {
        self.steady.push_back((now, steady));
        while self.steady.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > SUSTAINED) {
            self.steady.pop_front();
        }
        self.steady.iter().map(|(_, workers)| *workers).min().unwrap_or(steady)
    }

    fn is_worth(&self, want: &Want, useful: f64, at: &Situation<'_>) -> bool {
        let desired = f64::from(at.desired);
        let all = want.all.min(useful);
        at.desired < at.bounds.min
            || at.desired == 0
            || all > desired * (1.0 + LEAST_OUT)
            || all - CERTAIN * want.error > desired
    }

    fn want(&self, at: &Situation<'_>) -> Want {
        match at.load.per_worker() {
            Some(rate) => self.want_at(rate, at),
            None => self.want_unlearned(at),
        }
    }

    /// Before any work was seen: one worker to learn from, then doubling while records grow too old.
    fn want_unlearned(&self, at: &Situation<'_>) -> Want {
        let want = |all: f64, because: String| Want { steady: all, error: 0.0, all, because };
        let waiting = at.seen.backlog;
        if waiting == 0 && at.seen.in_flight == 0 {
            return want(0.0, "nothing waits".to_owned());
        }
        let age = at.seen.oldest_age.unwrap_or_default();
        if at.desired > 0 && age > self.goal / 2 {
            let because = format!(
                "the oldest of {} waiting is {:.1} s old and no rate is known yet",
                grouped(waiting),
                age.as_secs_f64()
            );
            return want(f64::from(at.desired.saturating_mul(2)), because);
        }
        want(f64::from(at.desired.max(1)), format!("{} waiting and no worker", grouped(waiting)))
    }

    fn want_at(&self, rate: f64, at: &Situation<'_>) -> Want {
        let arriving = at.load.arrivals.rate();
        let steady = arriving / (UTILISATION * rate);
        let error = at.load.arrivals.error() / (UTILISATION * rate);
        let start = at.load.starts.expected();
        let rising = at.load.arrivals.forecast(start + Duration::from_secs(1));
        let chance = (at.load.arrivals.dispersion() * rising / (self.goal.as_secs_f64() / 2.0)).sqrt();
        let absorbing = (rising + HEADROOM_SIGMAS * chance) / rate;
        let ahead = (rising / (UTILISATION * rate)).max(absorbing);
        let catching_up = self.catch_up(rate, rising, start, at);
        if catching_up > ahead {
            let because = format!(
                "backlog {} at {}/s per worker needs {} to meet {}",
                grouped(at.seen.backlog),
                number(rate),
                whole(catching_up),
                Span(self.goal)
            );
            return Want { steady, error, all: catching_up, because };
        }
        let because =
            format!("{}/s arriving at {}/s per worker needs {}", number(rising), number(rate), whole(ahead));
        let is_busy = at.seen.backlog > 0 || at.seen.in_flight > 0;
        let least = if is_busy { 1.0 } else { 0.0 };
        let quiet = if ahead < NEXT_TO_NOTHING { 0.0 } else { ahead };
        Want { steady, error, all: quiet.max(least), because }
    }

    /// Workers that clear the backlog in time, if those ordered do not; never fewer while they clear it.
    fn catch_up(&self, rate: f64, arriving: f64, start: Duration, at: &Situation<'_>) -> f64 {
        let waiting = at.seen.backlog as f64;
        let clear = (self.goal.as_secs_f64() * CLEAR).max(1.0);
        let offered = rate * at.load.starts.worker_seconds(at.now.instant, at.seen.in_service, start);
        let then = (waiting + arriving * start.as_secs_f64() - offered).max(0.0);
        let spare = f64::from(at.desired) * rate - arriving;
        let needed = (arriving + then / clear) / rate;
        if spare * clear >= then {
            // A backlog that the ordered workers are clearing is no reason to send them home.
            let is_clearing = waiting > f64::from(at.seen.in_service.max(1)) * rate;
            return if is_clearing { f64::from(at.desired) } else { 0.0 };
        }
        needed.max(1.0)
    }
}
