//! A control plane with made-up nodes.

use super::*;
use crate::{
    pipeline::{Capacity, Kind, Observation, Scale, Stage, TaskError, Tasks, now_ms},
    storage::Store,
    telemetry::Metrics,
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

pub(super) type Diary = Arc<Mutex<Vec<String>>>;

/// A stage with as many tasks as desired; what happens to it is written in a diary.
pub(super) struct Recorded {
    pub name: &'static str,
    pub kind: Kind,
    pub diary: Diary,
    /// Tasks that never heed a request to end.
    pub is_stubborn: bool,
    /// How many starts panic.
    pub panics: Arc<AtomicU32>,
    pub backlog: Arc<AtomicU64>,
}

impl Stage for Recorded {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        for index in 0..desired.0 {
            let (stubborn, panics) = (self.is_stubborn, Arc::clone(&self.panics));
            let (name, diary) = (self.name, Arc::clone(&self.diary));
            tasks.ensure(&format!("task-{index}"), move |retire| {
                let panics = panics
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok();
                // Written by who starts it, so that its place in the diary does not depend on a busy machine.
                if !panics {
                    diary.lock().unwrap().push(format!("{name} started"));
                }
                async move {
                    assert!(!panics, "as ordered");
                    if stubborn {
                        std::future::pending::<()>().await;
                    }
                    retire.asked().await;
                    diary.lock().unwrap().push(format!("{name} ended"));
                    Ok::<(), TaskError>(())
                }
            });
        }
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        Observation {
            in_service: u32::try_from(tasks.in_service().count()).unwrap(),
            backlog: self.backlog.load(Ordering::SeqCst),
            oldest_age: Some(Duration::from_secs(8)),
            ..Observation::default()
        }
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        self.diary.lock().unwrap().push(format!("{} asked", self.name));
        tasks.retire_all();
    }
}

pub(super) struct Rig {
    pub metrics: Arc<Metrics>,
    pub diary: Diary,
    pub panics: Arc<AtomicU32>,
    pub backlog: Arc<AtomicU64>,
    pub nodes: Vec<BuiltNode>,
    pub store: Option<Store>,
}

impl Rig {
    pub fn new() -> Self {
        Self {
            metrics: Metrics::new(),
            diary: Diary::default(),
            panics: Arc::default(),
            backlog: Arc::default(),
            nodes: Vec::new(),
            store: None,
        }
    }

    /// A node that keeps the diary under its own name, or under another one.
    pub fn built(&self, name: &str, called: &'static str, kind: Kind, is_stubborn: bool) -> BuiltNode {
        let stage = Recorded {
            name: called,
            kind,
            diary: Arc::clone(&self.diary),
            is_stubborn,
            panics: Arc::clone(&self.panics),
            backlog: Arc::clone(&self.backlog),
        };
        BuiltNode::new(
            name.into(),
            Box::new(stage),
            NodeTerms::default(),
            self.metrics.node(name, kind.name()),
        )
    }

    pub fn node(mut self, name: &'static str, kind: Kind, max: Option<u32>, is_stubborn: bool) -> Self {
        let scale = max.map(|max| Scale::between(1, max));
        let built = self.built(name, name, kind, is_stubborn);
        self.nodes.push(BuiltNode { terms: scale.into(), ..built });
        self
    }

    /// A pool of workers at a desk.
    pub fn crew(mut self, name: &str, desk: &Arc<Desk>, scale: Scale, mischief: Mischief) -> Self {
        self.nodes.push(self.crew_of(name, desk, scale, mischief));
        self
    }

    pub fn crew_of(&self, name: &str, desk: &Arc<Desk>, scale: Scale, mischief: Mischief) -> BuiltNode {
        let stage = Crew { desk: Arc::clone(desk), mischief };
        let metrics = self.metrics.node(name, "workers");
        BuiltNode::new(name.into(), Box::new(stage), Some(scale).into(), metrics)
    }

    pub fn start(self, deadline: Duration) -> System {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (published, health) = watch::channel(Arc::new(Health::default()));
        let (stop, asked) = watch::channel(StopRequest::None);
        let (control, orders) = ControlPlane::pair();
        let surroundings = Surroundings {
            tasks_on: runtime.handle().clone(),
            health: published,
            stop: asked,
            orders,
            store: self.store,
        };
        let nodes = self.nodes;
        let serving = std::thread::spawn(move || serve("trial", nodes, surroundings, deadline).unwrap());
        System { runtime, health, stop, control, serving, diary: self.diary, metrics: self.metrics }
    }
}

pub(super) struct System {
    pub runtime: tokio::runtime::Runtime,
    pub health: watch::Receiver<Arc<Health>>,
    pub stop: watch::Sender<StopRequest>,
    pub control: ControlPlane,
    pub serving: std::thread::JoinHandle<Ended>,
    pub diary: Diary,
    pub metrics: Arc<Metrics>,
}

impl System {
    /// Waits, within a bound, until the published health is as wished.
    pub fn until(&self, wished: impl Fn(&Health) -> bool) -> Arc<Health> {
        let mut health = self.health.clone();
        let seen = self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(240), health.wait_for(|health| wished(health)))
                .await
                .map(|health| Arc::clone(&health.unwrap()))
        });
        seen.unwrap_or_else(|_| panic!("not in time: {:#?}", self.health.borrow()))
    }

    pub fn ready(&self) {
        self.until(|health| health.ready);
    }

    /// Waits until a pool has as many workers in service, and no other, seen after the call.
    pub fn until_workers(&self, pool: &str, count: u32) -> Arc<Health> {
        let since_ms = now_ms();
        self.until(|health| {
            if health.observed_at_ms <= since_ms {
                return false;
            }
            let seen = health.nodes.get(pool).map(|node| &node.observation);
            seen.is_some_and(|seen| (seen.in_service, seen.pending, seen.draining) == (count, 0, 0))
        })
    }

    pub fn order(&self, pool: &str, verb: PoolVerb) -> Result<Done, Refused> {
        self.runtime.block_on(self.control.order(pool, verb))
    }

    pub fn apply(&self, change: Change) -> Result<Applied, NotApplied> {
        self.runtime.block_on(self.control.apply(change))
    }

    pub fn stop(self, request: StopRequest) -> (Ended, Vec<String>) {
        self.stop.send_replace(request);
        let ended = self.serving.join().unwrap();
        let diary = self.diary.lock().unwrap().clone();
        (ended, diary)
    }
}

pub(super) fn parts(
    health: watch::Receiver<Arc<Health>>,
    metrics: &Arc<Metrics>,
    control: ControlPlane,
) -> AdminParts {
    AdminParts { health, metrics: Arc::clone(metrics), control, reload: None, token: None }
}

/// Sends a request as it is written; answers the whole answer.
pub(super) fn request(address: SocketAddr, head: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{head} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Status and JSON body of an answer.
pub(super) fn answer(text: &str) -> (u16, serde_json::Value) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{text}")))
}
