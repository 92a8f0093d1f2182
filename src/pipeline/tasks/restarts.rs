//! When a failed task may start again: backoff for each key, and a budget for the node.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

/// Failures of one node within [`WINDOW`] that exhaust it: this many for each of its workers, so that
/// a large pool is not given up for what a few of its workers meet.
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

/// One failure of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed<'a> {
    pub key: &'a str,
    /// It had done some of its work before: it is no loop of failing starts.
    pub progressed: bool,
    /// Workers of its pool; 1 for a node that is none.
    pub pool: usize,
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
    /// Failures that count towards the budget.
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
    pub(super) fn failed(&mut self, failed: Failed<'_>, now: Instant) -> Duration {
        self.forget_calm(now);
        let before = self.keys.get(failed.key).map_or(0, |history| history.consecutive);
        let consecutive = if failed.progressed { 1 } else { before.saturating_add(1) };
        let rest = backoff(consecutive, self.jitter.random());
        let history = KeyHistory { consecutive, failed_at: now, not_before: now + rest, waits: true };
        self.keys.insert(failed.key.to_owned(), history);
        self.count_towards_budget(failed, now);
        if self.recent.len() >= BUDGET.saturating_mul(failed.pool.max(1)) {
            self.recent.clear();
            self.exhausted_until = Some(now + LONG_REST);
            return LONG_REST;
        }
        rest
    }

    /// A failure after work was done gives one back: the pool gets on, however rough the way.
    fn count_towards_budget(&mut self, failed: Failed<'_>, now: Instant) {
        if failed.progressed {
            self.recent.pop_front();
        } else {
            self.recent.push_back(now);
        }
        while self.recent.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            self.recent.pop_front();
        }
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
