//! The root actor: observes all nodes, scales the pools, publishes health, drains in order.

use super::{
    drain::{Straggler, abort, drain},
    health::{Health, NodeState, Phase, PoolPages},
    member::Member,
    memory::{Keeper, Kept},
    node::{BuiltNode, NodeReport, Observe},
    policy::Moment,
};
use crate::{pipeline::now_ms, storage::Store};
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

/// What a node tells, by its name.
type Answer = (Arc<str>, Result<NodeReport, MailboxError>);

/// Stops in order; answers with those that had not finished at the deadline.
#[derive(Message)]
#[rtype(result = "Vec<Straggler>")]
pub(super) struct DrainAll;

/// Cuts off everything at once.
#[derive(Message)]
#[rtype(result = "Vec<Straggler>")]
pub(super) struct AbortAll;

/// The actor above all nodes.
pub(super) struct Supervisor {
    pub(super) topology: String,
    pub(super) members: Vec<Member>,
    pub(super) tasks_on: Handle,
    pub(super) phase: Phase,
    /// A change of the topology is being applied.
    pub(super) is_changing: bool,
    pub(super) keeper: Keeper,
    /// How long a stop may take.
    pub(super) deadline: Duration,
    health: watch::Sender<Arc<Health>>,
    started_at_ms: i64,
    /// When the nodes were asked for what they last told.
    observed_at_ms: i64,
    is_observing: bool,
}

impl Supervisor {
    /// Starts an actor for each node, on the current system.
    pub(super) fn begin(
        topology: &str,
        nodes: Vec<BuiltNode>,
        tasks_on: &Handle,
        health: watch::Sender<Arc<Health>>,
        store: Option<Store>,
        deadline: Duration,
    ) -> Addr<Self> {
        let keeper = Keeper::new(store, tasks_on.clone());
        let now = Moment::now();
        let start = |built: BuiltNode| {
            let kept = keeper.recall(&built.name);
            Member::start(built, tasks_on, kept, now)
        };
        let members = nodes.into_iter().map(start).collect();
        Self {
            topology: topology.to_owned(),
            members,
            tasks_on: tasks_on.clone(),
            phase: Phase::Starting,
            is_changing: false,
            keeper,
            deadline,
            health,
            started_at_ms: now_ms(),
            observed_at_ms: 0,
            is_observing: false,
        }
        .start()
    }

    fn observe(&mut self, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_observing, true) {
            return;
        }
        let asked_at_ms = now_ms();
        let answered = self.ask().into_actor(self);
        context.spawn(answered.map(move |answers, supervisor, context| {
            (supervisor.is_observing, supervisor.observed_at_ms) = (false, asked_at_ms);
            supervisor.take_in(answers);
            let pause = if supervisor.phase == Phase::Starting { OBSERVE_STARTING } else { OBSERVE_EVERY };
            context.run_later(pause, Self::observe);
        }));
    }

    /// Asks all nodes for what they see.
    fn ask(&self) -> impl Future<Output = Vec<Answer>> + use<> {
        let asked = self.members.iter().map(|member| {
            let (name, asked) = (Arc::clone(&member.name), member.node.send(Observe).timeout(ANSWER));
            async move { (name, asked.await) }
        });
        join_all(asked.collect::<Vec<_>>())
    }

    fn take_in(&mut self, answers: Vec<Answer>) {
        let now = Moment::now();
        let may_scale = self.phase == Phase::Running;
        for (name, answer) in answers {
            // A node may have gone meanwhile.
            let Some(member) = self.member(&name) else { continue };
            match answer {
                Ok(report) => member.take_in(report, now, may_scale),
                Err(error) => member.lose(&error),
            }
        }
        let is_up = |member: &Member| member.state() != NodeState::Starting;
        if self.phase == Phase::Starting && self.members.iter().all(is_up) {
            self.phase = Phase::Running;
            tracing::info!(topology = self.topology, nodes = self.members.len(), "all nodes are up");
        }
        self.keep(now);
        self.publish();
    }

    /// Lets the pools know what came until now, and decides nothing.
    fn learn(&mut self, answers: &[Answer]) {
        let now = Moment::now();
        for (name, answer) in answers {
            if let (Some(member), Ok(report)) = (self.member(name), answer) {
                member.learn(report, now);
            }
        }
    }

    /// What is to be kept of the pools that `fit`.
    fn kept(&self, now: Moment, fit: impl Fn(&str) -> bool) -> Vec<(Arc<str>, Kept)> {
        let fitting = self.members.iter().filter(|member| fit(&member.name));
        fitting
            .filter_map(|member| Some((Arc::clone(&member.name), member.pool.as_ref()?.keep(now))))
            .collect()
    }

    fn keep(&mut self, now: Moment) {
        let kept = self.kept(now, |pool| self.keeper.is_due(now.instant, pool));
        self.keeper.keep(now.instant, now.wall.as_millisecond(), kept);
    }

    fn keep_all(&mut self) -> impl Future<Output = ()> + use<> {
        let now = Moment::now();
        let kept = self.kept(now, |_| true);
        self.keeper.keep_all(now.instant, now.wall.as_millisecond(), kept)
    }

    pub(super) fn member(&mut self, name: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| &*member.name == name)
    }

    pub(super) fn publish(&self) {
        let nodes = self.members.iter().map(|member| (member.name.to_string(), member.health())).collect();
        let pages = self.members.iter().filter_map(|member| {
            let (pool, report) = (member.pool.as_ref()?, member.report.as_ref());
            let pages = PoolPages {
                activities: pool.activities().clone(),
                workers: report.map(|report| Arc::clone(&report.workers)).unwrap_or_default(),
                refreshes: report.map(|report| report.refreshes.clone()).unwrap_or_default(),
            };
            Some((member.name.to_string(), pages))
        });
        self.health.send_replace(Arc::new(Health {
            topology: self.topology.clone(),
            phase: self.phase,
            ready: self.phase == Phase::Running,
            started_at_ms: self.started_at_ms,
            observed_at_ms: self.observed_at_ms,
            nodes,
            pools: pages.collect(),
        }));
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

    fn handle(&mut self, _: DrainAll, _: &mut Self::Context) -> Self::Result {
        self.phase = Phase::Draining;
        self.publish();
        // What came since the nodes were last asked is known to nobody who starts after this.
        let asked = self.ask().into_actor(self);
        let drained = asked.then(|answers, supervisor, _| {
            supervisor.learn(&answers);
            let (kept, deadline) = (supervisor.keep_all(), supervisor.deadline);
            let drainable = supervisor.members.iter().map(Member::drainable).collect();
            let drained = async move {
                let stragglers = drain(drainable, deadline).await;
                kept.await;
                stragglers
            };
            drained.into_actor(supervisor)
        });
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
        let nodes: Vec<_> = self.members.iter().map(Member::drainable).collect();
        Box::pin(async move { abort(nodes.iter()).await })
    }
}
