//! What pools did and cost; pure.

use crate::load::{
    admin::{Activity, Health},
    outcome::Scaling,
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// Longest time between two looks that counts as if nothing had changed: beyond it the daemon was down.
const LONGEST: Duration = Duration::from_secs(5);
/// By hand, which is by a load test's own faults.
const MANUAL: &str = "manual";
/// Told, but not done.
const OBSERVED: &str = "observe_only";

/// Counts decisions once, however often they are told, and adds up workers over time.
#[derive(Debug)]
pub(super) struct Tracked {
    began_ms: i64,
    decisions: BTreeSet<(String, Activity)>,
    worker_seconds: f64,
    last: Option<(Instant, u32)>,
}

impl Tracked {
    pub(super) fn since(began_ms: i64) -> Self {
        Self { began_ms, decisions: BTreeSet::new(), worker_seconds: 0.0, last: None }
    }

    /// Workers of all pools, those that drain too: each counts from one look to the next.
    pub(super) fn see(&mut self, health: &Health, now: Instant) {
        let pools = health.nodes.values().filter_map(|node| node.pool.as_ref());
        let workers = pools.map(|pool| pool.in_service + pool.draining).sum();
        if let Some((before, worked)) = self.last {
            let passed = now.saturating_duration_since(before);
            if passed <= LONGEST {
                self.worker_seconds += f64::from(worked) * passed.as_secs_f64();
            }
        }
        self.last = Some((now, workers));
    }

    pub(super) fn note(&mut self, pool: &str, activities: Vec<Activity>) {
        let decided = activities.into_iter().filter(|one| {
            let is_done = one.cause != MANUAL && one.cause != OBSERVED;
            one.at_ms >= self.began_ms && one.from != one.to && is_done
        });
        self.decisions.extend(decided.map(|one| (pool.to_owned(), one)));
    }

    pub(super) fn scaling(&self) -> Option<Scaling> {
        let actions = self.decisions.len() as u64;
        self.last.map(|_| Scaling { actions, worker_seconds: self.worker_seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::admin::{Node, Pool};

    fn health(in_service: u32, draining: u32) -> Health {
        let pool = Pool { in_service, draining, ..Pool::default() };
        let node = Node { kind: "workers".to_owned(), pool: Some(pool), ..Node::default() };
        let nodes = [("a".to_owned(), node.clone()), ("b".to_owned(), node)];
        Health { nodes: nodes.into_iter().collect(), ..Health::default() }
    }

    fn activity(at_ms: i64, from: u32, to: u32, cause: &str) -> Activity {
        Activity { at_ms, from, to, cause: cause.to_owned() }
    }

    #[test]
    fn workers_count_from_one_look_to_the_next_and_not_while_nobody_looked() {
        let (mut tracked, begun) = (Tracked::since(0), Instant::now());
        assert_eq!(tracked.scaling(), None);
        tracked.see(&health(2, 1), begun);
        tracked.see(&health(1, 0), begun + Duration::from_secs(1));
        tracked.see(&health(5, 0), begun + Duration::from_secs(3));
        tracked.see(&health(5, 0), begun + Duration::from_secs(60));
        assert_eq!(tracked.scaling(), Some(Scaling { actions: 0, worker_seconds: 6.0 + 4.0 }));
    }

    #[test]
    fn a_decision_counts_once_and_only_if_the_run_has_seen_it_change_a_pool() {
        let mut tracked = Tracked::since(1_000);
        tracked.see(&health(1, 0), Instant::now());
        let told = vec![
            activity(999, 1, 2, "policy"),
            activity(1_000, 1, 2, "policy"),
            activity(1_500, 2, 2, "unhealthy"),
            activity(1_600, 2, 0, "manual"),
            activity(1_700, 2, 9, "observe_only"),
            activity(1_800, 2, 3, "schedule"),
        ];
        tracked.note("a", told.clone());
        tracked.note("a", told.clone());
        tracked.note("b", told);
        assert_eq!(tracked.scaling().unwrap().actions, 4);
    }
}
