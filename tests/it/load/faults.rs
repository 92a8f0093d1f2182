//! Faults of a real daemon: what they do is seen from outside.

use super::{Stand, stand::now_ms};
use caudal::{
    load::{
        daemon::ProcessId,
        faults::{FaultError, Planned, Scene, carry_out, check},
        local_aws::{LocalAws, Service},
        scenario::{Fault, FaultKind},
        watch::Watch,
    },
    units::{ByteSize, Span},
};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const TOPOLOGY: &str = r#"
[topology]
name = "faults"
[ingress.collector]
to = "trips"
[stream.trips]
partition_key = "/key"
[queue.work]
from = "trips"
visibility_timeout = "60s"
[workers.review]
from = "work"
to = "kept"
scale = { min = 0, max = 2, goal_age = "1s" }
[workers.review.run]
command = ["sh", "-c", "while read line; do :; done"]
ready = false
[workers.staffed]
from = "other"
scale = { min = 1, max = 2 }
run = { rules = { sql = "select * from input" } }
[queue.other]
from = "trips"
[raw.kept]
store = "file://raw"
path = "kept"
[raw.bronze]
from = "trips"
store = "file://raw"
format = "jsonl.gz"
path = "bronze"
roll = { bytes = "1MiB", age = "200ms" }
"#;

async fn scene(stand: &Stand) -> Scene {
    let process: ProcessId = stand.daemon.lock().await.process_id();
    Scene {
        daemon: Some(Arc::clone(&stand.daemon)),
        process: Some(process),
        admin: Some(stand.admin.clone()),
        sink: Some(Arc::clone(&stand.sink)),
        data: Some(stand.data()),
        aws: Some(stand.aws.clone()),
    }
}

async fn done(kind: FaultKind, scene: &Arc<Scene>) -> String {
    let fault = Fault { stage: "all".to_owned(), after: None, kind: kind.clone() };
    check(&[fault], scene).await.unwrap();
    let planned = vec![Planned { at: Duration::ZERO, kind }];
    let outcome = carry_out(planned, Arc::clone(scene), Instant::now()).await.unwrap();
    outcome[0].detail.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_killed_pools_emptied_and_shards_split() {
    let mut stand = Stand::start(TOPOLOGY, 2).await;
    let scene = Arc::new(scene(&stand).await);
    let process = stand.daemon.lock().await.process_id();
    let mut watch = Watch::new(stand.admin.clone(), process.clone(), ["dead".to_owned()], stand.began_ms);
    let mut prover = stand.prover(json!({ "raw": ["bronze"], "within": "240s" })).await;
    stand.send("trips", 100).await;

    // A worker comes for what waits; its program never answers.
    Stand::wait_until("a worker", async || {
        let health = stand.admin.health().await.unwrap();
        health.nodes["review"].pool.as_ref().is_some_and(|pool| pool.in_service > 0)
    })
    .await;
    let told = done(FaultKind::WorkerCrash { pool: "review".to_owned() }, &scene).await;
    assert!(told.ends_with(" was killed"), "{told}");

    let first = process.get().unwrap();
    let told = done(FaultKind::KillDaemon { down: Some(Span(Duration::from_millis(50))) }, &scene).await;
    assert!(told.starts_with("killed, ready again after "), "{told}");
    assert!(process.get().is_some_and(|second| second != first));

    let told = done(FaultKind::SplitShard { stream: "trips".to_owned() }, &scene).await;
    assert!(told.starts_with("shardId-000000000000 of trips was split at "), "{told}");
    let aws = LocalAws::new(&stand.aws).unwrap();
    let shards = aws.call(Service::Kinesis, "ListShards", &json!({ "StreamName": "trips" })).await.unwrap();
    assert_eq!(shards["Shards"].as_array().unwrap().len(), 3);
    stand.send("trips", 100).await;

    let mut sample = None;
    Stand::wait_until("a sample", async || {
        sample = watch.sample().await;
        sample.is_some()
    })
    .await;
    let sample = sample.unwrap();
    assert!(sample.memory_bytes > 1 << 20 && sample.processor_seconds > 0.0, "{sample:?}");
    assert!(sample.nodes.contains_key("review") && !sample.nodes.contains_key("trips"), "{sample:?}");
    assert!(watch.scaling().await.is_some_and(|scaling| scaling.worker_seconds >= 0.0));

    let outage =
        FaultKind::ConsumerOutage { pool: "review".to_owned(), lasting: Span(Duration::from_secs(1)) };
    let told = done(outage, &scene).await;
    assert!(told.contains("worker"), "{told}");
    Stand::wait_until("policies that decide again", async || {
        let health = stand.admin.health().await.unwrap();
        health.nodes["review"].pool.as_ref().is_some_and(|pool| !pool.suspended)
    })
    .await;

    // Over the split, keys kept their order.
    let (proof, _) = stand.prove(&mut prover).await;
    assert_eq!((proof.losses, proof.duplicates, proof.inversions), (0, 0, 0), "{:?}", proof.examples);
    assert!(proof.places["raw bronze"] >= stand.accepted() && now_ms() > stand.began_ms);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_could_not_be_done_are_refused_with_the_remedy() {
    let stand = Stand::start(TOPOLOGY, 1).await;
    let scene = scene(&stand).await;
    let second = Span(Duration::from_secs(1));
    let refused = async |kind: FaultKind| {
        check(&[Fault { stage: "all".to_owned(), after: None, kind }], &scene).await.unwrap_err()
    };
    let staffed = refused(FaultKind::ConsumerOutage { pool: "staffed".to_owned(), lasting: second }).await;
    assert!(staffed.to_string().contains("set min = 0"), "{staffed}");
    let nobody = refused(FaultKind::WorkerCrash { pool: "reviews".to_owned() }).await.to_string();
    assert!(nobody.contains("\"reviews\"") && nobody.contains("review, "), "{nobody}");
    let disk = rustix::fs::statvfs(stand.data()).unwrap();
    if disk.f_blocks.saturating_mul(disk.f_frsize) >= 1 << 30 {
        let large = refused(FaultKind::DiskFull { free: ByteSize(1 << 20), lasting: second }).await;
        assert!(matches!(large, FaultError::LargeDisk { .. }), "{large}");
    }
    drop(scene);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a file system of its own: CAUDAL_SMALL_DISK names a folder on one of 600 MiB, as tests/run makes it"]
async fn a_small_disk_is_filled_and_what_was_accepted_before_and_after_is_there() {
    let small = std::env::var_os("CAUDAL_SMALL_DISK").expect("CAUDAL_SMALL_DISK");
    let mut stand = Stand::start_in(small.as_ref(), TOPOLOGY, 1).await;
    let mut prover = stand.prover(json!({ "raw": ["bronze"], "within": "240s" })).await;
    let scene = Arc::new(scene(&stand).await);
    stand.send("trips", 100).await;
    let kind = FaultKind::DiskFull { free: ByteSize(1 << 20), lasting: Span(Duration::from_secs(3)) };
    check(&[Fault { stage: "all".to_owned(), after: None, kind: kind.clone() }], &scene).await.unwrap();
    let planned = vec![Planned { at: Duration::ZERO, kind }];
    let full = tokio::spawn(carry_out(planned, scene, Instant::now()));
    let mut refused = 0;
    while !full.is_finished() {
        let before = stand.accepted();
        stand.send("trips", 50).await;
        refused += u32::from(stand.accepted() == before);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = full.await.unwrap().unwrap()[0].detail.clone();
    assert!(told.ends_with(" bytes were taken and given back") && refused > 0, "{told}, {refused} refused");
    let before = stand.accepted();
    Stand::wait_until("room", async || {
        stand.send("trips", 50).await;
        stand.accepted() > before
    })
    .await;
    let (proof, _) = stand.prove(&mut prover).await;
    assert_eq!((proof.losses, proof.duplicates, proof.refused_stored), (0, 0, 0), "{:?}", proof.examples);
}
