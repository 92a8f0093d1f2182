//! A pool: bounds, an autoscaler, the capacity last ordered, and the latest activities.

use super::{
    activity::{Activities, ActivityStatus, Cause},
    health::PoolHealth,
    memory::Kept,
    policy::{Autoscaler, Decision, Memory, Moment, OutOfBounds, Verdict},
    refresh::{RefreshReport, RefreshStatus},
};
use crate::{
    pipeline::{Capacity, Observation, Scale},
    telemetry::PoolMetrics,
};

/// An order to the node, and what brought it about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ordered {
    decision: Decision,
    cause: Cause,
}

/// Why a pool goes on under other bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redefined {
    ByTopology,
    /// Its workers are again those of before, and so are its bounds.
    ByRollback,
}

/// What the supervisor knows of a pool.
#[derive(Debug)]
pub(super) struct Pool {
    scale: Scale,
    autoscaler: Autoscaler,
    /// Decided, and not yet handed to the node.
    undelivered: Option<Ordered>,
    delivered: u32,
    activities: Activities,
    metrics: PoolMetrics,
    /// Whether the latest scaling was outwards.
    went_out: Option<bool>,
    restarts: u64,
    refresh: Option<(u64, RefreshStatus)>,
}

impl Pool {
    /// A pool that goes on with what was kept of it.
    pub(super) fn new(scale: Scale, metrics: PoolMetrics, kept: Kept, now: Moment) -> Self {
        let mut autoscaler = Autoscaler::new(&scale);
        if let Some(memory) = &kept.memory {
            autoscaler.recall(now, memory);
        }
        // Whoever suspended the pool holds its capacity, until the topology has something new to say.
        let is_held = |memory: &Memory| autoscaler.is_suspended() && memory.stated == scale.desired;
        if !kept.memory.as_ref().is_some_and(is_held) {
            begin_with(&mut autoscaler, scale.desired, now);
        }
        let delivered = autoscaler.desired().0;
        Self {
            scale,
            autoscaler,
            undelivered: None,
            delivered,
            activities: kept.activities.recalled(),
            metrics,
            went_out: None,
            restarts: 0,
            refresh: None,
        }
    }

    /// Goes on under other bounds and policies, with what was learned.
    pub(super) fn redefine(&mut self, scale: Scale, why: Redefined, now: Moment) {
        if scale == self.scale {
            return;
        }
        self.autoscaler.redefine(&scale, now);
        if why == Redefined::ByTopology && scale.desired != self.scale.desired {
            begin_with(&mut self.autoscaler, scale.desired, now);
        }
        let to = self.autoscaler.desired();
        let (min, max) = (scale.min, scale.max);
        let because = match (why, scale.desired) {
            (Redefined::ByTopology, Some(desired)) if desired == to.0 => {
                format!("the topology says {desired}, within {min} to {max}")
            }
            (Redefined::ByTopology, _) => format!("the topology's bounds are now {min} to {max}"),
            (Redefined::ByRollback, _) => format!("it was rolled back: its bounds are {min} to {max} again"),
        };
        tracing::info!(pool = self.metrics.node(), "{because}");
        self.scale = scale;
        if to.0 != self.delivered {
            let decision = Decision { to, because, by: Decision::BOUNDS };
            self.undelivered = Some(Ordered { decision, cause: Cause::Topology });
        }
    }

    pub(super) fn desired(&self) -> Capacity {
        self.autoscaler.desired()
    }

    /// Lets the policies decide.
    pub(super) fn consider(&mut self, now: Moment, seen: &Observation) {
        match self.autoscaler.decide(now, seen) {
            Verdict::Hold => {}
            Verdict::Scale(decision) => {
                let is_scheduled = decision.by == Decision::SCHEDULE;
                let cause = if is_scheduled { Cause::Schedule } else { Cause::Policy };
                self.undelivered = Some(Ordered { decision, cause });
            }
            Verdict::Would(decision) => self.would(now, decision),
            Verdict::Forecast(Decision { to, because, by }) => {
                tracing::info!(pool = self.metrics.node(), to = to.0, policy = by, because, "pool forecast");
            }
        }
    }

    /// Learns, and decides nothing.
    pub(super) fn learn(&mut self, now: Moment, seen: &Observation) {
        self.autoscaler.learn(now, seen);
    }

    /// What is to be ordered from the node, if anything.
    pub(super) fn undelivered(&self) -> Option<Capacity> {
        self.undelivered.as_ref().map(|ordered| ordered.decision.to)
    }

    fn would(&mut self, now: Moment, decision: Decision) {
        let (at_ms, from) = (now.wall.as_millisecond(), self.delivered);
        let Decision { to, because, by } = &decision;
        tracing::info!(pool = self.metrics.node(), from, to = to.0, policy = by, because, "pool would scale");
        self.metrics.observed(by);
        self.activities.scaled(at_ms, from, decision, Cause::ObserveOnly);
    }

    /// Orders a capacity by hand.
    pub(super) fn set_desired(&mut self, now: Moment, to: u32) -> Result<Decision, OutOfBounds> {
        let decision = self.autoscaler.set_desired(now, Capacity(to), "it was set by hand")?;
        self.undelivered = Some(Ordered { decision: decision.clone(), cause: Cause::Manual });
        Ok(decision)
    }

    pub(super) fn suspend(&mut self, is_suspended: bool, now: Moment) {
        if is_suspended == self.autoscaler.is_suspended() {
            return;
        }
        let because = if is_suspended { "scaling was suspended" } else { "scaling was resumed" };
        if is_suspended {
            self.autoscaler.suspend();
        } else {
            self.autoscaler.resume(now);
        }
        let (at_ms, size) = (now.wall.as_millisecond(), self.delivered);
        tracing::info!(pool = self.metrics.node(), "{because}");
        self.activities.happened(at_ms, size, because.to_owned(), Cause::Manual, ActivityStatus::Successful);
    }

    pub(super) fn terminated(&mut self, id: u64, now: Moment) {
        let because = format!("worker {id} was terminated by hand");
        let (at_ms, size) = (now.wall.as_millisecond(), self.delivered);
        tracing::info!(pool = self.metrics.node(), "{because}");
        self.activities.happened(at_ms, size, because, Cause::Manual, ActivityStatus::Successful);
    }

    /// Notes that what was undelivered has been handed to the node.
    pub(super) fn delivered(&mut self, at_ms: i64) {
        let Some(Ordered { decision, cause }) = self.undelivered.take() else { return };
        let (from, to) = (self.delivered, decision.to.0);
        if from == to {
            return;
        }
        self.metrics.scaled(from, to, decision.by);
        let outwards = to > from;
        if self.went_out.replace(outwards).is_some_and(|before| before != outwards) {
            self.metrics.reversed();
        }
        self.delivered = to;
        let Decision { because, by, .. } = &decision;
        tracing::info!(pool = self.metrics.node(), from, to, ?cause, policy = by, because, "pool scaled");
        self.activities.scaled(at_ms, from, decision, cause);
    }

    /// Takes in what the node reports besides its observation.
    pub(super) fn reported(
        &mut self,
        at_ms: i64,
        seen: &Observation,
        restarts: u64,
        last_error: Option<&str>,
        refreshes: &[RefreshReport],
    ) {
        self.activities.settle(at_ms, seen);
        let replaced = restarts.saturating_sub(self.restarts);
        if replaced > 0 {
            self.activities.replaced(at_ms, self.delivered, replaced, last_error.unwrap_or("unknown"));
        }
        self.restarts = restarts;
        // More than one may have begun or ended since the last report.
        let known = self.refresh.map_or(0, |(id, _)| id);
        refreshes.iter().filter(|refresh| refresh.id >= known).for_each(|refresh| {
            self.note_refresh(at_ms, refresh);
        });
    }

    fn note_refresh(&mut self, at_ms: i64, refresh: &RefreshReport) {
        let before = self.refresh.replace((refresh.id, refresh.status));
        let is_known = before.is_some_and(|(id, _)| id == refresh.id);
        if !is_known {
            let because = format!("refresh {}: {}", refresh.id, refresh.because);
            let (size, status) = (self.delivered, ActivityStatus::InProgress);
            self.activities.happened(at_ms, size, because, Cause::Refresh, status);
        }
        if before.is_some_and(|(id, status)| (id, status) == (refresh.id, refresh.status)) {
            return;
        }
        let reason = refresh.status_reason.as_deref().unwrap_or("every worker was replaced");
        let status = match refresh.status {
            RefreshStatus::InProgress | RefreshStatus::Baking | RefreshStatus::RollbackInProgress => return,
            RefreshStatus::Successful => ActivityStatus::Successful,
            RefreshStatus::Failed | RefreshStatus::RollbackFailed => ActivityStatus::Failed,
            RefreshStatus::Cancelled | RefreshStatus::RollbackSuccessful => ActivityStatus::Cancelled,
        };
        self.activities.refreshed(at_ms, status, &format!("{:?}: {reason}", refresh.status));
    }

    pub(super) fn activities(&self) -> &Activities {
        &self.activities
    }

    /// What is to be kept across a restart.
    pub(super) fn keep(&self, now: Moment) -> Kept {
        Kept { memory: Some(self.autoscaler.remember(now)), activities: self.activities.clone() }
    }

    pub(super) fn health(&self, seen: &Observation, protected: u32) -> PoolHealth {
        let learned = self.autoscaler.learned();
        self.metrics.show_learned(learned.arrivals_per_second, learned.per_worker_per_second, learned.wanted);
        let (min, max) = self.autoscaler.bounds();
        self.metrics.show_bounds(min, max, self.autoscaler.is_suspended());
        self.metrics.show_forecast(learned.forecast);
        let desired = self.autoscaler.desired().0;
        self.metrics.show_workers(desired, seen.in_service, seen.pending, seen.draining, protected);
        PoolHealth {
            min,
            max,
            goal_age_seconds: self.scale.goal_age.0.as_secs_f64(),
            mode: self.scale.mode,
            suspended: self.autoscaler.is_suspended(),
            desired,
            in_service: seen.in_service,
            pending: seen.pending,
            draining: seen.draining,
            protected,
            learned,
        }
    }
}

/// What the topology says to begin with comes before what was kept of a pool that scales. Beyond the bounds of a schedule, which
/// hold at this time, it is as well forgotten.
fn begin_with(autoscaler: &mut Autoscaler, desired: Option<u32>, now: Moment) {
    if let Some(desired) = desired {
        let _ = autoscaler.set_desired(now, Capacity(desired), "the topology says so");
    }
}
