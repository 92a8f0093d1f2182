//! A sink that fails fills a dead-letter queue, in which records are found.

use super::Stand;
use caudal::load::{
    aws_endpoint::{AwsEndpoint, Service},
    faults::{CalledOff, Planned, Scene, carry_out, check},
    scenario::{Fault, FaultKind},
};
use caudal::units::Span;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const TOPOLOGY: &str = r#"
[topology]
name = "dead-letters"
[ingress.collector]
to = "orders"
[stream.orders]
partition_key = "/key"
[raw.bronze]
from = "orders"
store = "file://raw"
format = "jsonl.zst"
path = "bronze"
roll = { bytes = "1MiB", age = "200ms" }
[queue.work]
from = "orders"
visibility_timeout = "60s"
dead_letter = { queue = "dead", max_receives = 2 }
[workers.deliver]
from = "work"
retry = { base = "10ms", max = "20ms" }
[workers.deliver.run.http]
url = "${CAUDAL_LOAD_SINK}"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_out_fills_the_dead_letter_queue_where_each_record_is_found() {
    let mut stand = Stand::start(TOPOLOGY, 2).await;
    let scene = Arc::new(Scene { sink: Some(Arc::clone(&stand.sink)), ..Scene::default() });
    let kind = FaultKind::SinkOutage { lasting: Span(Duration::from_secs(3_600)) };
    let fault = Fault { stage: "all".to_owned(), after: None, kind: kind.clone() };
    check(&[fault], &scene).await.unwrap();
    let outage = tokio::spawn(carry_out(
        vec![Planned { at: Duration::ZERO, kind }],
        scene,
        Instant::now(),
        CalledOff::never(),
    ));
    let mut prover =
        stand.prover(json!({ "raw": ["bronze"], "dead_letter": ["dead"], "within": "240s" })).await;
    // The outage has begun once a batch is refused.
    Stand::wait_until("an outage", async || {
        let answer = reqwest::Client::new().post(stand.sink.url()).body("{}").send().await.unwrap();
        answer.status() == 503
    })
    .await;
    stand.send("orders", 60).await;
    let accepted = stand.accepted();
    assert_eq!(accepted, 120);
    let (proof, _) = stand.prove(&mut prover).await;
    let faults = (proof.losses, proof.duplicates, proof.inversions);
    assert_eq!(faults, (0, 0, 0), "{:?}", proof.examples);
    assert_eq!((proof.places["raw bronze"], proof.places["dead_letter dead"]), (accepted, accepted));

    // What was looked at can be received by others.
    let aws = AwsEndpoint::open(&stand.aws).unwrap();
    let url = aws.call(Service::Sqs, "GetQueueUrl", &json!({ "QueueName": "dead" })).await.unwrap();
    let request = json!({ "QueueUrl": url["QueueUrl"], "AttributeNames": ["All"] });
    let told = aws.call(Service::Sqs, "GetQueueAttributes", &request).await.unwrap();
    assert_eq!(told["Attributes"]["ApproximateNumberOfMessages"], "120", "{told}");
    outage.abort();
    stand.stop().await;
}
