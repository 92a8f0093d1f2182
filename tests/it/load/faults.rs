//! Faults of a real daemon: what they do is seen from outside.

use super::{Stand, stand::now_ms};
use crate::support::{AWS_TOPOLOGY, Bench};
use caudal::{
    load::{
        aws_endpoint::{AwsEndpoint, Service},
        daemon::ProcessId,
        faults::{CalledOff, FaultError, Planned, Scene, carry_out, check},
        scenario::{Fault, FaultKind},
        sink::Sink,
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
        aws: Some(AwsEndpoint::open(&stand.aws).unwrap()),
    }
}

async fn done(kind: FaultKind, scene: &Arc<Scene>) -> String {
    let fault = Fault { stage: "all".to_owned(), after: None, kind: kind.clone() };
    check(&[fault], scene).await.unwrap();
    let planned = vec![Planned { at: Duration::ZERO, kind }];
    let outcome = carry_out(planned, Arc::clone(scene), Instant::now(), CalledOff::never()).await.unwrap();
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
    let aws = AwsEndpoint::open(&stand.aws).unwrap();
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
async fn a_shard_is_split_at_an_endpoint_that_verifies_signatures() {
    let bench = Bench::new(AWS_TOPOLOGY).with("CAUDAL__AWS__CREDENTIALS", "AKIDEXAMPLE:a-secret-of-a-test");
    let daemon = bench.start();
    let url = format!("http://{}", daemon.aws_address());
    let environment = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("a-secret-of-a-test".to_owned()),
        _ => None,
    };
    let split = async |aws: AwsEndpoint| {
        let scene = Arc::new(Scene { aws: Some(aws), ..Scene::default() });
        let kind = FaultKind::SplitShard { stream: "trips".to_owned() };
        let planned = vec![Planned { at: Duration::ZERO, kind }];
        carry_out(planned, scene, Instant::now(), CalledOff::never()).await
    };
    let nobody = split(AwsEndpoint::open(&url).unwrap()).await.unwrap_err().to_string();
    assert!(nobody.contains("UnrecognizedClientException"), "{nobody}");
    let told = split(AwsEndpoint::keyed(&url, &environment).unwrap()).await.unwrap();
    assert!(told[0].detail.contains(" of trips was split at "), "{told:?}");
    daemon.stop();
}

#[tokio::test]
async fn what_is_called_off_before_it_begins_is_left_out_and_what_lasts_is_over() {
    let hour = Span(Duration::from_secs(3_600));
    let scene = Arc::new(Scene { sink: Some(Arc::new(Sink::start().await.unwrap())), ..Scene::default() });
    let outage = |at| Planned { at, kind: FaultKind::SinkOutage { lasting: hour } };
    let planned = vec![outage(Duration::ZERO), outage(hour.0)];
    let (call_off, called_off) = CalledOff::told_by();
    let faults = tokio::spawn(carry_out(planned, Arc::clone(&scene), Instant::now(), called_off));
    let sink = scene.sink.as_ref().unwrap();
    Stand::wait_until("an outage", async || {
        let answer = reqwest::Client::new().post(sink.url()).body("{}").send().await.unwrap();
        answer.status() == 503
    })
    .await;
    call_off.send_replace(true);
    let done = faults.await.unwrap().unwrap();
    assert_eq!(done.len(), 1, "{done:?}");
    let answer = reqwest::Client::new().post(sink.url()).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 200, "the outage has been taken back");
}
