//! The root actor: observes all nodes, scales the pools, publishes health, drains in order.

use super::{
    drain::{Drainable, Straggler, abort, drain},
    health::{Health, NodeHealth, NodeState, Phase},
    node::{BuiltNode, Node, NodeReport, Observe, Resize},
    policy::Moment,
    pool::Pool,
};
use crate::pipeline::now_ms;
use actix::prelude::*;
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::watch};

/// How often every node is observed and every pool considered.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);
/// The same while nodes are still coming up, so that readiness is seen soon.
const OBSERVE_STARTING: Duration = Duration::from_millis(100);
/// Longest wait for a node's answer.
const ANSWER: Duration = Duration::from_millis(900);

/// Stops in order; answers with those that had not finished at the deadline.
#[derive(Message)]
#[rtype(result = "Vec<Straggler>")]
pub(super) struct DrainAll {
    pub deadline: Duration,
}

/// Cuts off everything at once.
#[derive(Message)]
#[rtype(result = "Vec<Straggler>")]
pub(super) struct AbortAll;

struct Member {
    name: Arc<str>,
    kind: crate::pipeline::Kind,
    node: Addr<Node>,
    pool: Option<Pool>,
    report: Option<NodeReport>,
    /// Its actor no longer answers.
    lost: Option<String>,
}

/// The actor above all nodes.
pub(super) struct Supervisor {
    topology: String,
    members: Vec<Member>,
    health: watch::Sender<Arc<Health>>,
    phase: Phase,
    started_at_ms: i64,
    is_observing: bool,
}

impl Supervisor {
    /// Starts an actor for each node, on the current system.
    pub(super) fn begin(
        topology: &str,
        nodes: Vec<BuiltNode>,
        tasks_on: &Handle,
        health: watch::Sender<Arc<Health>>,
    ) -> Addr<Self> {
        let member = |built: BuiltNode| Member {
            name: Arc::clone(&built.name),
            kind: built.kind(),
            pool: built.scale.clone().map(Pool::new),
            node: Node::new(built, tasks_on.clone()).start(),
            report: None,
            lost: None,
        };
        let members = nodes.into_iter().map(member).collect();
        Self {
            topology: topology.to_owned(),
            members,
            health,
            phase: Phase::Starting,
            started_at_ms: now_ms(),
            is_observing: false,
        }
        .start()
    }

    fn observe(&mut self, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_observing, true) {
            return;
        }
        let asked: Vec<_> =
            self.members.iter().map(|member| member.node.send(Observe).timeout(ANSWER)).collect();
        let answered = join_all(asked).into_actor(self).map(|answers, supervisor, context| {
            supervisor.is_observing = false;
            supervisor.take_in(answers);
            let pause = if supervisor.phase == Phase::Starting { OBSERVE_STARTING } else { OBSERVE_EVERY };
            context.run_later(pause, Self::observe);
        });
        context.spawn(answered);
    }

    fn take_in(&mut self, answers: Vec<Result<NodeReport, MailboxError>>) {
        let (now, at_ms) = (Moment::now(), now_ms());
        let may_scale = self.phase == Phase::Running;
        for (member, answer) in self.members.iter_mut().zip(answers) {
            match answer {
                Ok(report) => {
                    if may_scale {
                        member.scale(now, at_ms, &report);
                    }
                    (member.report, member.lost) = (Some(report), None);
                }
                Err(error) if member.lost.is_none() => {
                    tracing::error!(node = %member.name, %error, "a node's actor does not answer");
                    member.lost = Some(format!("actor: {error}"));
                }
                Err(_) => {}
            }
        }
        let is_up = |member: &Member| member.state() != NodeState::Starting;
        if self.phase == Phase::Starting && self.members.iter().all(is_up) {
            self.phase = Phase::Running;
            tracing::info!(topology = self.topology, nodes = self.members.len(), "all nodes are up");
        }
        self.publish();
    }

    fn publish(&self) {
        let nodes = self.members.iter().map(|member| (member.name.to_string(), member.health())).collect();
        let pools =
            self.members.iter().filter_map(|member| Some((member.name.to_string(), member.pool.as_ref()?)));
        self.health.send_replace(Arc::new(Health {
            topology: self.topology.clone(),
            phase: self.phase,
            ready: self.phase == Phase::Running,
            started_at_ms: self.started_at_ms,
            observed_at_ms: now_ms(),
            nodes,
            activities: pools.map(|(name, pool)| (name, pool.activities().clone())).collect(),
        }));
    }

    fn drainable(&self) -> Vec<Drainable> {
        let drainable = |member: &Member| Drainable {
            name: Arc::clone(&member.name),
            kind: member.kind,
            node: member.node.clone(),
        };
        self.members.iter().map(drainable).collect()
    }
}

impl Member {
    fn scale(&mut self, now: Moment, at_ms: i64, report: &NodeReport) {
        let Some(pool) = &mut self.pool else { return };
        let Some(decision) = pool.consider(now, &report.observation) else { return };
        // A full mailbox is no loss: the same decision comes again in a second.
        if self.node.try_send(Resize(decision.to)).is_err() {
            return;
        }
        let activity = pool.ordered(decision, at_ms);
        tracing::info!(
            node = %self.name,
            from = activity.from,
            to = activity.to,
            because = activity.because,
            "pool scaled"
        );
    }

    fn state(&self) -> NodeState {
        match (&self.lost, &self.report) {
            (Some(_), _) => NodeState::Failed,
            (None, Some(report)) => report.state,
            (None, None) => NodeState::Starting,
        }
    }

    fn health(&self) -> NodeHealth {
        let report = self.report.as_ref();
        let observation = report.map(|report| report.observation.clone()).unwrap_or_default();
        NodeHealth {
            kind: self.kind,
            state: self.state(),
            pool: self.pool.as_ref().map(|pool| pool.health(observation.in_service)),
            observation: observation.into(),
            tasks: report.map(|report| report.alive.clone()).unwrap_or_default(),
            restarts: report.map_or(0, |report| report.restarts),
            last_error: self.lost.clone().or_else(|| report.and_then(|report| report.last_error.clone())),
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.observe(context);
    }
}

impl Handler<DrainAll> for Supervisor {
    type Result = ResponseActFuture<Self, Vec<Straggler>>;

    fn handle(&mut self, DrainAll { deadline }: DrainAll, _: &mut Self::Context) -> Self::Result {
        self.phase = Phase::Draining;
        self.publish();
        let drained = drain(self.drainable(), deadline).into_actor(self);
        Box::pin(drained.map(|stragglers, supervisor, _| {
            if stragglers.is_empty() {
                supervisor.phase = Phase::Drained;
            }
            supervisor.publish();
            stragglers
        }))
    }
}

impl Handler<AbortAll> for Supervisor {
    type Result = ResponseFuture<Vec<Straggler>>;

    fn handle(&mut self, _: AbortAll, _: &mut Self::Context) -> Self::Result {
        self.phase = Phase::Draining;
        self.publish();
        let nodes = self.drainable();
        Box::pin(async move { abort(nodes.iter()).await })
    }
}
