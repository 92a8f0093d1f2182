//! The one actor type behind every node of a topology.

use super::{change::Handover, health::NodeState, policy::Autoscaler};
use crate::{
    pipeline::{Capacity, Kind, Observation, RefreshSettings, Scale, Stage, TaskExit, Tasks},
    telemetry::NodeMetrics,
};
use actix::prelude::*;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};
use tokio::{runtime::Handle, sync::watch};

/// How often a node reaps its ended tasks and makes the rest match what is desired.
const TICK: Duration = Duration::from_millis(100);

/// A node that has been wired and waits for its actor.
pub struct BuiltNode {
    pub name: Arc<str>,
    pub stage: Box<dyn Stage>,
    /// Bounds of its pool; a node without runs with a capacity of one.
    pub scale: Option<Scale>,
    pub metrics: NodeMetrics,
    /// How it takes over from an earlier stage of the same node.
    pub handover: Handover,
    /// How its workers are replaced.
    pub refresh: RefreshSettings,
}

impl BuiltNode {
    /// A node that is handed over as its kind allows, and refreshed by default settings.
    pub fn new(name: Arc<str>, stage: Box<dyn Stage>, scale: Option<Scale>, metrics: NodeMetrics) -> Self {
        let handover = match stage.kind() {
            Kind::Ingress => Handover::Overlap,
            Kind::Workers => Handover::Rolling,
            Kind::Stream | Kind::Queue | Kind::Raw | Kind::Loader => Handover::Sequential,
        };
        Self { name, stage, scale, metrics, handover, refresh: RefreshSettings::default() }
    }

    pub fn kind(&self) -> Kind {
        self.stage.kind()
    }
}

/// What a node tells its supervisor.
#[derive(Debug, Clone)]
pub(super) struct NodeReport {
    pub state: NodeState,
    pub observation: Observation,
    /// Keys of the tasks that have not ended.
    pub alive: Vec<String>,
    pub restarts: u64,
    pub last_error: Option<String>,
}

/// Asks a node how it is.
#[derive(Message)]
#[rtype(result = "NodeReport")]
pub(super) struct Observe;

/// Orders a capacity.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Resize(pub Capacity);

/// Asks a node to take no new input and finish what it holds; answered when its tasks have ended.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Drain;

/// Cuts a node's tasks off; answers with the keys of those that were still running.
#[derive(Message)]
#[rtype(result = "Vec<String>")]
pub(super) struct Abort;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    Draining,
    Drained,
}

/// Holds a stage and its tasks, and makes them match the desired capacity every tick.
pub(super) struct Node {
    name: Arc<str>,
    stage: Box<dyn Stage>,
    tasks: Tasks,
    tasks_on: Handle,
    metrics: NodeMetrics,
    is_pool: bool,
    desired: Capacity,
    phase: Phase,
    /// Set while the stage's own code panics.
    fault: Option<String>,
    observation: Observation,
    drained: watch::Sender<bool>,
}

impl Node {
    pub(super) fn new(built: BuiltNode, tasks_on: Handle) -> Self {
        let tasks = Tasks::new(tasks_on.clone(), Arc::clone(&built.name)).counted_in(built.metrics.clone());
        Self {
            name: built.name,
            stage: built.stage,
            tasks,
            tasks_on,
            metrics: built.metrics,
            is_pool: built.scale.is_some(),
            desired: built.scale.map_or(Capacity(1), |scale| Autoscaler::new(&scale).desired()),
            phase: Phase::Starting,
            fault: None,
            observation: Observation::default(),
            drained: watch::Sender::new(false),
        }
    }

    /// Calls the stage on the tasks' runtime; a panic there is the node's fault, not the actor's end.
    fn guarded<T>(&mut self, call: impl FnOnce(&mut dyn Stage, &mut Tasks) -> T) -> Option<T> {
        let _on_runtime = self.tasks_on.enter();
        let called = catch_unwind(AssertUnwindSafe(|| call(self.stage.as_mut(), &mut self.tasks)));
        match called {
            Ok(answer) => {
                self.fault = None;
                Some(answer)
            }
            Err(payload) => {
                let message = crate::pipeline::panic_message(payload.as_ref());
                self.metrics.panicked();
                if self.fault.as_deref() != Some(&message) {
                    tracing::error!(node = %self.name, panic = message, "a node's stage panicked");
                }
                self.fault = Some(message);
                None
            }
        }
    }

    fn tick(&mut self) {
        for exit in self.tasks.reap() {
            if let TaskExit::Finished { key } = exit {
                tracing::debug!(node = %self.name, task = key, "task finished");
            }
        }
        match self.phase {
            Phase::Starting | Phase::Running => self.reconcile(),
            Phase::Draining if self.tasks.alive().next().is_none() => {
                self.phase = Phase::Drained;
                self.observe();
                tracing::info!(node = %self.name, "node drained");
                self.drained.send_replace(true);
            }
            Phase::Draining | Phase::Drained => {}
        }
    }

    fn reconcile(&mut self) {
        let desired = self.desired;
        if self.guarded(|stage, tasks| stage.reconcile(desired, tasks)).is_some() {
            self.phase = Phase::Running;
        }
    }

    fn observe(&mut self) {
        if let Some(observation) = self.guarded(|stage, tasks| stage.observe(tasks)) {
            self.observation = observation;
        }
        self.metrics.show_in_flight(self.observation.in_flight);
        if self.is_pool {
            let age = self.observation.oldest_age.unwrap_or_default();
            self.metrics.show_pool(self.desired.0, self.observation.in_service);
            self.metrics.show_waiting(self.observation.backlog, age.as_secs_f64());
        }
        self.metrics.show_healthy(self.state() != NodeState::Failed);
    }

    fn state(&self) -> NodeState {
        match self.phase {
            Phase::Drained => NodeState::Drained,
            Phase::Draining => NodeState::Draining,
            _ if self.fault.is_some() || self.tasks.is_exhausted() => NodeState::Failed,
            Phase::Starting => NodeState::Starting,
            Phase::Running if self.tasks.is_resting() => NodeState::Degraded,
            Phase::Running => NodeState::Running,
        }
    }

    fn report(&self) -> NodeReport {
        let fault = self.fault.as_ref().map(|message| format!("stage panicked: {message}"));
        NodeReport {
            state: self.state(),
            observation: self.observation.clone(),
            alive: self.tasks.alive().map(str::to_owned).collect(),
            restarts: self.tasks.restart_count(),
            last_error: fault.or_else(|| self.tasks.last_error().map(str::to_owned)),
        }
    }
}

impl Actor for Node {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.reconcile();
        context.run_interval(TICK, |node, _| node.tick());
    }
}

impl Handler<Observe> for Node {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        self.observe();
        MessageResult(self.report())
    }
}

impl Handler<Resize> for Node {
    type Result = ();

    fn handle(&mut self, Resize(desired): Resize, _: &mut Self::Context) {
        self.metrics.scaled(self.desired.0, desired.0);
        self.desired = desired;
        if matches!(self.phase, Phase::Starting | Phase::Running) {
            self.reconcile();
        }
    }
}

impl Handler<Drain> for Node {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        if matches!(self.phase, Phase::Starting | Phase::Running) {
            self.phase = Phase::Draining;
            tracing::info!(node = %self.name, tasks = self.tasks.alive().count(), "node drains");
            self.guarded(|stage, tasks| stage.drain(tasks));
            self.tick();
        }
        let mut drained = self.drained.subscribe();
        Box::pin(async move {
            // A switch that has gone means the actor has ended, and its tasks with it.
            let _ = drained.wait_for(|drained| *drained).await;
        })
    }
}

impl Handler<Abort> for Node {
    type Result = MessageResult<Abort>;

    fn handle(&mut self, _: Abort, _: &mut Self::Context) -> Self::Result {
        let alive = self.tasks.alive().map(str::to_owned).collect();
        self.phase = Phase::Draining;
        self.tasks.abort_all();
        MessageResult(alive)
    }
}
