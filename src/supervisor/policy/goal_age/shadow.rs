//! A pool that is only imagined: what another patience would have come to.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Changes of direction within [`WINDOW`] that are still calm.
const MOST_REVERSALS: usize = 6;
const WINDOW: Duration = Duration::from_secs(1800);
/// Smaller shares are not worth a scale-in, or a scale-out.
pub(super) const LEAST_IN: f64 = 0.10;
pub(super) const LEAST_OUT: f64 = 0.03;

/// What is wanted at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Whole workers for what steadily arrives.
    pub steady: u32,
    /// Whole workers for that and for what waits.
    pub all: u32,
    /// What that is at least, before it was made whole: less what may be chance.
    pub least: f64,
}

impl Wanted {
    /// Whether it is worth a scale-out from so many workers.
    pub fn is_more_than(&self, workers: u32) -> bool {
        self.all > workers
            && (workers == 0
                || (f64::from(self.all) > f64::from(workers) * (1.0 + LEAST_OUT)
                    && self.least > f64::from(workers)))
    }
}

#[derive(Debug)]
pub(super) struct Shadow {
    /// How long steady wants, and any wants, keep its workers.
    pub steady: Duration,
    pub all: Duration,
    desired: u32,
    target: u32,
    grew_last: Option<bool>,
    changed_at: Option<Instant>,
    watched_at: Option<Instant>,
    reversals: VecDeque<Instant>,
    /// Workers, averaged over [`WINDOW`].
    cost: f64,
    seconds: f64,
}

impl Shadow {
    pub fn new(steady: Duration, all: Duration) -> Self {
        Self {
            steady,
            all,
            desired: 0,
            target: 0,
            grew_last: None,
            changed_at: None,
            watched_at: None,
            reversals: VecDeque::new(),
            cost: 0.0,
            seconds: 0.0,
        }
    }

    pub fn begin(&mut self, desired: u32) {
        self.desired = desired;
    }

    /// Goes where its patience leads it: `target` is the most that it still keeps.
    pub fn follow(&mut self, now: Instant, target: u32, wanted: Wanted, cooldown: Duration) {
        self.pay(now);
        self.target = target;
        while self.reversals.front().is_some_and(|at| now.saturating_duration_since(*at) > WINDOW) {
            self.reversals.pop_front();
        }
        let cooled = self.changed_at.is_none_or(|at| now.saturating_duration_since(at) >= cooldown);
        let grows = wanted.is_more_than(self.desired);
        let shrinks = cooled
            && target < self.desired
            && f64::from(target) <= f64::from(self.desired) * (1.0 - LEAST_IN);
        if !grows && !shrinks {
            return;
        }
        self.desired = if grows { wanted.all } else { target };
        self.changed_at = Some(now);
        if self.grew_last.replace(grows).is_some_and(|before| before != grows) {
            self.reversals.push_back(now);
            if self.reversals.len() > 2 * MOST_REVERSALS {
                self.reversals.pop_front();
            }
        }
    }

    fn pay(&mut self, now: Instant) {
        let passed = self.watched_at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.watched_at = Some(now);
        // A mean of all that was seen, until that fills the window.
        self.seconds = (self.seconds + passed).min(WINDOW.as_secs_f64());
        if self.seconds > 0.0 {
            self.cost += (f64::from(self.desired) - self.cost) * (passed / self.seconds).min(1.0);
        }
    }

    pub fn is_calm(&self) -> bool {
        self.reversals.len() <= MOST_REVERSALS
    }

    /// Workers, in the mean.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// The most that it still keeps.
    pub fn target(&self) -> u32 {
        self.target
    }

    pub fn remember(&self) -> (u32, f64) {
        (u32::try_from(self.reversals.len()).unwrap_or(u32::MAX), self.cost)
    }

    pub fn recall(&mut self, now: Instant, (reversals, cost): (u32, f64)) {
        let middle = now.checked_sub(WINDOW / 2).unwrap_or(now);
        let known = usize::try_from(reversals).unwrap_or(usize::MAX).min(2 * MOST_REVERSALS);
        self.reversals = std::iter::repeat_n(middle, known).collect();
        (self.cost, self.seconds) = (cost, WINDOW.as_secs_f64());
    }
}
