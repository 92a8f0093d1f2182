//! What a node shows of itself, with all of its stages taken together.

use super::{Node, NodeReport, Version};
use crate::{
    pipeline::{Census, Kind, Observation},
    supervisor::health::NodeState,
};

/// What stages that have gone did, so that the node's counters never go back.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Carried {
    arrived: u64,
    processed: u64,
    busy_seconds: f64,
    restarts: u64,
}

impl Node {
    /// Adds up what a stage did that is dropped now.
    pub(super) fn carry(&mut self, mut gone: Version) {
        gone.observe();
        let did = &gone.observation;
        self.carried.processed += did.processed;
        self.carried.busy_seconds += did.busy_seconds;
        self.carried.restarts += gone.tasks.restart_count();
        if gone.kind() == Kind::Workers {
            // Both counted what came to one queue.
            self.current.observe();
            self.carried.arrived += did.arrived.saturating_sub(self.current.observation.arrived);
        } else {
            self.carried.arrived += did.arrived;
        }
    }

    pub(super) fn observe(&mut self) {
        self.versions_mut().for_each(Version::observe);
        let carried = self.carried;
        let mut seen = self.current.observation.clone();
        for other in self.versions().skip(1) {
            add(&mut seen, &other.observation, other.kind());
        }
        seen.arrived += carried.arrived;
        seen.processed += carried.processed;
        seen.busy_seconds += carried.busy_seconds;
        self.observation = seen;
        self.show();
    }

    /// False where the pool is one of permits, which no task stands for.
    pub(super) fn has_workers(&self) -> bool {
        !matches!(self.current.kind(), Kind::Raw | Kind::Loader)
    }

    fn census(&self) -> Census {
        self.versions().map(|version| version.tasks.census()).fold(Census::default(), |sum, census| Census {
            pending: sum.pending + census.pending,
            in_service: sum.in_service + census.in_service,
            draining: sum.draining + census.draining,
            busy: sum.busy + census.busy,
            ..sum
        })
    }

    fn show(&self) {
        self.metrics.show_in_flight(self.observation.in_flight);
        self.metrics.show_healthy(self.state() != NodeState::Failed);
        // Raw stores and loaders show each of their shards.
        if self.current.is_pool() && self.has_workers() {
            let age = self.observation.oldest_age.unwrap_or_default();
            self.metrics.show_waiting(self.observation.backlog, age.as_secs_f64());
        }
    }

    pub(super) fn report(&self) -> NodeReport {
        let faults = self.versions().filter_map(|version| version.fault.as_ref());
        let fault = faults.map(|message| format!("stage panicked: {message}")).next();
        let errors = self.versions().filter_map(|version| version.tasks.last_error());
        let last_error = fault.or_else(|| errors.map(str::to_owned).next());
        let refreshes = self.refreshes.iter().chain(self.refresh.as_ref().map(|refresh| refresh.report()));
        let restarts = self.versions().map(|version| version.tasks.restart_count());
        NodeReport {
            state: self.state(),
            observation: self.observation.clone(),
            alive: self.versions().flat_map(Version::alive).collect(),
            restarts: restarts.sum::<u64>() + self.carried.restarts,
            last_error,
            protected: self.census().busy,
            workers: self.versions().flat_map(|version| version.tasks.workers()).collect(),
            refreshes: refreshes.cloned().collect(),
            revision: self.revision,
            scale: self.current.terms.scale.clone(),
        }
    }
}

fn add(sum: &mut Observation, other: &Observation, kind: Kind) {
    sum.in_flight += other.in_flight;
    sum.processed += other.processed;
    sum.busy_seconds += other.busy_seconds;
    sum.pending += other.pending;
    sum.in_service += other.in_service;
    sum.draining += other.draining;
    sum.oldest_age = sum.oldest_age.max(other.oldest_age);
    if kind == Kind::Workers {
        // One queue: what waits for one waits for both.
        sum.arrived = sum.arrived.max(other.arrived);
        sum.backlog = sum.backlog.max(other.backlog);
    } else {
        sum.arrived += other.arrived;
        sum.backlog += other.backlog;
    }
}
