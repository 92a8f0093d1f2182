//! An ingress as a node: a listener in front of a pool of collectors.

use super::{
    IngressSection,
    collector::collect,
    gate::Gate,
    intake::Intake,
    listener::Listener,
    pool::{Member, Pool},
    pretreatment::ConditionError,
};
use crate::pipeline::{Capacity, Context, Kind, Observation, Stage, Target, Tasks};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

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
    listener: Listener,
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
    /// Binds the address (`address` instead of the section's, port 0 picks a free one) and answers
    /// the one that was bound. Requests wait in the kernel until the first `reconcile`.
    ///
    /// # Errors
    /// [`IngressError`] when the address cannot be bound or a condition cannot be read.
    pub fn bind(
        context: Context,
        section: &IngressSection,
        targets: Vec<(String, Target)>,
        address: Option<&str>,
    ) -> Result<(Self, SocketAddr), IngressError> {
        let node = Arc::clone(&context.node);
        let intake = Intake::new(&context, section, targets)
            .map_err(|cause| IngressError::Condition { node: node.to_string(), cause })?;
        let waiting = usize::try_from(section.waiting.max(1)).unwrap_or(usize::MAX);
        let gate = Arc::new(Gate {
            intake: Arc::new(intake),
            pool: Arc::new(Pool::new(section.balance, waiting)),
            max_body: usize::try_from(section.max_body.0).unwrap_or(usize::MAX),
            draining: AtomicBool::new(false),
        });
        let address = address.unwrap_or(&section.listen);
        let listener = Listener::bind(&node, address, Arc::clone(&gate)).map_err(|cause| {
            IngressError::Bind { node: node.to_string(), address: address.to_owned(), cause }
        })?;
        let bound = listener.address();
        Ok((Self { node, gate, listener, leaving: Vec::new(), before: Gone::default() }, bound))
    }

    fn ensure_listener(&mut self) {
        self.listener.start();
        if self.listener.is_running() {
            return;
        }
        let address = self.listener.address().to_string();
        match Listener::bind(&self.node, &address, Arc::clone(&self.gate)) {
            Ok(listener) => {
                tracing::warn!(node = %self.node, %address, "the ingress server was started again");
                self.listener = listener;
                self.listener.start();
            }
            Err(error) => {
                tracing::error!(node = %self.node, %address, %error, "the ingress cannot listen again")
            }
        }
    }

    fn forget_the_gone(&mut self, tasks: &Tasks) {
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
        let desired = usize::try_from(desired.0).unwrap_or(usize::MAX);
        let alive: Vec<String> = tasks.alive().map(ToOwned::to_owned).collect();
        let alive: Vec<&str> = alive.iter().map(String::as_str).collect();
        for member in self.gate.pool.resize(desired, &alive) {
            tasks.retire(&member.key);
            self.leaving.push(member);
        }
        for member in self.gate.pool.members().iter() {
            let (member, intake) = (Arc::clone(member), Arc::clone(&self.gate.intake));
            let key = member.key.clone();
            tasks.ensure(&key, |retire| collect(member, intake, retire));
        }
        self.ensure_listener();
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
        let mut observation = Observation {
            backlog: waiting as u64,
            in_flight,
            oldest_age: (longest_wait > 0).then(|| Duration::from_nanos(longest_wait)),
            arrived: taken + waiting as u64,
            processed: taken,
            busy_seconds: Duration::from_nanos(busy).as_secs_f64(),
            in_service: u32::try_from(tasks.in_service().count()).unwrap_or(u32::MAX),
            ..Observation::default()
        };
        let collectors: Vec<_> = members
            .iter()
            .map(|member| {
                json!({ "name": member.key, "healthy": member.is_healthy(), "outstanding": member.outstanding() })
            })
            .collect();
        observation.detail.insert("unit".to_owned(), "requests".into());
        observation.detail.insert("address".to_owned(), self.listener.address().to_string().into());
        observation.detail.insert("listening".to_owned(), self.listener.is_running().into());
        observation.detail.insert("collectors".to_owned(), collectors.into());
        observation
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        // The server goes on answering 503 until the stage is dropped, so that clients are told.
        self.gate.draining.store(true, Relaxed);
        self.leaving.extend(self.gate.pool.resize(0, &[]));
        tasks.retire_all();
    }
}
