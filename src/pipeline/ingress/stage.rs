//! An ingress as a node: a listener in front of a pool of collectors.

use super::{
    IngressSection,
    collector::collect,
    door::Door,
    gate::Gate,
    intake::Intake,
    pool::{Member, Pool},
    pretreatment::ConditionError,
};
use crate::pipeline::{
    Capacity, Context, Kind, Observation, Stage, Target, Tasks, WorkerTerms, http_server::BodyRoom,
};
use serde_json::json;
use std::{
    sync::{
        Arc, Weak,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

/// A collector that waits for the disk is not to blame: only one that hangs for long is replaced.
const TERMS: WorkerTerms =
    WorkerTerms { heartbeat: Duration::from_secs(300), warm_up: Duration::from_secs(60) };

/// Why an ingress cannot start.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    #[error("ingress {node} cannot listen on {address}: {cause}; choose another with listen or --ingress")]
    Bind { node: String, address: String, cause: std::io::Error },
    #[error("ingress {node}: {cause}")]
    Condition { node: String, cause: ConditionError },
}

/// The node of an ingress.
#[derive(Debug)]
pub struct IngressStage {
    node: Arc<str>,
    gate: Arc<Gate>,
    door: Arc<Door>,
    /// It has put its gate behind the door.
    serves: bool,
    /// The gate of the stage that it took the door over from.
    displaced: Weak<Gate>,
    /// Members told to leave whose tasks have not ended.
    leaving: Vec<Arc<Member>>,
    /// Counts of members that have left.
    before: Gone,
}

#[derive(Debug, Default, Clone, Copy)]
struct Gone {
    taken: u64,
    busy_nanoseconds: u64,
}

impl IngressStage {
    /// Binds the section's address; port 0 picks a free one, which the door tells. Requests wait in the
    /// kernel until the first `reconcile`.
    ///
    /// # Errors
    /// [`IngressError`] when the address cannot be bound or a condition cannot be read.
    pub fn bind(
        context: Context,
        section: &IngressSection,
        targets: Vec<(String, Target)>,
    ) -> Result<Self, IngressError> {
        let gate = gate(&context, section, targets)?;
        let node = context.node;
        let door = Door::bind(&node, &section.listen, Arc::clone(&gate)).map_err(|cause| {
            IngressError::Bind { node: node.to_string(), address: section.listen.clone(), cause }
        })?;
        Ok(Self::new(node, gate, door))
    }

    /// An ingress that takes over a door behind which another stage serves, at the first `reconcile`.
    /// Dropped before that stage was drained, it gives the door back.
    ///
    /// # Errors
    /// [`IngressError`] when a condition cannot be read.
    pub fn take_over(
        door: Arc<Door>,
        context: Context,
        section: &IngressSection,
        targets: Vec<(String, Target)>,
    ) -> Result<Self, IngressError> {
        let gate = gate(&context, section, targets)?;
        Ok(Self::new(context.node, gate, door))
    }

    fn new(node: Arc<str>, gate: Arc<Gate>, door: Arc<Door>) -> Self {
        let (leaving, before) = (Vec::new(), Gone::default());
        Self { node, gate, door, serves: false, displaced: Weak::new(), leaving, before }
    }

    /// The server, for a stage that is to take it over.
    pub fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// Serves from now on; only once, for another may have taken the door since.
    fn serve(&mut self) {
        if !std::mem::replace(&mut self.serves, true) && !self.door.gates().is_current(&self.gate) {
            let displaced = self.door.gates().pass_to(Arc::clone(&self.gate));
            self.displaced = Arc::downgrade(&displaced);
            tracing::info!(node = %self.node, address = %self.door.address(), "the ingress was taken over");
        }
        self.door.open();
    }

    /// Gives the door back to whom it was taken from, if that one still serves.
    fn give_back(&self) {
        if let Some(displaced) = self.displaced.upgrade().filter(|gate| !gate.draining.load(SeqCst)) {
            self.door.gates().give_back(&self.gate, displaced);
        }
    }

    fn resize(&mut self, desired: usize, tasks: &mut Tasks) {
        let alive: Vec<String> = tasks.alive().map(ToOwned::to_owned).collect();
        let alive: Vec<&str> = alive.iter().map(String::as_str).collect();
        for member in self.gate.pool.resize(desired, &alive) {
            tasks.retire(&member.key);
            self.leaving.push(member);
        }
    }

    /// A collector that was told to end by whoever watches the tasks gets no request any more.
    fn dismiss_the_draining(&mut self, tasks: &Tasks) {
        self.leaving.extend(tasks.draining().filter_map(|key| self.gate.pool.dismiss(key)));
    }

    fn forget_the_gone(&mut self, tasks: &Tasks) {
        if self.leaving.is_empty() {
            return;
        }
        let alive: Vec<&str> = tasks.alive().collect();
        let before = &mut self.before;
        self.leaving.retain(|member| {
            let stays = alive.contains(&member.key.as_str());
            if !stays {
                before.taken += member.taken.load(Relaxed);
                before.busy_nanoseconds += member.busy_nanoseconds.load(Relaxed);
            }
            stays
        });
    }
}

impl Stage for IngressStage {
    fn kind(&self) -> Kind {
        Kind::Ingress
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        self.forget_the_gone(tasks);
        self.dismiss_the_draining(tasks);
        let desired = usize::try_from(desired.0).unwrap_or(usize::MAX);
        if self.gate.pool.members().len() != desired {
            self.resize(desired, tasks);
        }
        for member in self.gate.pool.members().iter() {
            let (collector, intake) = (Arc::clone(member), Arc::clone(&self.gate.intake));
            let start = |retire, pulse| collect(collector, intake, retire, pulse);
            tasks.ensure_worker(&member.key, TERMS, start);
        }
        self.serve();
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        self.forget_the_gone(tasks);
        let members = self.gate.pool.members();
        let all = || members.iter().chain(&self.leaving);
        let waiting: usize = all().map(|member| member.waiting()).sum();
        let outstanding: usize = all().map(|member| member.outstanding()).sum();
        let taken = self.before.taken + all().map(|member| member.taken.load(Relaxed)).sum::<u64>();
        let busy = self.before.busy_nanoseconds
            + all().map(|member| member.busy_nanoseconds.load(Relaxed)).sum::<u64>();
        let longest_wait = all().map(|member| member.longest_wait.swap(0, Relaxed)).max().unwrap_or(0);
        let in_flight = outstanding.saturating_sub(waiting) as u64;
        self.gate.intake.metrics.show_in_flight(in_flight);
        let census = tasks.census();
        let mut observation = Observation {
            backlog: waiting as u64,
            in_flight,
            oldest_age: (longest_wait > 0).then(|| Duration::from_nanos(longest_wait)),
            arrived: taken + waiting as u64,
            processed: taken,
            busy_seconds: Duration::from_nanos(busy).as_secs_f64(),
            pending: census.pending,
            in_service: census.in_service,
            draining: census.draining,
            ..Observation::default()
        };
        let collectors: Vec<_> = members
            .iter()
            .map(|member| {
                json!({ "name": member.key, "healthy": member.is_healthy(), "outstanding": member.outstanding() })
            })
            .collect();
        observation.detail.insert("unit".to_owned(), "requests".into());
        observation.detail.insert("address".to_owned(), self.door.address().to_string().into());
        observation.detail.insert("listening".to_owned(), self.door.is_listening().into());
        observation.detail.insert("collectors".to_owned(), collectors.into());
        observation
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        self.give_back();
        // Unless another stage serves behind the door, the server goes on answering 503 until this one
        // is dropped, so that clients are told.
        self.gate.draining.store(true, SeqCst);
        self.leaving.extend(self.gate.pool.close());
        tasks.retire_all();
    }
}

impl Drop for IngressStage {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn gate(
    context: &Context,
    section: &IngressSection,
    targets: Vec<(String, Target)>,
) -> Result<Arc<Gate>, IngressError> {
    let intake = Intake::new(context, section, targets)
        .map_err(|cause| IngressError::Condition { node: context.node.to_string(), cause })?;
    let waiting = usize::try_from(section.waiting.max(1)).unwrap_or(usize::MAX);
    Ok(Arc::new(Gate {
        intake: Arc::new(intake),
        pool: Arc::new(Pool::new(section.balance, waiting)),
        bodies: BodyRoom::new(usize::try_from(section.max_body.0).unwrap_or(usize::MAX)),
        draining: AtomicBool::new(false),
    }))
}
