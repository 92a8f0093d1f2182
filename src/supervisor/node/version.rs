//! A stage and its tasks. A node has one, and for a time two while it is handed over.

use crate::supervisor::{policy::Autoscaler, terms::NodeTerms};
use crate::{
    pipeline::{Capacity, Kind, Observation, Stage, TaskExit, Tasks, panic_message},
    telemetry::NodeMetrics,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::runtime::Handle;

pub(super) struct Version {
    /// There until it is dropped.
    stage: Option<Box<dyn Stage>>,
    kind: Kind,
    pub tasks: Tasks,
    /// Set while the stage's own code panics.
    pub fault: Option<String>,
    pub observation: Observation,
    pub terms: NodeTerms,
    /// Which definition of the node its stage was built from.
    pub definition: u64,
    tasks_on: Handle,
    metrics: NodeMetrics,
}

impl Version {
    pub fn new(
        stage: Box<dyn Stage>,
        mut tasks: Tasks,
        tasks_on: Handle,
        metrics: NodeMetrics,
        terms: NodeTerms,
    ) -> Self {
        let (kind, observation) = (stage.kind(), Observation::default());
        tasks.restart_by(terms.restart.clone());
        let (stage, definition) = (Some(stage), 0);
        Self { stage, kind, tasks, fault: None, observation, terms, definition, tasks_on, metrics }
    }

    #[must_use]
    pub fn defined_as(mut self, definition: u64) -> Self {
        self.definition = definition;
        self
    }

    /// Its tasks go on under other terms.
    pub fn set_terms(&mut self, terms: NodeTerms) {
        self.tasks.restart_by(terms.restart.clone());
        self.terms = terms;
    }

    pub fn is_pool(&self) -> bool {
        self.terms.scale.is_some()
    }

    /// What it begins with as a pool; any other node has a capacity of one.
    pub fn first_capacity(&self) -> u32 {
        self.terms.scale.as_ref().map_or(1, |scale| Autoscaler::new(scale).desired().0)
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Calls the stage on the tasks' runtime; a panic there is the node's fault, not the actor's end.
    fn guarded<T>(&mut self, call: impl FnOnce(&mut dyn Stage, &mut Tasks) -> T) -> Option<T> {
        let _on_runtime = self.tasks_on.enter();
        let (stage, tasks) = (self.stage.as_mut()?, &mut self.tasks);
        match catch_unwind(AssertUnwindSafe(|| call(stage.as_mut(), tasks))) {
            Ok(answer) => {
                self.fault = None;
                Some(answer)
            }
            Err(payload) => {
                let message = panic_message(payload.as_ref());
                self.metrics.panicked();
                if self.fault.as_deref() != Some(&message) {
                    tracing::error!(node = self.tasks.node(), panic = message, "a node's stage panicked");
                }
                self.fault = Some(message);
                None
            }
        }
    }

    /// True unless the stage panicked.
    pub fn reconcile(&mut self, desired: u32) -> bool {
        self.guarded(|stage, tasks| stage.reconcile(Capacity(desired), tasks)).is_some()
    }

    pub fn observe(&mut self) {
        if let Some(observation) = self.guarded(|stage, tasks| stage.observe(tasks)) {
            self.observation = observation;
        }
    }

    pub fn drain(&mut self) {
        self.guarded(|stage, tasks| stage.drain(tasks));
    }

    pub fn reap(&mut self) {
        for exit in self.tasks.reap() {
            if let TaskExit::Finished { key } = exit {
                tracing::debug!(node = self.tasks.node(), task = key, "task finished");
            }
        }
    }

    pub fn has_ended(&self) -> bool {
        self.tasks.alive().next().is_none()
    }

    pub fn alive(&self) -> Vec<String> {
        self.tasks.alive().map(str::to_owned).collect()
    }
}

impl Drop for Version {
    /// A stage may take its time to go, such as a server whose last answers leave: no actor waits for it.
    fn drop(&mut self) {
        if let Some(stage) = self.stage.take() {
            self.tasks_on.spawn_blocking(move || drop(stage));
        }
    }
}
