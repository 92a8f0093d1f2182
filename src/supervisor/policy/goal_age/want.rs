//! How many workers are wanted now, and why.

use crate::{
    supervisor::policy::{
        opinion::Situation,
        words::{grouped, number, whole},
    },
    units::Span,
};
use std::time::Duration;

/// Share of a worker's time that steady arrivals may take; the rest absorbs bursts.
const UTILISATION: f64 = 0.8;
/// Standard deviations of chance that a capacity absorbs over half of the goal.
const HEADROOM_SIGMAS: f64 = 1.5;
/// Share of the goal within which a backlog is cleared once the workers for it are there.
const CLEAR: f64 = 0.2;
/// The same when workers for it could hardly be sent home again.
const CLEAR_GENTLY: f64 = 0.6;
const LITTLE_ROOM: usize = 4;
/// A rate that rises is met so long before it comes, and the time that a start takes.
const AHEAD: Duration = Duration::from_secs(15);
/// Share of the workers for a sudden rise that are ordered before a second sample has told it from a batch.
const SUDDEN: f64 = 0.75;
/// A pool that this share of one worker would serve may go to zero.
const NEXT_TO_NOTHING: f64 = 0.02;

/// A capacity that is wanted now, in workers and parts of them.
#[derive(Debug)]
pub(super) struct Want {
    /// For what steadily arrives.
    pub steady: f64,
    /// For what arrives, with what its rise and chance add; and the standard error of that.
    pub rate: f64,
    pub error: f64,
    /// For that and for what waits.
    pub all: f64,
    pub because: String,
}

impl Want {
    pub fn of(goal: Duration, at: &Situation<'_>) -> Self {
        match at.load.per_worker() {
            Some(rate) => Self::at_rate(rate, goal, at),
            None => Self::unlearned(goal, at),
        }
    }

    /// Before any work was seen: one worker to learn from, then doubling while records grow too old.
    fn unlearned(goal: Duration, at: &Situation<'_>) -> Self {
        let want = |all: f64, because: String| Self { steady: all, rate: all, error: 0.0, all, because };
        let waiting = at.seen.backlog;
        if waiting == 0 && at.seen.in_flight == 0 {
            return want(0.0, "nothing waits".to_owned());
        }
        let age = at.seen.oldest_age.unwrap_or_default();
        if at.desired > 0 && age > goal / 2 {
            let because = format!(
                "the oldest of {} waiting is {:.1} s old and no rate is known yet",
                grouped(waiting),
                age.as_secs_f64()
            );
            return want(f64::from(at.desired.saturating_mul(2)), because);
        }
        want(f64::from(at.desired.max(1)), format!("{} waiting and no worker", grouped(waiting)))
    }

    fn at_rate(rate: f64, goal: Duration, at: &Situation<'_>) -> Self {
        let arrivals = &at.load.arrivals;
        let steady = arrivals.rate() / (UTILISATION * rate);
        let error = arrivals.error() / (UTILISATION * rate);
        let start = at.load.starts.expected();
        let rising = arrivals.rising(start + AHEAD);
        let chance = (arrivals.dispersion(rising) * rising / (goal.as_secs_f64() / 2.0)).sqrt();
        let absorbing = (rising + HEADROOM_SIGMAS * chance) / rate;
        let ahead = (rising / (UTILISATION * rate)).max(absorbing);
        let sudden = sudden(rate, at);
        let catching_up = catch_up(rate, goal, start, at);
        let all = ahead.max(sudden).max(catching_up);
        let (each, needed) = (number(rate), whole(all));
        let because = if catching_up > ahead {
            let waiting = grouped(at.seen.backlog);
            format!("backlog {waiting} at {each}/s per worker needs {needed} to meet {}", Span(goal))
        } else if sudden > ahead {
            let arrived = number(arrivals.rate() + arrivals.sudden());
            format!("{arrived}/s arriving in the last second at {each}/s per worker may need {needed}")
        } else {
            format!("{}/s arriving at {each}/s per worker needs {needed}", number(rising))
        };
        let is_busy = at.seen.backlog > 0 || at.seen.in_flight > 0;
        let least = if is_busy { 1.0 } else { 0.0 };
        let quiet = if all < NEXT_TO_NOTHING { 0.0 } else { all };
        Self { steady, rate: ahead, error, all: quiet.max(least), because }
    }
}

/// Workers for a rise that only one sample has shown: it may be a batch, and then they are for nothing.
fn sudden(rate: f64, at: &Situation<'_>) -> f64 {
    let arrivals = &at.load.arrivals;
    if arrivals.sudden() <= 0.0 {
        return 0.0;
    }
    let needed = (arrivals.rate() + arrivals.sudden()) / (UTILISATION * rate);
    let desired = f64::from(at.desired);
    needed.min(desired + (SUDDEN * (needed - desired)).max(1.0))
}

/// Workers that clear the backlog in time, if those ordered do not; never fewer while they clear it.
fn catch_up(rate: f64, goal: Duration, start: Duration, at: &Situation<'_>) -> f64 {
    let arriving = at.load.arrivals.rate();
    let waiting = at.seen.backlog as f64;
    let share = if at.room <= LITTLE_ROOM { CLEAR_GENTLY } else { CLEAR };
    let clear = (goal.as_secs_f64() * share).max(1.0);
    let offered = rate * at.load.starts.worker_seconds(at.now.instant, at.seen.in_service, start);
    let to_come = arriving * start.as_secs_f64();
    let then = (waiting + to_come - offered).max(0.0);
    let spare = f64::from(at.desired) * rate - arriving;
    if spare * clear >= then {
        // A backlog that the ordered workers are clearing is no reason to send them home.
        let is_clearing = waiting > f64::from(at.seen.in_service.max(1)) * rate;
        return if is_clearing { f64::from(at.desired) } else { 0.0 };
    }
    ((arriving + then / clear) / rate).max(1.0)
}
