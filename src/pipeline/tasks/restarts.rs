//! When a failed task may start again: backoff for each key, and a budget for the node.

use crate::units::Span;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

/// Sums of shares are no exact numbers.
const ROUNDING: f64 = 1e-9;

/// When workers that failed are started again, and when their pool is given up for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestartTerms {
    /// How long a worker rests after a failure: doubled with each one in a row before any work is done,
    /// and shortened at random by up to half. Default "500ms".
    pub rest: Span,
    /// Longest rest of a worker. Default "30s".
    pub most_rest: Span,
    /// Failures within `within`, for each worker of the pool, after which the pool is reported failed and
    /// starts nothing for as long. A failure after work was done takes one back. Default 5.
    pub failures: u32,
    /// The time in which failures are counted; a worker that runs for as long begins again at `rest`.
    /// Default "1m".
    pub within: Span,
}

impl Default for RestartTerms {
    fn default() -> Self {
        Self {
            rest: Span(Duration::from_millis(500)),
            most_rest: Span(Duration::from_secs(30)),
            failures: 5,
            within: Span(Duration::from_secs(60)),
        }
    }
}

impl RestartTerms {
    /// How long a key rests after its nth failure in a row: doubled each time, shortened by up to
    /// half by `jitter` (0 to 1), so that many keys that failed together do not return together.
    pub(super) fn backoff(&self, consecutive: u32, jitter: f64) -> Duration {
        let doubled = self.rest.0.saturating_mul(1 << consecutive.saturating_sub(1).min(16));
        doubled.min(self.most_rest.0).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// Failures of a pool of so many workers that exhaust its budget.
    pub(super) fn budget(&self, pool: usize) -> usize {
        usize::try_from(self.failures).unwrap_or(usize::MAX).saturating_mul(pool.max(1)).max(1)
    }
}

/// One failure of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed<'a> {
    pub key: &'a str,
    /// It had done some of its work before: it is no loop of failing starts.
    pub progressed: bool,
    /// Workers of its pool; 1 for a node that is none.
    pub pool: usize,
}

/// A start after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Restarted {
    /// Failures in a row before it.
    pub consecutive: u32,
    /// How long it had to rest, and how long it did: until there was need of it.
    pub rest: Duration,
    pub rested: Duration,
}

#[derive(Debug)]
struct KeyHistory {
    consecutive: u32,
    failed_at: Instant,
    not_before: Instant,
    waits: bool,
}

/// The failures of one node's tasks and what follows from them.
#[derive(Debug)]
pub(super) struct Restarts {
    terms: RestartTerms,
    keys: BTreeMap<String, KeyHistory>,
    /// Failures that count towards the budget, each with the workers that the pool had then.
    recent: VecDeque<(Instant, usize)>,
    exhausted_until: Option<Instant>,
    jitter: SmallRng,
    count: u64,
}

impl Restarts {
    /// Jitter is seeded by the node's name, so that a run can be repeated.
    pub(super) fn new(node: &str) -> Self {
        let mut seed = DefaultHasher::new();
        node.hash(&mut seed);
        Self {
            terms: RestartTerms::default(),
            keys: BTreeMap::new(),
            recent: VecDeque::new(),
            exhausted_until: None,
            jitter: SmallRng::seed_from_u64(seed.finish()),
            count: 0,
        }
    }

    pub(super) fn terms(&self) -> &RestartTerms {
        &self.terms
    }

    /// Goes on under other terms: whoever rests does so no longer than they say, and a node that was
    /// given up is tried again.
    pub(super) fn set_terms(&mut self, terms: RestartTerms, now: Instant) {
        if terms == self.terms {
            return;
        }
        let latest = now + terms.most_rest.0;
        for history in self.keys.values_mut() {
            history.not_before = history.not_before.min(latest);
        }
        self.recent.clear();
        self.exhausted_until = None;
        self.terms = terms;
    }

    /// Notes a failure; returns how long the key rests.
    pub(super) fn failed(&mut self, failed: Failed<'_>, now: Instant) -> Duration {
        self.forget_calm(now);
        let before = self.keys.get(failed.key).map_or(0, |history| history.consecutive);
        let consecutive = if failed.progressed { 1 } else { before.saturating_add(1) };
        let rest = self.terms.backoff(consecutive, self.jitter.random());
        let history = KeyHistory { consecutive, failed_at: now, not_before: now + rest, waits: true };
        self.keys.insert(failed.key.to_owned(), history);
        self.count_towards_budget(failed, now);
        if self.spent() >= 1.0 - ROUNDING {
            self.recent.clear();
            self.exhausted_until = Some(now + self.terms.within.0);
            return self.terms.within.0.max(rest);
        }
        rest
    }

    /// The share of its budget that the pool has used up. What failed among many weighs little, also when few are left.
    fn spent(&self) -> f64 {
        self.recent.iter().map(|(_, pool)| 1.0 / self.terms.budget(*pool) as f64).sum()
    }

    /// A failure after work was done gives one back: the pool gets on, however rough the way.
    fn count_towards_budget(&mut self, failed: Failed<'_>, now: Instant) {
        if failed.progressed {
            self.recent.pop_front();
        } else {
            self.recent.push_back((now, failed.pool));
        }
        while self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > self.terms.within.0) {
            self.recent.pop_front();
        }
    }

    fn forget_calm(&mut self, now: Instant) {
        let (calm, most_rest) = (self.terms.within.0, self.terms.most_rest.0);
        let is_calm = |history: &KeyHistory| now.duration_since(history.failed_at) > calm + most_rest;
        self.keys.retain(|_, history| history.waits || !is_calm(history));
        for history in self.keys.values_mut().filter(|history| !history.waits) {
            if now.saturating_duration_since(history.not_before) > calm {
                history.consecutive = 0;
            }
        }
    }

    pub(super) fn may_start(&self, key: &str, now: Instant) -> bool {
        !self.is_exhausted(now) && self.keys.get(key).is_none_or(|history| history.not_before <= now)
    }

    /// Notes a start; tells of the rest before it when it follows a failure.
    pub(super) fn started(&mut self, key: &str, now: Instant) -> Option<Restarted> {
        let history = self.keys.get_mut(key).filter(|history| history.waits)?;
        history.waits = false;
        self.count += 1;
        let since = |at: Instant| at.saturating_duration_since(history.failed_at);
        let (rest, rested) = (since(history.not_before), since(now));
        Some(Restarted { consecutive: history.consecutive, rest, rested })
    }

    /// Failures of this key in a row.
    pub(super) fn consecutive(&self, key: &str) -> u32 {
        self.keys.get(key).map_or(0, |history| history.consecutive)
    }

    pub(super) fn is_exhausted(&self, now: Instant) -> bool {
        self.exhausted_until.is_some_and(|until| now < until)
    }

    pub(super) fn is_resting(&self) -> bool {
        self.keys.values().any(|history| history.waits)
    }

    /// Keys that wait to be started again.
    pub(super) fn resting(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(|(_, history)| history.waits).map(|(key, _)| key.as_str())
    }

    /// Lets at most `most` keys wait; those that would have to wait longest are given up.
    pub(super) fn give_up_resting(&mut self, most: usize) {
        while self.resting().count() > most {
            let waiting = self.keys.iter_mut().filter(|(_, history)| history.waits);
            let Some((_, last)) = waiting.max_by_key(|(_, history)| history.not_before) else { return };
            last.waits = false;
        }
    }

    /// The key is not started again because of its failure.
    pub(super) fn give_up(&mut self, key: &str) {
        if let Some(history) = self.keys.get_mut(key) {
            history.waits = false;
        }
    }

    /// When a key that waits may be started again, the soonest.
    pub(super) fn next_start(&self) -> Option<Instant> {
        let soonest = self.keys.values().filter(|history| history.waits).map(|history| history.not_before);
        let soonest = soonest.min()?;
        Some(self.exhausted_until.map_or(soonest, |until| until.max(soonest)))
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
