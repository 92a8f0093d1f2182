//! The control plane end to end, over stages that only keep a diary.

use super::*;
use crate::{
    pipeline::{Capacity, Kind, Observation, Scale, Stage, TaskError, Tasks},
    telemetry::Metrics,
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

type Diary = Arc<Mutex<Vec<String>>>;

/// A stage with as many tasks as desired; what happens to it is written in a diary.
struct Recorded {
    name: &'static str,
    kind: Kind,
    diary: Diary,
    /// Tasks that never heed a request to end.
    is_stubborn: bool,
    /// How many starts panic.
    panics: Arc<AtomicU32>,
    backlog: Arc<AtomicU64>,
}

impl Stage for Recorded {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        for index in 0..desired.0 {
            let (stubborn, panics) = (self.is_stubborn, Arc::clone(&self.panics));
            let (name, diary) = (self.name, Arc::clone(&self.diary));
            tasks.ensure(&format!("task-{index}"), move |retire| async move {
                if panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
                {
                    panic!("as ordered");
                }
                if stubborn {
                    std::future::pending::<()>().await;
                }
                retire.asked().await;
                diary.lock().unwrap().push(format!("{name} ended"));
                Ok::<(), TaskError>(())
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

struct Rig {
    metrics: Arc<Metrics>,
    diary: Diary,
    panics: Arc<AtomicU32>,
    backlog: Arc<AtomicU64>,
    nodes: Vec<BuiltNode>,
    store: Option<crate::storage::Store>,
}

impl Rig {
    fn new() -> Self {
        Self {
            metrics: Metrics::new(),
            diary: Diary::default(),
            panics: Arc::default(),
            backlog: Arc::default(),
            nodes: Vec::new(),
            store: None,
        }
    }

    fn node(mut self, name: &'static str, kind: Kind, max: Option<u32>, is_stubborn: bool) -> Self {
        let stage = Recorded {
            name,
            kind,
            diary: Arc::clone(&self.diary),
            is_stubborn,
            panics: Arc::clone(&self.panics),
            backlog: Arc::clone(&self.backlog),
        };
        let scale = max.map(|max| Scale::between(1, max));
        let metrics = self.metrics.node(name, kind.name());
        self.nodes.push(BuiltNode::new(name.into(), Box::new(stage), scale, metrics));
        self
    }

    fn start(self, deadline: Duration) -> System {
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

struct System {
    runtime: tokio::runtime::Runtime,
    health: watch::Receiver<Arc<Health>>,
    stop: watch::Sender<StopRequest>,
    control: ControlPlane,
    serving: std::thread::JoinHandle<Ended>,
    diary: Diary,
    metrics: Arc<Metrics>,
}

impl System {
    /// Waits, within a bound, until the published health is as wished.
    fn until(&self, wished: impl Fn(&Health) -> bool) -> Arc<Health> {
        let mut health = self.health.clone();
        let seen = self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(20), health.wait_for(|health| wished(health)))
                .await
                .map(|health| Arc::clone(&health.unwrap()))
        });
        seen.unwrap_or_else(|_| panic!("not in time: {:?}", self.health.borrow()))
    }

    fn stop(self, request: StopRequest) -> (Ended, Vec<String>) {
        self.stop.send_replace(request);
        let ended = self.serving.join().unwrap();
        let diary = self.diary.lock().unwrap().clone();
        (ended, diary)
    }
}

fn parts(health: watch::Receiver<Arc<Health>>, metrics: &Arc<Metrics>, control: ControlPlane) -> AdminParts {
    AdminParts { health, metrics: Arc::clone(metrics), control, reload: None, token: None }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn drains_upstream_first_and_each_node_ends_before_the_next_is_asked() {
    let rig = Rig::new()
        .node("trips", Kind::Stream, None, false)
        .node("collector", Kind::Ingress, Some(2), false)
        .node("bronze", Kind::Raw, None, false);
    let system = rig.start(Duration::from_secs(20));
    system.until(|health| health.ready);
    let (ended, diary) = system.stop(StopRequest::Drain);
    assert_eq!(ended, Ended::Drained);
    assert_eq!(
        diary,
        ["collector asked", "collector ended", "trips asked", "trips ended", "bronze asked", "bronze ended"]
    );
}

#[test]
fn a_straggler_is_named_and_does_not_keep_the_others_from_finishing() {
    let rig = Rig::new().node("review", Kind::Workers, None, true).node("bronze", Kind::Raw, None, false);
    let system = rig.start(Duration::from_secs(2));
    system.until(|health| health.ready);
    let begun = Instant::now();
    let (ended, diary) = system.stop(StopRequest::Drain);
    let Ended::Stragglers(stragglers) = ended else { panic!("{ended:?}") };
    assert_eq!(stragglers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["review (task-0)"]);
    assert!(diary.contains(&"bronze ended".to_owned()), "{diary:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_second_request_aborts_a_drain_at_once() {
    let system = Rig::new().node("review", Kind::Workers, None, true).start(Duration::from_secs(600));
    system.until(|health| health.ready);
    system.stop.send_replace(StopRequest::Drain);
    system.until(|health| health.phase == Phase::Draining);
    let Ended::Aborted(cut_off) = system.stop(StopRequest::Abort).0 else { panic!("not aborted") };
    assert_eq!(cut_off.iter().map(ToString::to_string).collect::<Vec<_>>(), ["review (task-0)"]);
}

#[test]
fn a_panicked_task_comes_back_and_the_others_never_stop() {
    let rig = Rig::new().node("review", Kind::Workers, None, false).node("bronze", Kind::Raw, None, false);
    rig.panics.store(1, Ordering::SeqCst);
    let system = rig.start(Duration::from_secs(20));
    let health = system.until(|health| health.nodes.values().any(|node| node.restarts == 1));
    let hurt = health.nodes.values().find(|node| node.restarts == 1).unwrap();
    assert_eq!(hurt.last_error.as_deref(), Some("task-0: panicked: as ordered"));
    system.until(|health| health.nodes.values().all(|node| node.state == NodeState::Running));
    assert!(system.metrics.render().contains("caudal_panics_total"));
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn a_node_that_keeps_failing_is_reported_failed_while_the_rest_goes_on() {
    let rig = Rig::new().node("review", Kind::Workers, None, false);
    rig.panics.store(100, Ordering::SeqCst);
    let mut rig = rig;
    rig.panics = Arc::default();
    let system = rig.node("bronze", Kind::Raw, None, false).start(Duration::from_secs(20));
    let health = system.until(Health::has_failed_node);
    assert_eq!(health.nodes["review"].state, NodeState::Failed);
    assert_eq!(health.nodes["bronze"].state, NodeState::Running);
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn an_old_backlog_scales_a_pool_and_the_reason_is_kept() {
    let rig = Rig::new().node("review", Kind::Workers, Some(4), false);
    rig.backlog.store(12_400, Ordering::SeqCst);
    let system = rig.start(Duration::from_secs(20));
    let scaled = |health: &Health| health.nodes["review"].observation.in_service == 4;
    let health = system.until(|health| !health.nodes.is_empty() && scaled(health));
    let activities: Vec<_> = health.pools["review"].activities.iter().cloned().collect();
    let activity = &activities[0];
    assert_eq!((activity.from, activity.to), (1, 2));
    assert_eq!(activity.because, "the oldest of 12,400 waiting is 8.0 s old and no rate is known yet");
    assert_eq!(health.nodes["review"].pool.as_ref().unwrap().desired, 4);
    let metrics = system.metrics.render();
    assert!(metrics.contains("caudal_scale_outs_total{kind=\"workers\",node=\"review\"} 2"), "{metrics}");
    assert_eq!(system.stop(StopRequest::Drain).0, Ended::Drained);
}

#[test]
fn the_admin_server_answers_before_during_and_after_the_nodes_are_up() {
    let rig =
        Rig::new().node("trips", Kind::Stream, None, false).node("review", Kind::Workers, Some(3), false);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (early, unseen) = watch::channel(Arc::new(Health::default()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let waiting = Admin::start(listener, parts(unseen, &rig.metrics, ControlPlane::pair().0)).unwrap();
    assert!(get(waiting.address(), "/readyz").starts_with("HTTP/1.1 503"));
    assert!(get(waiting.address(), "/livez").starts_with("HTTP/1.1 200"));
    runtime.block_on(waiting.stop());
    drop(early);

    let system = rig.start(Duration::from_secs(20));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = Admin::start(listener, parts(system.health.clone(), &system.metrics, system.control.clone()))
        .unwrap();
    system.until(|health| health.ready);
    let address = admin.address();
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = get(address, "/metrics");
    assert!(metrics.contains("text/plain; version=0.0.4") && metrics.contains("caudal_workers_desired"));
    let health = get(address, "/health");
    let (_, json) = health.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["nodes"]["trips"]["state"], "running");
    assert_eq!(json["nodes"]["review"]["pool"]["max"], 3);
    assert!(get(address, "/pools").contains("\"review\""));
    assert!(get(address, "/pools/review/activities").ends_with("[]"));
    assert!(get(address, "/pools/trips/activities").contains("there are: review"));
    assert!(get(address, "/").contains("/pools/{name}/activities"));
    assert!(get(address, "/nothing").starts_with("HTTP/1.1 404"));
    system.stop.send_replace(StopRequest::Drain);
    system.until(|health| health.phase == Phase::Drained);
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 503"));
    system.runtime.block_on(admin.stop());
    assert_eq!(system.serving.join().unwrap(), Ended::Drained);
}
