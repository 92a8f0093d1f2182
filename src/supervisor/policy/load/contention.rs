//! Notices when more workers do not help, and keeps the pool at those that do.
//!
//! Workers that all have enough to do should finish their number times the rate of one. When they
//! finish far less, either something they share is at its limit, or the work itself has become
//! slower. Which of the two it is shows when their number changes: a shared limit keeps the sum,
//! slower work keeps the rate of each.

use super::work::Interval;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Below this share of what the workers should finish they hold one another up.
const CONTENDED: f64 = 0.7;
/// From this share on nothing holds them up.
const FREE: f64 = 0.96;
/// Workers kept for each that is useful: enough to notice when the limit is lifted.
const MARGIN: f64 = 1.1;
/// So many more workers are tried.
const PROBE: f64 = 1.25;
/// Two numbers of workers that differ by this share tell the two causes apart.
const APART: f64 = 1.15;
/// Seconds of enough work before anything is concluded; doubt comes sooner.
const CONCLUDE_SECONDS: f64 = 4.0;
const DOUBT_SECONDS: f64 = 1.0;
/// Standard deviations that the shortfall must have.
const SIGMAS: f64 = 3.0;
/// Time at the limit before more are tried; grows threefold with each failure.
const FIRST_HOLD: Duration = Duration::from_secs(60);
const LONGEST_HOLD: Duration = Duration::from_secs(3600);
/// Without enough work for so long, a limit is forgotten.
const FORGET: Duration = Duration::from_secs(900);

/// A shared limit, as it is kept across a restart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LimitMemory {
    /// Records per second that come through, however many work.
    pub throughput: f64,
    /// Workers that showed it.
    pub workers: f64,
    /// Time at the limit before more are tried, milliseconds.
    pub hold_ms: u64,
}

/// What the guard says of the pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Advice {
    /// Nothing.
    Free,
    /// Order no more until it is known whether they help.
    Doubt,
    /// No more than so many are useful.
    AtMost(f64),
    /// One more worker adds what each does now: learn that.
    Slower(Interval),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Free,
    /// `throughput` is all that comes through, however many work.
    Capped {
        throughput: f64,
        with: Interval,
        is_verified: bool,
        hold: Duration,
        probe_at: Instant,
    },
    Probing {
        throughput: f64,
        from: Interval,
        workers: f64,
        hold: Duration,
    },
}

/// Guards one pool.
#[derive(Debug)]
pub struct Guard {
    state: State,
    /// Intervals with enough to do and the same workers, joined.
    stretch: Option<Interval>,
    /// The stretch before, with another number of workers.
    before: Option<(Instant, Interval)>,
    saturated_at: Option<Instant>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { state: State::Free, stretch: None, before: None, saturated_at: None }
    }
}

fn join(stretch: &Interval, interval: &Interval) -> Interval {
    // Old seconds fade, so that a long stretch still shows what is new.
    let kept = if stretch.seconds > 3.0 * CONCLUDE_SECONDS { 0.8 } else { 1.0 };
    Interval {
        seconds: stretch.seconds * kept + interval.seconds,
        processed: stretch.processed * kept + interval.processed,
        busy_seconds: stretch.busy_seconds * kept + interval.busy_seconds,
        workers: interval.workers,
        is_saturated: true,
    }
}

impl Interval {
    /// Records per second of each worker.
    fn each(&self) -> f64 {
        self.throughput() / self.workers.max(1.0)
    }
}

impl Guard {
    /// `held` are the records in flight: a worker that settles them in batches shows nothing until then.
    pub fn watch(&mut self, now: Instant, interval: &Interval, per_worker: f64, held: f64) -> Advice {
        self.follow(now, interval);
        if self.saturated_at.is_none_or(|at| now.saturating_duration_since(at) > FORGET) {
            self.state = State::Free;
        }
        let Some(stretch) = self.stretch else { return self.standing(per_worker) };
        let batch_seconds = 3.0 * held / (stretch.workers.max(1.0) * per_worker);
        let is_long = stretch.seconds >= CONCLUDE_SECONDS.max(batch_seconds);
        let expected = stretch.workers * per_worker * stretch.seconds;
        let share = stretch.processed / expected.max(f64::MIN_POSITIVE);
        let is_significant = expected - stretch.processed > SIGMAS * expected.sqrt();
        let is_contended = share < CONTENDED && is_significant;
        match self.state {
            State::Free if is_contended && is_long => self.conclude(now, &stretch, per_worker),
            State::Free if is_contended && stretch.seconds >= DOUBT_SECONDS.max(batch_seconds) => {
                Advice::Doubt
            }
            State::Free => Advice::Free,
            State::Capped { .. } if is_long => self.capped(now, &stretch, share, per_worker),
            State::Probing { .. } if is_long => self.probed(now, &stretch, per_worker),
            State::Capped { .. } | State::Probing { .. } => self.standing(per_worker),
        }
    }

    fn follow(&mut self, now: Instant, interval: &Interval) {
        if !interval.is_saturated {
            self.stretch = None;
            return;
        }
        self.saturated_at = Some(now);
        match &mut self.stretch {
            Some(stretch) if (stretch.workers - interval.workers).abs() < 0.5 => {
                *stretch = join(stretch, interval);
            }
            other => {
                if let Some(ended) = other.replace(*interval)
                    && ended.seconds >= 2.0
                {
                    self.before = Some((now, ended));
                }
            }
        }
    }

    fn conclude(&mut self, now: Instant, stretch: &Interval, per_worker: f64) -> Advice {
        let before = self.before.filter(|(at, _)| now.saturating_duration_since(*at) < FIRST_HOLD * 2);
        let tells = before.map(|(_, before)| before).filter(|before| {
            let (few, many) = (before.workers.min(stretch.workers), before.workers.max(stretch.workers));
            many >= APART * few
        });
        let is_slower = stretch.workers < 2.0
            || tells.is_some_and(|before| (before.each() / stretch.each().max(1e-9) - 1.0).abs() < 0.15);
        if is_slower {
            return self.slower(stretch);
        }
        self.state = State::Capped {
            throughput: stretch.throughput(),
            with: *stretch,
            is_verified: tells.is_some(),
            hold: FIRST_HOLD,
            probe_at: now + FIRST_HOLD,
        };
        self.standing(per_worker)
    }

    fn slower(&mut self, stretch: &Interval) -> Advice {
        self.state = State::Free;
        self.stretch = None;
        Advice::Slower(*stretch)
    }

    fn capped(&mut self, now: Instant, stretch: &Interval, share: f64, per_worker: f64) -> Advice {
        let State::Capped { throughput, with, is_verified, hold, probe_at } = self.state else {
            return Advice::Free;
        };
        if share >= FREE {
            self.state = State::Free;
            return Advice::Free;
        }
        let is_fewer = stretch.workers * APART <= with.workers;
        if !is_verified && is_fewer && stretch.each() < 1.15 * with.each() {
            return self.slower(stretch);
        }
        let through = stretch.throughput();
        let moved = through > throughput || through < 0.85 * throughput;
        self.state = State::Capped {
            throughput: if moved { through } else { throughput },
            with,
            is_verified: is_verified || is_fewer,
            hold,
            probe_at,
        };
        if now >= probe_at {
            let workers = (stretch.workers * PROBE).max(stretch.workers + 1.0);
            self.state = State::Probing { throughput: through, from: *stretch, workers, hold };
        }
        self.standing(per_worker)
    }

    fn probed(&mut self, now: Instant, stretch: &Interval, per_worker: f64) -> Advice {
        let State::Probing { throughput, from, workers, hold } = self.state else { return Advice::Free };
        if stretch.workers + 0.5 < workers.floor() {
            return self.standing(per_worker);
        }
        let more = stretch.workers / from.workers.max(1.0) - 1.0;
        let gained = stretch.throughput() / from.throughput().max(f64::MIN_POSITIVE) - 1.0;
        if gained >= more / 2.0 {
            return self.slower(stretch);
        }
        let hold = (hold * 3).min(LONGEST_HOLD);
        let throughput = throughput.max(stretch.throughput());
        self.state =
            State::Capped { throughput, with: *stretch, is_verified: true, hold, probe_at: now + hold };
        self.standing(per_worker)
    }

    pub fn remember(&self) -> Option<LimitMemory> {
        let of = |throughput, with: &Interval, hold: Duration| LimitMemory {
            throughput,
            workers: with.workers,
            hold_ms: u64::try_from(hold.as_millis()).unwrap_or(u64::MAX),
        };
        match &self.state {
            State::Free => None,
            State::Capped { throughput, with, hold, .. } => Some(of(*throughput, with, *hold)),
            State::Probing { throughput, from, hold, .. } => Some(of(*throughput, from, *hold)),
        }
    }

    pub fn recall(&mut self, now: Instant, limit: Option<LimitMemory>) {
        let Some(limit) = limit.filter(|limit| limit.throughput > 0.0 && limit.workers > 0.0) else { return };
        let hold = Duration::from_millis(limit.hold_ms).clamp(FIRST_HOLD, LONGEST_HOLD);
        let with = Interval {
            seconds: 1.0,
            processed: limit.throughput,
            busy_seconds: limit.workers,
            workers: limit.workers,
            is_saturated: true,
        };
        self.saturated_at = Some(now);
        let throughput = limit.throughput;
        self.state = State::Capped { throughput, with, is_verified: true, hold, probe_at: now + hold };
    }

    /// What holds while nothing new is known.
    pub fn standing(&self, per_worker: f64) -> Advice {
        match self.state {
            State::Free => Advice::Free,
            State::Capped { throughput, .. } => Advice::AtMost((MARGIN * throughput / per_worker).max(1.0)),
            State::Probing { workers, .. } => Advice::AtMost(workers),
        }
    }
}
