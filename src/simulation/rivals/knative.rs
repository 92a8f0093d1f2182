//! Knative's pod autoscaler (KPA) in its stable and panic modes.
//!
//! Source: knative/serving, `pkg/autoscaler/scaling/autoscaler.go` and `config-autoscaler`: every 2 s,
//! `ceil(mean concurrency / target)` over 60 s, and over 6 s once that asks for twice what is ready;
//! never in while panicking, which lasts until 60 s after the last time over the threshold; out to at
//! most 1,000 times, in to at least half of what is ready. The target is 70 % of the concurrency.
//!
//! It is made for requests; a queue is fed to it as the concurrency that its proxies would count:
//! what waits and what is being worked on.

use super::window::Window;
use crate::{
    pipeline::Observation,
    simulation::{Ordered, PoolModel, Sizing},
    supervisor::Moment,
};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_secs(2);
const STABLE: Duration = Duration::from_secs(60);
/// `panic-window-percentage` 10 of the stable window.
const PANIC: Duration = Duration::from_secs(6);
/// `panic-threshold-percentage` 200.
const PANIC_THRESHOLD: f64 = 2.0;
/// `container-concurrency-target-default` and `-target-percentage`.
const CONCURRENCY: f64 = 100.0;
const UTILISATION: f64 = 0.7;
const MOST_OUT: f64 = 1_000.0;
const MOST_IN: f64 = 2.0;

/// Concurrency per worker against a target, with a fast mode for bursts.
#[derive(Debug)]
pub struct Knative {
    name: &'static str,
    target: f64,
    min: u32,
    max: u32,
    stable: Window,
    panic: Window,
    panicking_since: Option<Instant>,
    most_in_panic: f64,
    /// Work that takes longer than a tick is counted while it is done, shorter work by the time that it took.
    is_long: bool,
    /// When workers were last seen, and their busy seconds until then.
    busy: Option<(Instant, f64)>,
    because: String,
}

impl Knative {
    /// With the default soft limit of 100 concurrent requests.
    pub fn new(pool: &PoolModel) -> Self {
        Self::with("knative", CONCURRENCY, pool)
    }

    /// With `containerConcurrency: 1`: a worker takes one record at a time.
    pub fn one_at_a_time(pool: &PoolModel) -> Self {
        Self::with("knative-1", 1.0, pool)
    }

    fn with(name: &'static str, concurrency: f64, pool: &PoolModel) -> Self {
        Self {
            name,
            target: concurrency * UTILISATION,
            min: pool.min,
            max: pool.max.max(pool.min),
            stable: Window::of(STABLE),
            panic: Window::of(PANIC),
            panicking_since: None,
            most_in_panic: 0.0,
            is_long: pool.service > TICK,
            busy: None,
            because: String::new(),
        }
    }

    /// What waits, and what was worked on in the mean since the last tick.
    fn concurrency(&mut self, now: Instant, seen: &Observation) -> f64 {
        let last = self.busy.replace((now, seen.busy_seconds)).filter(|_| !self.is_long);
        let working = last.map_or(seen.in_flight as f64, |(at, busy)| {
            let elapsed = now.saturating_duration_since(at).as_secs_f64();
            if elapsed > 0.0 { (seen.busy_seconds - busy).max(0.0) / elapsed } else { 0.0 }
        });
        seen.backlog as f64 + working
    }

    fn panic(&mut self, now: Instant, is_over: bool) {
        let is_past = self.panicking_since.is_some_and(|since| now.saturating_duration_since(since) > STABLE);
        if is_over {
            self.panicking_since = Some(now);
        } else if is_past {
            (self.panicking_since, self.most_in_panic) = (None, 0.0);
        }
    }
}

impl Sizing for Knative {
    fn name(&self) -> &str {
        self.name
    }

    fn every(&self) -> Duration {
        TICK
    }

    fn desired(&mut self, now: Moment, current: Ordered, seen: &Observation) -> u32 {
        let now = now.instant;
        let is_first = self.busy.is_none();
        let concurrency = self.concurrency(now, seen);
        self.stable.push(now, concurrency);
        self.panic.push(now, concurrency);
        if is_first && current.in_service > 1 {
            (self.panicking_since, self.most_in_panic) = (Some(now), f64::from(current.in_service));
        }
        let ready = f64::from(current.in_service.max(1));
        let (least, most) = ((ready / MOST_IN).floor(), (ready * MOST_OUT).ceil());
        let in_panic = (self.panic.mean() / self.target).ceil();
        let wanted = (self.stable.mean() / self.target).ceil().clamp(least, most);
        self.panic(now, in_panic / ready >= PANIC_THRESHOLD);
        let (stable, panic, target) = (self.stable.mean(), self.panic.mean(), self.target);
        let is_panicking = self.panicking_since.is_some();
        let mode = if is_panicking { "panicking" } else { "stable" };
        self.because = format!("{mode}: {stable:.0} in 60 s, {panic:.0} in 6 s, {target} per worker");
        let wanted = if is_panicking {
            self.most_in_panic = self.most_in_panic.max(wanted).max(in_panic.clamp(least, most));
            self.most_in_panic
        } else {
            wanted
        };
        (wanted as u32).clamp(self.min, self.max)
    }

    fn because(&self) -> String {
        self.because.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Clock, pool, settled, waiting},
        *,
    };

    fn decide(knative: &mut Knative, clock: &mut Clock, ticks: u32, ready: u32, backlog: u64) -> u32 {
        let decided =
            (0..ticks).map(|_| knative.desired(clock.pass(TICK), settled(ready), &waiting(backlog))).last();
        decided.unwrap_or_default()
    }

    #[test]
    fn ten_at_a_time_and_a_hundred_requests_are_fifteen_pods() {
        let mut knative = Knative::with("knative", 10.0, &pool());
        let mut clock = Clock::new();
        assert_eq!(decide(&mut knative, &mut clock, 1, 12, 100), 15, "100 / (10 * 0.7), rounded up");
    }

    #[test]
    fn the_default_target_is_seventy() {
        let mut knative = Knative::new(&pool());
        let mut clock = Clock::new();
        assert_eq!(decide(&mut knative, &mut clock, 1, 1, 70), 1);
        assert_eq!(decide(&mut knative, &mut clock, 1, 1, 80), 2, "75 in the mean");
    }

    #[test]
    fn a_burst_is_judged_by_six_seconds_and_kept_for_sixty() {
        let mut knative = Knative::new(&pool());
        let mut clock = Clock::new();
        assert_eq!(decide(&mut knative, &mut clock, 30, 1, 35), 1);
        assert_eq!(decide(&mut knative, &mut clock, 1, 1, 700), 4, "(35 + 35 + 700) / 3 / 70");
        assert_eq!(decide(&mut knative, &mut clock, 2, 4, 700), 10);
        assert_eq!(decide(&mut knative, &mut clock, 30, 10, 0), 10, "no scale-in while panicking");
        assert_eq!(decide(&mut knative, &mut clock, 1, 10, 0), 5, "then at most by half");
    }

    #[test]
    fn a_pool_of_many_starts_panicking_so_that_a_restart_loses_nothing() {
        let mut knative = Knative::new(&pool());
        let mut clock = Clock::new();
        assert_eq!(decide(&mut knative, &mut clock, 5, 8, 0), 8);
    }

    #[test]
    fn long_work_counts_while_it_is_done() {
        let mut knative = Knative::one_at_a_time(&PoolModel { service: Duration::from_secs(30), ..pool() });
        let mut clock = Clock::new();
        let seen = Observation { in_flight: 7, ..Observation::default() };
        let decided = (0..31).map(|_| knative.desired(clock.pass(TICK), settled(10), &seen));
        assert_eq!(decided.last(), Some(10), "7 / (1 * 0.7), though nothing has been finished");
    }

    #[test]
    fn busy_workers_count_as_requests() {
        let mut knative = Knative::one_at_a_time(&pool());
        let mut clock = Clock::new();
        let mut seen = Observation::default();
        assert_eq!(knative.desired(clock.pass(TICK), settled(1), &seen), 1, "the minimum");
        for _ in 0..60 {
            seen.busy_seconds += 14.0;
            knative.desired(clock.pass(TICK), settled(10), &seen);
        }
        assert_eq!(knative.desired(clock.pass(TICK), settled(10), &seen), 10, "7 / (1 * 0.7)");
    }
}
