use super::*;
use crate::{
    pipeline::{
        queue::directory::{QueueDirectory, QueueIdentity, QueueTerms},
        stream::directory::{Directory, Home, KinesisSettings},
    },
    settings::Settings,
    storage::{StorageSettings, Store},
    supervisor::Handover,
    telemetry::{Metrics, StorageMetrics},
    topology::{KeyPath, build, load_text},
};
use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
};

const BASE: &str = r#"
[ingress.door]
listen = "127.0.0.1:0"
to = "trips"
[stream.trips]
retention = "1h"
[raw.bronze]
from = "trips"
store = "file://raw"
[queue.odd]
from = "trips"
retention = "1d"
[workers.mend]
from = "odd"
run = { rules = { sql = "select * from input" } }
"#;

/// A store, and what nodes are built with.
struct Ground {
    folder: tempfile::TempDir,
    store: Store,
    metrics: Arc<Metrics>,
    settings: Settings,
    directory: Arc<Directory>,
    queues: Arc<QueueDirectory>,
}

fn plan(text: &str) -> Plan {
    load_text(Path::new("t.toml"), text, Language::Toml, &|_| None).unwrap()
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        let store = Store::open(folder.path(), settings, StorageMetrics::unregistered()).unwrap();
        let (metrics, settings) = (Metrics::new(), Settings::default());
        let opened = Directory::open(store.clone(), KinesisSettings::default(), Home::default(), &metrics);
        let directory = opened.await.unwrap();
        let queues = QueueDirectory::open(store.clone(), Home::default()).await.unwrap();
        Self { folder, store, metrics, settings, directory, queues }
    }

    fn foundation(&self) -> Foundation<'_> {
        let data = self.folder.path().to_owned();
        let Self { store, metrics, settings, directory, queues, .. } = self;
        Foundation { store, metrics, settings, directory, queues, data, aws: None }
    }

    /// What runs, and the nodes that hold its doors open.
    async fn running(&self, text: &str) -> (Running, Vec<BuiltNode>) {
        let plan = plan(text);
        let built = build(&plan, self.foundation()).await.unwrap();
        (Running::new(plan, built.handles), built.nodes)
    }
}

fn names(nodes: &[BuiltNode]) -> Vec<&str> {
    nodes.iter().map(|node| &*node.name).collect()
}

fn address(running: &Running) -> SocketAddr {
    running.handles().listening()[0].1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_is_shared_and_only_what_differs_is_built() {
    let ground = Ground::new().await;
    let (running, _nodes) = ground.running(BASE).await;
    let text = BASE.replace("to = \"trips\"", "to = \"trips\"\nrequire = [\"/a\"]")
        + "[raw.gold]\nfrom = \"trips\"\nstore = \"file://gold\"\n";
    let prepared = running.prepare(plan(&text), ground.foundation()).await.unwrap();
    assert_eq!(names(&prepared.change.added), ["gold"]);
    assert_eq!(names(&prepared.change.replaced), ["door"]);
    assert_eq!(prepared.change.replaced[0].handover, Handover::Overlap);
    assert_eq!(prepared.change.order.len(), 6);
    let (old, new) = (running.handles(), prepared.next.handles());
    assert!(Arc::ptr_eq(&old.streams["trips"], &new.streams["trips"]));
    assert!(Arc::ptr_eq(&old.queues["odd"], &new.queues["odd"]));
    assert_eq!(address(&running), address(&prepared.next), "behind the same door");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_ingress_goes_on_behind_the_door_of_the_old_one_and_another_address_is_bound_first() {
    let ground = Ground::new().await;
    let (running, _nodes) = ground.running(BASE).await;
    let renamed = plan(&BASE.replace("ingress.door", "ingress.gate"));
    let prepared = running.prepare(renamed, ground.foundation()).await.unwrap();
    assert_eq!(address(&running), address(&prepared.next));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let moved = plan(&BASE.replace("127.0.0.1:0", &free.to_string()));
    let prepared = running.prepare(moved, ground.foundation()).await.unwrap();
    assert_eq!(address(&prepared.next), free);
    drop(prepared);
    assert!(TcpListener::bind(free).is_ok(), "what was only prepared leaves no trace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_refuses_the_whole_and_touches_nothing() {
    let ground = Ground::new().await;
    let (running, _nodes) = ground.running(BASE).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = BASE.replace("127.0.0.1:0", &taken.local_addr().unwrap().to_string()).replace("1h", "2h");
    let refused = running.prepare(plan(&text), ground.foundation()).await.err().unwrap();
    assert!(matches!(&refused, NotPrepared::Build(error) if error.is_of_the_machine()), "{refused}");
    let text = BASE.replace("127.0.0.1:0", "0.0.0.0:0");
    let refused = running.prepare(plan(&text), ground.foundation()).await.err().unwrap();
    assert!(refused.to_string().contains("allow_remote"), "{refused}");
    let unchanged = running.handles().streams["trips"].section();
    assert_eq!(unchanged.retention.to_string(), "1h");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_put_back_when_the_change_is_not_applied() {
    let ground = Ground::new().await;
    let (running, _nodes) = ground.running(BASE).await;
    let text = BASE.replace("1h", "2h").replace("1d", "2d");
    let prepared = running.prepare(plan(&text), ground.foundation()).await.unwrap();
    assert_eq!(prepared.redefinitions.len(), 2);
    redefine(&prepared.redefinitions).await.unwrap();
    let terms = || {
        let Handles { streams, queues, .. } = running.handles();
        (streams["trips"].section().retention.to_string(), queues["odd"].section().retention.to_string())
    };
    assert_eq!(terms(), ("2h".to_owned(), "2d".to_owned()));
    let (control, orders) = ControlPlane::pair();
    drop(orders);
    let refused = prepared.switch(&running, &control).await.unwrap_err();
    assert!(matches!(refused, NotSwitched::NotApplied(NotApplied::Gone)), "{refused}");
    assert_eq!(terms(), ("1h".to_owned(), "1d".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_rolled_back_runs_as_before_and_what_is_uncertain_is_replaced_next_time() {
    let ground = Ground::new().await;
    let (running, _nodes) = ground.running(BASE).await;
    let wanted = plan(
        &BASE.replace("select * from input", "select a from input").replace("file://raw", "file://other"),
    );
    let prepared = running.prepare(wanted.clone(), ground.foundation()).await.unwrap();
    let rolled_back = vec![("mend".into(), "they fail".to_owned())];
    let applied = Applied { rolled_back, replaced: vec!["bronze".into()], ..Applied::default() };
    let after = prepared.next.settled(&running, &applied);
    assert_eq!(after.plan().node("mend"), running.plan().node("mend"));
    assert_eq!(after.plan().node("bronze"), wanted.node("bronze"));

    let prepared = after.prepare(wanted.clone(), ground.foundation()).await.unwrap();
    assert_eq!(names(&prepared.change.replaced), ["mend"]);
    let definition = |prepared: &Prepared| prepared.change.replaced[0].definition;
    let asked = definition(&prepared);
    let applied = Applied { refreshing: vec!["mend".into()], ..Applied::default() };
    let after = prepared.next.settled(&after, &applied);
    let prepared = after.prepare(wanted.clone(), ground.foundation()).await.unwrap();
    assert_eq!(names(&prepared.change.replaced), ["mend"], "nobody knows which of its stages runs");
    assert_eq!(definition(&prepared), asked, "the node knows, by the number of what it goes over to");
    let other = plan(&BASE.replace("select * from input", "select b from input"));
    let prepared = after.prepare(other, ground.foundation()).await.unwrap();
    assert!(definition(&prepared) > asked, "another definition is another number");
}

#[test]
fn refusals_are_shown_with_their_lines() {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), "[stream.trips]\nretention = \"1h\"\nshards = 3\n[queue.b]\n").unwrap();
    let refusal = |key: &[&str], message: &str| Refusal {
        key: KeyPath::of(key.iter().copied()),
        message: message.to_owned(),
    };
    let refusals = [refusal(&["queue", "b"], "two"), refusal(&["stream", "trips", "shards"], "one")];
    let told: Vec<String> = refused(file.path(), &refusals).iter().map(ToString::to_string).collect();
    let file = file.path().display();
    assert_eq!(told, [format!("{file}:3: stream.trips.shards: one"), format!("{file}:4: queue.b: two")]);
}

#[tokio::test]
async fn a_queue_that_is_of_the_other_kind_is_named_with_both_kinds_and_what_to_do() {
    let ground = Ground::new().await;
    let identity = QueueIdentity::new("000000000000", "us-east-1", "jobs");
    let made = ground.queues.create(identity, QueueTerms::default(), BTreeMap::new(), 1);
    made.await.unwrap();
    let plan = plan(&format!("{BASE}\n[queue.jobs]\nfrom = \"trips\"\nfifo = true\n"));
    let refused = build(&plan, ground.foundation()).await.err().unwrap();
    assert!(!refused.is_of_the_store() && !refused.is_of_the_machine(), "the topology is to blame");
    let told = refused.to_string();
    for part in [
        "queue.jobs.fifo",
        "wants a FIFO queue",
        "has a standard queue",
        "fifo = false",
        "DeleteQueue of jobs,",
    ] {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
}
