//! A change of the running topology: what is new starts downstream first, what has changed is handed
//! over, what has gone drains upstream first.

use super::{
    change::{Applied, Change, Handover, NotApplied, Rescaled},
    drain::{Drainable, Straggler, drain},
    health::Phase,
    member::Member,
    node::{BuiltNode, End, HandedOver, Replace},
    policy::Moment,
    supervisor::Supervisor,
};
use actix::prelude::*;
use futures::future::{join, join_all};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Share of the deadline that handovers may take when something has to drain after them.
const HANDOVERS: f64 = 0.75;
/// Beyond its deadline, how long a node may take to answer.
const GRACE: Duration = Duration::from_secs(2);

/// A node and how its handover went.
type Outcome = (Arc<str>, HandedOver);

impl Supervisor {
    /// Applies a change; the answer comes when it is done.
    pub(super) fn apply(
        &mut self,
        change: Change,
        answer: oneshot::Sender<Result<Applied, NotApplied>>,
        context: &mut Context<Self>,
    ) {
        if let Err(refused) = self.fits(&change) {
            // Whoever asked may have gone.
            let _ = answer.send(Err(refused));
            return;
        }
        tracing::debug!(?change, "the topology is being changed");
        self.is_changing = true;
        let Change { topology, order, added, replaced, rescaled, removed, deadline } = change;
        let until = Deadlines::new(deadline, removed.is_empty());
        let mut applied = Applied { added: self.add(added, &order), ..Applied::default() };
        let (rolling, switching): (Vec<_>, Vec<_>) =
            replaced.into_iter().partition(|built| built.handover == Handover::Rolling);
        let rolling = self.hand_over(rolling, &order, until.all);
        let switching = self.hand_over(switching, &order, until.handovers);
        applied.rescaled = self.rescale(rescaled);
        let leaving = self.leaving(&removed);
        let done = carry_out(rolling, switching, leaving, until.all).into_actor(self);
        context.spawn(done.map(move |(outcomes, stragglers), supervisor, context| {
            for (name, outcome) in outcomes {
                note(&mut applied, name, outcome);
            }
            applied.stragglers.extend(stragglers);
            applied.removed.clone_from(&removed);
            supervisor.remove(&removed, context);
            supervisor.arrange(topology, &order);
            supervisor.deadline = deadline;
            tracing::debug!(?applied, "the topology was changed");
            let _ = answer.send(Ok(applied));
        }));
    }

    fn fits(&self, change: &Change) -> Result<(), NotApplied> {
        match self.phase {
            Phase::Running => {}
            Phase::Starting => return Err(NotApplied::NotRunning("starting")),
            Phase::Draining | Phase::Drained => return Err(NotApplied::NotRunning("draining")),
        }
        if self.is_changing {
            return Err(NotApplied::Busy);
        }
        let running: BTreeSet<&Arc<str>> = self.members.iter().map(|member| &member.name).collect();
        let gone: BTreeSet<&Arc<str>> = change.removed.iter().collect();
        let replaced = change.replaced.iter().map(|built| &built.name);
        let replaced = replaced.chain(change.rescaled.iter().map(|rescaled| &rescaled.name));
        if let Some(unknown) = replaced.chain(&change.removed).find(|name| !running.contains(name)) {
            return Err(NotApplied::Unknown(Arc::clone(unknown)));
        }
        let mut added = change.added.iter().map(|built| &built.name);
        if let Some(exists) = added.find(|name| running.contains(name)) {
            return Err(NotApplied::Exists(Arc::clone(exists)));
        }
        let ordered: BTreeSet<&Arc<str>> = change.order.iter().collect();
        let stay = running.into_iter().filter(|name| !gone.contains(name));
        let mut all = stay.chain(change.added.iter().map(|built| &built.name));
        match all.find(|name| !ordered.contains(name)) {
            Some(unordered) => Err(NotApplied::Unordered(Arc::clone(unordered))),
            None => Ok(()),
        }
    }

    /// Starts new nodes, downstream first.
    fn add(&mut self, mut added: Vec<BuiltNode>, order: &[Arc<str>]) -> Vec<Arc<str>> {
        let now = Moment::now();
        downstream_first(&mut added, order);
        let mut names = Vec::with_capacity(added.len());
        for built in added {
            let name = Arc::clone(&built.name);
            let kept = self.keeper.recall(&name);
            self.members.push(Member::start(built, &self.tasks_on, kept, now));
            names.push(name);
        }
        names
    }

    /// Asks nodes to hand over, downstream first; all at once, for between any two of them records lie
    /// on the disk.
    fn hand_over(
        &mut self,
        mut replaced: Vec<BuiltNode>,
        order: &[Arc<str>],
        until: Instant,
    ) -> Vec<impl Future<Output = Outcome> + use<>> {
        let now = Moment::now();
        downstream_first(&mut replaced, order);
        let mut asked = Vec::with_capacity(replaced.len());
        for built in replaced {
            let Some(member) = self.member(&built.name) else { continue };
            member.redefine(&built, now);
            let revision = member.revision;
            let name = Arc::clone(&built.name);
            let wait = until.saturating_duration_since(now.instant) + GRACE;
            let answer = member.node.send(Replace { built, until, revision }).timeout(wait);
            member.deliver(now);
            asked.push(async move { (name, answer.await.unwrap_or(HandedOver::Refreshing)) });
        }
        asked
    }

    /// Pools whose workers run on under other terms.
    fn rescale(&mut self, rescaled: Vec<Rescaled>) -> Vec<Arc<str>> {
        let now = Moment::now();
        let mut names = Vec::with_capacity(rescaled.len());
        for Rescaled { name, terms } in rescaled {
            let Some(member) = self.member(&name) else { continue };
            member.rescale(terms, now);
            names.push(name);
        }
        names
    }

    fn leaving(&self, removed: &[Arc<str>]) -> Vec<Drainable> {
        let leaves = self.members.iter().filter(|member| removed.contains(&member.name));
        leaves.map(Member::drainable).collect()
    }

    /// The actors of nodes that have left end as soon as their mailboxes have room for the order.
    pub(super) fn remove(&mut self, removed: &[Arc<str>], context: &mut Context<Self>) {
        let gone = self.members.extract_if(.., |member| removed.contains(&member.name));
        for member in gone.collect::<Vec<_>>() {
            member.forget();
            // A node that has ended already is as good.
            context.spawn(member.node.send(End).into_actor(self).map(|_, _, _| ()));
        }
    }

    /// The members lie in the order of the new topology.
    fn arrange(&mut self, topology: String, order: &[Arc<str>]) {
        self.members.sort_by_key(|member| order.iter().position(|name| *name == member.name));
        self.topology = topology;
        self.is_changing = false;
        self.publish();
    }
}

/// Until when handovers and drains may take.
#[derive(Debug, Clone, Copy)]
struct Deadlines {
    handovers: Instant,
    all: Instant,
}

impl Deadlines {
    fn new(deadline: Duration, nothing_leaves: bool) -> Self {
        let begun = Instant::now();
        let handovers = if nothing_leaves { deadline } else { deadline.mul_f64(HANDOVERS) };
        Self { handovers: begun + handovers, all: begun + deadline }
    }
}

fn downstream_first(nodes: &mut [BuiltNode], order: &[Arc<str>]) {
    nodes.sort_by_key(|built| std::cmp::Reverse(order.iter().position(|name| *name == built.name)));
}

/// Drains what leaves once nothing is handed over that might still send to it. Workers that are being
/// replaced go on beside that.
async fn carry_out<T: Future<Output = Outcome>>(
    rolling: Vec<T>,
    switching: Vec<T>,
    leaving: Vec<Drainable>,
    until: Instant,
) -> (Vec<Outcome>, Vec<Straggler>) {
    let switched = async {
        let outcomes = join_all(switching).await;
        let left = until.saturating_duration_since(Instant::now());
        let stragglers = if leaving.is_empty() { Vec::new() } else { drain(leaving, left).await };
        (outcomes, stragglers)
    };
    let (mut outcomes, (others, stragglers)) = join(join_all(rolling), switched).await;
    outcomes.extend(others);
    (outcomes, stragglers)
}

fn note(applied: &mut Applied, name: Arc<str>, outcome: HandedOver) {
    match outcome {
        HandedOver::Done { cut_off } => {
            if !cut_off.is_empty() {
                applied.stragglers.push(Straggler { node: name.to_string(), tasks: cut_off });
            }
            applied.replaced.push(name);
        }
        HandedOver::Refreshing => applied.refreshing.push(name),
        HandedOver::RolledBack(why) => applied.rolled_back.push((name, why)),
        HandedOver::Refused => applied.rolled_back.push((name, "the node drains".to_owned())),
    }
}
