//! A pool that is only imagined: what another patience would have come to.

use super::worth::{MOST_TURNS, worth};
use crate::supervisor::policy::words::milliseconds;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Changes of direction within a time that are still calm: four bursts within ten minutes, eight within half an
/// hour, and no more in an hour than a pool may have.
const CALM: [(Duration, usize); 3] =
    [(Duration::from_secs(600), 8), (Duration::from_secs(1800), 16), (WINDOW, 19)];
const WINDOW: Duration = Duration::from_secs(3600);
/// Changes of direction that are remembered.
const MOST_REMEMBERED: usize = 32;
/// Time over which the workers are averaged.
const PAID: Duration = Duration::from_secs(1800);
/// Smaller shares are not worth a scale-out.
const LEAST_OUT: f64 = 0.04;
/// Scale-outs of less than this share can wait for some seconds.
const SMALL: f64 = 0.10;

/// What is wanted at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Whole workers for what arrives.
    pub keep: u32,
    /// Whole workers for that and for what waits.
    pub hold: u32,
    /// The same to be ordered, when more are ordered at all.
    pub order: u32,
    /// What that is before it was made whole.
    pub exact: f64,
    /// The least that was so wanted in the last seconds.
    pub lasting: f64,
}

impl Wanted {
    /// Whether it is worth a scale-out from so many workers.
    pub fn is_more_than(&self, workers: u32) -> bool {
        let few = f64::from(workers);
        let is_small = self.exact < few * (1.0 + SMALL);
        let wanted = if is_small { self.lasting } else { self.exact };
        self.order > workers && (workers == 0 || wanted > few * (1.0 + LEAST_OUT))
    }
}

/// What is kept of a shadow across a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShadowMemory {
    pub desired: u32,
    /// Whether its last change added workers.
    pub grew_last: Option<bool>,
    /// When that was, milliseconds ago.
    pub changed: Option<u64>,
    /// Its latest changes of direction, milliseconds ago.
    pub reversals: Vec<u64>,
    /// Workers, in the mean.
    pub cost: f64,
}

#[derive(Debug)]
pub(super) struct Shadow {
    /// How long steady wants, and any wants, keep its workers.
    pub steady: Duration,
    pub all: Duration,
    desired: u32,
    grew_last: Option<bool>,
    changed_at: Option<Instant>,
    watched_at: Option<Instant>,
    reversals: VecDeque<Instant>,
    /// Workers, averaged over [`PAID`].
    cost: f64,
    seconds: f64,
}

impl Shadow {
    pub fn new(steady: Duration, all: Duration) -> Self {
        Self {
            steady,
            all,
            desired: 0,
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

    /// Goes where its patience leads it: `kept` is the most that was wanted within a time.
    pub fn follow(
        &mut self,
        now: Instant,
        kept: impl Fn(Duration) -> u32,
        wanted: Wanted,
        cooldown: Duration,
    ) {
        self.pay(now);
        let turns =
            (self.grew_last != Some(false)).then_some(MOST_TURNS.saturating_sub(self.reversals.len()));
        let unchanged = self.changed_at.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        let target = worth(self.steady, self.desired, turns, unchanged, kept);
        while self.reversals.front().is_some_and(|at| now.saturating_duration_since(*at) > WINDOW) {
            self.reversals.pop_front();
        }
        let cooled = self.changed_at.is_none_or(|at| now.saturating_duration_since(at) >= cooldown);
        let grows = wanted.is_more_than(self.desired);
        let to = match target.filter(|_| cooled) {
            _ if grows => wanted.order,
            Some(target) => target,
            None => return,
        };
        self.desired = to;
        self.changed_at = Some(now);
        if self.grew_last.replace(grows).is_some_and(|before| before != grows) {
            self.reversals.push_back(now);
            if self.reversals.len() > MOST_REMEMBERED {
                self.reversals.pop_front();
            }
        }
    }

    fn pay(&mut self, now: Instant) {
        let passed = self.watched_at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.watched_at = Some(now);
        // A mean of all that was seen, until that fills the window.
        self.seconds = (self.seconds + passed).min(PAID.as_secs_f64());
        if self.seconds > 0.0 {
            self.cost += (f64::from(self.desired) - self.cost) * (passed / self.seconds).min(1.0);
        }
    }

    pub fn is_calm(&self, now: Instant) -> bool {
        let within = |length: Duration| {
            let newest = self.reversals.iter().rev();
            newest.take_while(|at| now.saturating_duration_since(**at) <= length).count()
        };
        CALM.iter().all(|(length, most)| within(*length) <= *most)
    }

    /// Workers, in the mean.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// When it changed direction, as milliseconds ago, and its mean workers.
    pub fn remember(&self, now: Instant) -> ShadowMemory {
        ShadowMemory {
            desired: self.desired,
            grew_last: self.grew_last,
            changed: self.changed_at.map(|at| milliseconds(now, at)),
            reversals: self.reversals.iter().map(|at| milliseconds(now, *at)).collect(),
            cost: self.cost,
        }
    }

    /// Takes up what was kept `age` ago.
    pub fn recall(&mut self, now: Instant, age: Duration, memory: &ShadowMemory) {
        let at = |ago: &u64| now.checked_sub(Duration::from_millis(*ago).saturating_add(age));
        self.reversals = memory.reversals.iter().take(MOST_REMEMBERED).filter_map(at).collect();
        (self.desired, self.grew_last) = (memory.desired, memory.grew_last);
        self.changed_at = memory.changed.as_ref().and_then(at);
        (self.cost, self.seconds) = (memory.cost, PAID.as_secs_f64());
    }
}
