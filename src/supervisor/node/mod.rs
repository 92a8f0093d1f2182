//! The one actor type behind every node of a topology.

mod handlers;
mod messages;
mod observing;
mod rolling;
mod succession;
mod version;

pub(super) use messages::{
    Abort, Drain, End, EndRefresh, HandedOver, NodeReport, NotRefreshed, Observe, Replace, Resize, SetTerms,
    StartRefresh, Terminate,
};

use super::{
    change::Handover,
    health::NodeState,
    refresh::{Refresh, RefreshReport},
    terms::NodeTerms,
};
use crate::{
    pipeline::{Kind, Observation, Stage, Tasks},
    telemetry::NodeMetrics,
};
use actix::prelude::*;
use observing::Carried;
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use succession::{Leaving, Next};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
};
use version::Version;

/// How often a node makes its tasks match what is desired when nothing wakes it.
const IDLE: Duration = Duration::from_secs(1);
/// The same while its stage is being replaced, or something is overdue.
const BRISK: Duration = Duration::from_millis(100);
/// Ends of tasks that come together are taken in together.
const GATHER: Duration = Duration::from_millis(5);
/// Refreshes that have ended and are still shown.
const REMEMBERED: usize = 20;

/// A node that has been wired and waits for its actor.
pub struct BuiltNode {
    pub name: Arc<str>,
    pub stage: Box<dyn Stage>,
    pub metrics: NodeMetrics,
    /// How it takes over from an earlier stage of the same node.
    pub handover: Handover,
    pub terms: NodeTerms,
    /// Which definition of the node its stage was built from: raised by each change that needs another one. Workers of
    /// a definition are not replaced by others of it.
    pub definition: u64,
}

impl BuiltNode {
    /// A node that is handed over as its kind allows.
    pub fn new(name: Arc<str>, stage: Box<dyn Stage>, terms: NodeTerms, metrics: NodeMetrics) -> Self {
        let handover = match stage.kind() {
            Kind::Ingress => Handover::Overlap,
            Kind::Workers => Handover::Rolling,
            Kind::Stream | Kind::Queue | Kind::Raw | Kind::Loader => Handover::Sequential,
        };
        Self { name, stage, metrics, handover, terms, definition: 0 }
    }

    pub fn kind(&self) -> Kind {
        self.stage.kind()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    Draining,
    Drained,
}

/// Holds a stage and its tasks, and makes them match the desired capacity.
pub(super) struct Node {
    name: Arc<str>,
    tasks_on: Handle,
    metrics: NodeMetrics,
    desired: u32,
    phase: Phase,
    current: Version,
    /// The stage before, while its workers are replaced or can still be put back.
    former: Option<Version>,
    /// Stages that finish what they hold.
    leaving: Vec<Leaving>,
    /// The stage that starts when the current one has drained.
    next: Option<Next>,
    /// Raised with each stage and each change of terms, by whoever orders it.
    revision: u64,
    refresh: Option<Refresh>,
    refreshes: VecDeque<RefreshReport>,
    refresh_ids: u64,
    /// Who waits for the end of a refresh that came with a change, and for how long.
    awaited: Option<(oneshot::Sender<HandedOver>, Instant)>,
    carried: Carried,
    observation: Observation,
    drained: watch::Sender<bool>,
}

impl Node {
    /// A node that begins with `desired` workers.
    pub(super) fn new(built: BuiltNode, desired: u32, tasks_on: Handle) -> Self {
        let tasks = Tasks::new(tasks_on.clone(), Arc::clone(&built.name)).counted_in(built.metrics.clone());
        Self {
            desired,
            current: Version::new(built.stage, tasks, tasks_on.clone(), built.metrics.clone(), built.terms)
                .defined_as(built.definition),
            name: built.name,
            tasks_on,
            metrics: built.metrics,
            phase: Phase::Starting,
            former: None,
            leaving: Vec::new(),
            next: None,
            revision: 0,
            refresh: None,
            refreshes: VecDeque::new(),
            refresh_ids: 0,
            awaited: None,
            carried: Carried::default(),
            observation: Observation::default(),
            drained: watch::Sender::new(false),
        }
    }

    fn versions(&self) -> impl Iterator<Item = &Version> {
        let leaving = self.leaving.iter().map(|leaving| &leaving.version);
        [&self.current].into_iter().chain(&self.former).chain(leaving)
    }

    fn versions_mut(&mut self) -> impl Iterator<Item = &mut Version> {
        let leaving = self.leaving.iter_mut().map(|leaving| &mut leaving.version);
        [&mut self.current].into_iter().chain(&mut self.former).chain(leaving)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.versions_mut().for_each(Version::reap);
        self.see_off(now);
        match self.phase {
            Phase::Starting | Phase::Running => {
                self.pass_on(now);
                self.reconcile(now);
                self.answer_awaited(now);
            }
            Phase::Draining if self.versions().all(Version::has_ended) => {
                self.phase = Phase::Drained;
                self.observe();
                tracing::info!(node = %self.name, "node drained");
                self.drained.send_replace(true);
            }
            Phase::Draining | Phase::Drained => {}
        }
    }

    fn reconcile(&mut self, now: Instant) {
        if self.next.is_some() {
            return;
        }
        let reconciled = match self.refresh.take() {
            Some(refresh) => self.roll(refresh, now),
            None => {
                self.keep_slots_apart();
                self.current.reconcile(self.desired)
            }
        };
        if reconciled {
            self.phase = Phase::Running;
        }
    }

    /// Two workers of one slot would write one tally: each stage leaves the slots of the others free.
    fn keep_slots_apart(&mut self) {
        if self.former.is_none() && self.leaving.is_empty() {
            self.current.tasks.leave_free([]);
            return;
        }
        let keys: Vec<Vec<String>> = self.versions().map(Version::alive).collect();
        for (place, version) in self.versions_mut().enumerate() {
            let others = keys.iter().enumerate().filter(|(other, _)| *other != place);
            version.tasks.leave_free(others.flat_map(|(_, keys)| keys.iter().cloned()));
        }
    }

    /// How long it may sleep if nothing wakes it.
    fn pause(&self) -> Duration {
        let is_changing = self.next.is_some()
            || !self.leaving.is_empty()
            || self.refresh.as_ref().is_some_and(|refresh| refresh.status().is_active());
        let longest = if is_changing { BRISK } else { IDLE };
        let due = self.versions().filter_map(|version| version.tasks.next_due()).min();
        let Some(due) = due else { return longest };
        match due.saturating_duration_since(Instant::now()) {
            Duration::ZERO => BRISK,
            time => time.min(longest),
        }
    }

    /// Sleeps until something is to be done, does it, and so on.
    fn live(&self, context: &mut Context<Self>) {
        let (wake, pause) = (Arc::clone(self.current.tasks.wake()), self.pause());
        let waited = async move {
            if tokio::time::timeout(pause, wake.notified()).await.is_ok() {
                tokio::time::sleep(GATHER).await;
            }
        };
        context.spawn(waited.into_actor(self).map(|(), node, context| {
            node.tick();
            node.live(context);
        }));
    }

    fn state(&self) -> NodeState {
        let is_at_fault = self.current.fault.is_some() || self.current.tasks.is_exhausted();
        match self.phase {
            Phase::Drained => NodeState::Drained,
            Phase::Draining => NodeState::Draining,
            _ if is_at_fault || self.next.as_ref().is_some_and(Next::is_stuck) => NodeState::Failed,
            Phase::Starting => NodeState::Starting,
            Phase::Running if self.versions().any(|version| version.tasks.is_resting()) => {
                NodeState::Degraded
            }
            Phase::Running => NodeState::Running,
        }
    }
}

impl Actor for Node {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.reconcile(Instant::now());
        self.live(context);
    }
}
