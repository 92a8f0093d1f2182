//! Times in which all workers had enough to do, and their number did not change.

use super::work::Interval;
use std::time::{Duration, Instant};

/// A stretch that is longer fades, so that it still shows what is new.
const LONG_SECONDS: f64 = 12.0;
const FADING: f64 = 0.8;
/// A shorter one is not kept when the number of workers changes.
const LEAST_SECONDS: f64 = 2.0;
/// A stretch that is over says something for so long.
const KEPT: Duration = Duration::from_secs(120);

/// The stretch that goes on, and the one before.
#[derive(Debug, Default)]
pub(super) struct Stretches {
    current: Option<Interval>,
    before: Option<(Instant, Interval)>,
    saturated_at: Option<Instant>,
}

impl Interval {
    /// Records per second of each worker.
    pub(super) fn each(&self) -> f64 {
        self.throughput() / self.workers.max(1.0)
    }

    fn joined(&self, newest: &Self) -> Self {
        let kept = if self.seconds > LONG_SECONDS { FADING } else { 1.0 };
        Self {
            seconds: self.seconds * kept + newest.seconds,
            processed: self.processed * kept + newest.processed,
            busy_seconds: self.busy_seconds * kept + newest.busy_seconds,
            workers: newest.workers,
            is_saturated: true,
        }
    }
}

impl Stretches {
    pub fn follow(&mut self, now: Instant, interval: &Interval) {
        let goes_on = |stretch: &Interval| (stretch.workers - interval.workers).abs() < 0.5;
        self.current = match self.current.take() {
            Some(stretch) if interval.is_saturated && goes_on(&stretch) => Some(stretch.joined(interval)),
            ended => {
                if let Some(ended) = ended.filter(|ended| ended.seconds >= LEAST_SECONDS) {
                    self.before = Some((now, ended));
                }
                interval.is_saturated.then_some(*interval)
            }
        };
        if interval.is_saturated {
            self.saturated_at = Some(now);
        }
    }

    /// The one that goes on.
    pub fn current(&self) -> Option<Interval> {
        self.current
    }

    /// The one before it, while it still says something.
    pub fn before(&self, now: Instant) -> Option<Interval> {
        self.before.filter(|(at, _)| now.saturating_duration_since(*at) < KEPT).map(|(_, before)| before)
    }

    /// Begins anew: what was seen has been judged.
    pub fn clear(&mut self) {
        (self.current, self.before) = (None, None);
    }

    /// The workers had enough to do within this time.
    pub fn were_within(&self, now: Instant, time: Duration) -> bool {
        self.saturated_at.is_some_and(|at| now.saturating_duration_since(at) <= time)
    }

    /// Takes it that they have it now.
    pub fn assume(&mut self, now: Instant) {
        self.saturated_at = Some(now);
    }
}
