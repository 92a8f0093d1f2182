//! How many of the workers that count are busy.

use crate::pipeline::Observation;
use std::time::Instant;

/// Seconds over which the number of busy workers is averaged.
const SECONDS: f64 = 5.0;

/// Busy workers of one pool. A pool tells only the sum of its busy time, so one that warms up or drains is taken
/// to be busy all the time, and left out.
#[derive(Debug, Default)]
pub(super) struct Busy {
    last: Option<(Instant, f64)>,
    workers: Option<f64>,
    lately: Lately,
}

/// What was measured since workers last came or went.
#[derive(Debug, Default)]
struct Lately {
    warm: u32,
    latest: Option<f64>,
    before: Option<f64>,
}

impl Lately {
    fn learn(&mut self, warm: u32, busy: f64) {
        if warm == self.warm {
            self.before = self.latest.replace(busy);
        } else {
            // An interval in which workers came or went tells of both numbers.
            *self = Self { warm, ..Self::default() };
        }
    }

    /// The least of the latest two intervals: work that is counted when it ends is no load of that second.
    fn least(&self) -> Option<f64> {
        let latest = self.latest?;
        Some(self.before.map_or(latest, |before| before.min(latest)))
    }
}

impl Busy {
    /// Takes in an observation, in which so many workers of those in service are warm.
    pub fn learn(&mut self, now: Instant, warm: u32, seen: &Observation) {
        let Some((at, before)) = self.last.replace((now, seen.busy_seconds)) else { return };
        let seconds = now.saturating_duration_since(at).as_secs_f64();
        let spent = seen.busy_seconds - before;
        if seconds <= 0.0 || spent < 0.0 {
            return;
        }
        if warm == 0 {
            (self.workers, self.lately) = (None, Lately::default());
            return;
        }
        let warming = seen.in_service.saturating_sub(warm);
        let others = f64::from(warming) + f64::from(seen.draining);
        let busy = (spent / seconds - others).max(0.0);
        let before = self.workers.unwrap_or(busy);
        self.workers = Some(before + (busy - before) * (1.0 - (-seconds / SECONDS).exp()));
        self.lately.learn(warm, busy);
    }

    pub fn remember(&self) -> Option<f64> {
        self.workers
    }

    /// Begins with what was known before.
    pub fn recall(&mut self, workers: Option<f64>) {
        self.workers = workers.filter(|workers| workers.is_finite() && *workers >= 0.0);
    }

    /// Busy ones among so many, once known: work that is counted when it ends may seem to be more.
    pub fn of(&self, measured: u32) -> Option<f64> {
        self.workers.map(|busy| busy.min(f64::from(measured)))
    }

    /// The same, but at once as many as the latest intervals had, where those had more.
    pub fn now(&self, measured: u32) -> Option<f64> {
        let lately = self.lately.least().unwrap_or_default().min(f64::from(measured));
        self.of(measured).map(|busy| busy.max(lately))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Of four warm workers.
    fn after(seconds: u64, busy: f64, warming: u32, draining: u32) -> f64 {
        let begun = Instant::now();
        let mut tracked = Busy::default();
        for second in 0..=seconds {
            let now = begun + Duration::from_secs(second);
            let busy_seconds = busy * second as f64;
            let in_service = 4 + warming;
            tracked.learn(
                now,
                4,
                &Observation { busy_seconds, in_service, draining, ..Observation::default() },
            );
        }
        tracked.of(4).unwrap()
    }

    #[test]
    fn workers_that_warm_up_or_drain_do_not_count() {
        assert!((after(30, 3.0, 0, 0) - 3.0).abs() < 1e-9);
        assert!((after(30, 7.0, 4, 0) - 3.0).abs() < 1e-9, "four warm up at full load");
        assert!((after(30, 5.0, 0, 2) - 3.0).abs() < 1e-9, "two finish what they hold");
        assert!(after(30, 2.0, 4, 0) < 1e-9);
    }

    #[test]
    fn no_more_are_busy_than_there_are_however_late_work_is_counted() {
        let begun = Instant::now();
        let mut busy = Busy::default();
        busy.learn(begun, 4, &Observation::default());
        let seen = Observation { busy_seconds: 120.0, in_service: 4, ..Observation::default() };
        busy.learn(begun + Duration::from_secs(1), 4, &seen);
        assert_eq!(busy.of(4), Some(4.0));
    }

    #[test]
    fn without_a_warm_worker_nothing_is_known() {
        let begun = Instant::now();
        let mut busy = Busy::default();
        for (second, warm) in [(0, 4), (1, 4), (2, 0)] {
            let seen =
                Observation { busy_seconds: 4.0 * second as f64, in_service: 4, ..Observation::default() };
            busy.learn(begun + Duration::from_secs(second), warm, &seen);
            assert_eq!(busy.of(4), (second == 1).then_some(4.0), "in second {second}");
        }
    }

    /// What is told in each second of one worker, after so many busy seconds in each.
    fn told(spent: &[(u32, f64)]) -> Vec<f64> {
        let (begun, mut busy, mut sum) = (Instant::now(), Busy::default(), 0.0);
        let mut told = Vec::new();
        for (second, (warm, spent)) in (0..).zip(spent) {
            sum += spent;
            let seen = Observation { busy_seconds: sum, in_service: *warm, ..Observation::default() };
            busy.learn(begun + Duration::from_secs(second), *warm, &seen);
            told.extend(busy.now(*warm));
        }
        told
    }

    #[test]
    fn more_is_told_at_once_when_two_intervals_had_it_and_less_over_some_seconds() {
        let calm = [(4, 1.0), (4, 1.0), (4, 1.0)];
        let rising = told(&[&calm[..], &[(4, 4.0), (4, 4.0)]].concat());
        assert!(rising[2] < 1.6 && rising[3] == 4.0, "{rising:?}");
        let falling = told(&[(4, 4.0), (4, 4.0), (4, 4.0), (4, 1.0), (4, 1.0)]);
        assert!(falling[3] > 2.9, "{falling:?}");
        // Three seconds of one worker, counted when they end.
        let lump = told(&[&calm[..], &[(4, 3.0), (4, 0.0), (4, 0.0), (4, 3.0)]].concat());
        assert!(lump.iter().all(|busy| *busy < 1.7), "{lump:?}");
    }

    #[test]
    fn after_workers_came_one_interval_of_their_own_tells() {
        let grown = told(&[(2, 2.0), (2, 2.0), (2, 2.0), (4, 2.5), (4, 4.0)]);
        assert!(grown[2] < 2.2 && grown[3] == 4.0, "{grown:?}");
    }

    #[test]
    fn a_counter_that_began_anew_says_nothing() {
        let begun = Instant::now();
        let mut busy = Busy::default();
        let seen = |busy_seconds| Observation { busy_seconds, in_service: 4, ..Observation::default() };
        busy.learn(begun, 4, &seen(50.0));
        busy.learn(begun + Duration::from_secs(1), 4, &seen(1.0));
        assert_eq!(busy.of(4), None);
    }
}
