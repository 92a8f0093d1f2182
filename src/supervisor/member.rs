//! A node as the supervisor knows it.

use super::{
    drain::Drainable,
    health::{NodeHealth, NodeState},
    memory::Kept,
    node::{BuiltNode, Node, NodeReport, Resize, SetTerms},
    policy::Moment,
    pool::{Pool, Redefined},
    terms::NodeTerms,
};
use crate::{
    pipeline::{Kind, Observation},
    telemetry::NodeMetrics,
};
use actix::prelude::*;
use std::sync::Arc;
use tokio::runtime::Handle;

pub(super) struct Member {
    pub name: Arc<str>,
    pub kind: Kind,
    pub node: Addr<Node>,
    pub pool: Option<Pool>,
    pub report: Option<NodeReport>,
    metrics: NodeMetrics,
    /// Raised with each stage and each change of terms; reports of before know nothing of the latest.
    pub revision: u64,
    /// Given, and not yet handed to the node.
    undelivered: Option<SetTerms>,
    /// Its actor no longer answers.
    lost: Option<String>,
}

impl Member {
    /// Starts a node's actor, on the current system. A pool goes on with what was kept of it.
    pub(super) fn start(built: BuiltNode, tasks_on: &Handle, kept: Kept, now: Moment) -> Self {
        let metrics = built.metrics.clone();
        let pool = built.terms.scale.clone().map(|scale| Pool::new(scale, metrics.pool(), kept, now));
        let (name, kind) = (Arc::clone(&built.name), built.kind());
        let desired = pool.as_ref().map_or(1, |pool| pool.desired().0);
        let node = Node::new(built, desired, tasks_on.clone()).start();
        let (report, undelivered, lost) = (None, None, None);
        Self { name, kind, node, pool, report, metrics, revision: 0, undelivered, lost }
    }

    /// It goes on as another kind or under other bounds.
    pub(super) fn redefine(&mut self, built: &BuiltNode, now: Moment) {
        self.kind = built.kind();
        self.metrics = built.metrics.clone();
        self.revision += 1;
        self.undelivered = None;
        match (&mut self.pool, built.terms.scale.clone()) {
            (Some(pool), Some(scale)) => pool.redefine(scale, Redefined::ByTopology, now),
            (pool, scale) => {
                *pool = scale.map(|scale| Pool::new(scale, built.metrics.pool(), Kept::default(), now))
            }
        }
    }

    /// Its workers run on under other terms.
    pub(super) fn rescale(&mut self, terms: NodeTerms, now: Moment) {
        if let (Some(pool), Some(scale)) = (&mut self.pool, terms.scale.clone()) {
            pool.redefine(scale, Redefined::ByTopology, now);
        }
        self.revision += 1;
        self.undelivered = Some(SetTerms { terms, revision: self.revision });
        self.deliver(now);
    }

    /// What waits for it is shown no more.
    pub(super) fn forget(&self) {
        self.metrics.forget();
    }

    /// Takes in a report; a pool that may scale considers it.
    pub(super) fn take_in(&mut self, report: NodeReport, now: Moment, may_scale: bool) {
        if let Some(pool) = &mut self.pool {
            let at_ms = now.wall.as_millisecond();
            if let Some(scale) = report.scale.clone().filter(|_| report.revision == self.revision) {
                pool.redefine(scale, Redefined::ByRollback, now);
            }
            let seen = &report.observation;
            pool.reported(at_ms, seen, report.restarts, report.last_error.as_deref(), &report.refreshes);
            if may_scale {
                pool.consider(now, seen);
            }
        }
        (self.report, self.lost) = (Some(report), None);
        self.deliver(now);
    }

    /// Lets its pool learn from the last report before a stop.
    pub(super) fn learn(&mut self, report: &NodeReport, now: Moment) {
        if let Some(pool) = &mut self.pool {
            pool.learn(now, &report.observation);
        }
    }

    pub(super) fn lose(&mut self, error: &MailboxError) {
        if self.lost.is_none() {
            tracing::error!(node = %self.name, %error, "a node's actor does not answer");
            self.lost = Some(format!("actor: {error}"));
        }
    }

    /// Hands terms and orders to the node. A full mailbox is no loss: it is tried again in a second.
    pub(super) fn deliver(&mut self, now: Moment) {
        if let Some(terms) = self.undelivered.take_if(|terms| self.node.try_send(terms.clone()).is_ok()) {
            tracing::debug!(node = %self.name, revision = terms.revision, "a node has new terms");
        }
        let Some(pool) = &mut self.pool else { return };
        let Some(to) = pool.undelivered() else { return };
        if self.node.try_send(Resize(to)).is_ok() {
            pool.delivered(now.wall.as_millisecond());
        }
    }

    pub(super) fn drainable(&self) -> Drainable {
        Drainable { name: Arc::clone(&self.name), kind: self.kind, node: self.node.clone() }
    }

    pub(super) fn state(&self) -> NodeState {
        match (&self.lost, &self.report) {
            (Some(_), _) => NodeState::Failed,
            (None, Some(report)) => report.state,
            (None, None) => NodeState::Starting,
        }
    }

    pub(super) fn health(&self) -> NodeHealth {
        let report = self.report.as_ref();
        let seen: Observation = report.map(|report| report.observation.clone()).unwrap_or_default();
        let protected = report.map_or(0, |report| report.protected);
        NodeHealth {
            kind: self.kind,
            state: self.state(),
            pool: self.pool.as_ref().map(|pool| pool.health(&seen, protected)),
            observation: seen.into(),
            tasks: report.map(|report| report.alive.clone()).unwrap_or_default(),
            restarts: report.map_or(0, |report| report.restarts),
            last_error: self.lost.clone().or_else(|| report.and_then(|report| report.last_error.clone())),
        }
    }
}
