//! When a failed task may start again: backoff for each key, and a budget for the node.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

/// Failures of one node within [`WINDOW`] that exhaust it.
pub(super) const BUDGET: usize = 5;
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// How long an exhausted node starts nothing.
pub(super) const LONG_REST: Duration = Duration::from_secs(60);
/// A key that has run this long since its last failure is trusted again.
const CALM: Duration = Duration::from_secs(60);
const FIRST_REST: Duration = Duration::from_millis(500);
const MOST_REST: Duration = Duration::from_secs(30);

/// How long a key rests after its nth failure in a row: doubled each time, shortened by up to
/// half by `jitter` (0 to 1), so that many keys that failed together do not return together.
pub(super) fn backoff(consecutive: u32, jitter: f64) -> Duration {
    let doubled = FIRST_REST.saturating_mul(1 << consecutive.saturating_sub(1).min(16));
    doubled.min(MOST_REST).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
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
    keys: BTreeMap<String, KeyHistory>,
    recent: VecDeque<Instant>,
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
            keys: BTreeMap::new(),
            recent: VecDeque::new(),
            exhausted_until: None,
            jitter: SmallRng::seed_from_u64(seed.finish()),
            count: 0,
        }
    }

    /// Notes a failure; returns how long the key rests.
    pub(super) fn failed(&mut self, key: &str, now: Instant) -> Duration {
        self.forget_calm(now);
        let consecutive = self.keys.get(key).map_or(1, |history| history.consecutive.saturating_add(1));
        let rest = backoff(consecutive, self.jitter.random());
        let history = KeyHistory { consecutive, failed_at: now, not_before: now + rest, waits: true };
        self.keys.insert(key.to_owned(), history);
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            self.recent.pop_front();
        }
        if self.recent.len() >= BUDGET {
            self.recent.clear();
            self.exhausted_until = Some(now + LONG_REST);
            return LONG_REST;
        }
        rest
    }

    fn forget_calm(&mut self, now: Instant) {
        let is_calm = |history: &KeyHistory| now.duration_since(history.failed_at) > CALM + MOST_REST;
        self.keys.retain(|_, history| history.waits || !is_calm(history));
        for history in self.keys.values_mut().filter(|history| !history.waits) {
            if now.saturating_duration_since(history.not_before) > CALM {
                history.consecutive = 0;
            }
        }
    }

    pub(super) fn may_start(&self, key: &str, now: Instant) -> bool {
        !self.is_exhausted(now) && self.keys.get(key).is_none_or(|history| history.not_before <= now)
    }

    /// Notes a start; true when it follows a failure.
    pub(super) fn started(&mut self, key: &str) -> bool {
        let restarted = self.keys.get_mut(key).is_some_and(|history| std::mem::take(&mut history.waits));
        self.count += u64::from(restarted);
        restarted
    }

    pub(super) fn is_exhausted(&self, now: Instant) -> bool {
        self.exhausted_until.is_some_and(|until| now < until)
    }

    pub(super) fn is_resting(&self) -> bool {
        self.keys.values().any(|history| history.waits)
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
