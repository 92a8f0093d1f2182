//! Streams and shards by the hundred in one daemon: what an idle one costs.

use crate::support::{Bench, Daemon};
use serde_json::{Value, json};

const TOPOLOGY: &str = r#"
[ingress.collector]
to = "trips"

[stream.trips]
shards = 1
"#;
/// Memory of an idle shard, in KiB.
const MOST: f64 = 32.0;
const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/x-amz-json-1.1"),
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0",
    ),
];

fn call(daemon: &Daemon, operation: &str, request: &Value) -> Value {
    let target = format!("Kinesis_20131202.{operation}");
    let headers = [HEADERS[0], HEADERS[1], ("x-amz-date", "20260101T000000Z"), ("x-amz-target", &target)];
    let answer = daemon.aws().unwrap().post("/", &headers, request.to_string().as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{operation} {request}: {}", answer.text());
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

fn create(daemon: &Daemon, name: &str, shards: u32) {
    call(daemon, "CreateStream", &json!({"StreamName": name, "ShardCount": shards}));
}

/// Memory that each of `shards` takes since `before`, in KiB.
fn each(daemon: &Daemon, before: u64, shards: u32) -> f64 {
    daemon.resident_memory().saturating_sub(before) as f64 / 1024.0 / f64::from(shards)
}

fn write_and_read(daemon: &Daemon, stream: &str) {
    let put =
        call(daemon, "PutRecord", &json!({"StreamName": stream, "PartitionKey": "k", "Data": "aGVsbG8="}));
    let place = json!({"StreamName": stream, "ShardId": put["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = &call(daemon, "GetShardIterator", &place)["ShardIterator"];
    let got = call(daemon, "GetRecords", &json!({"ShardIterator": iterator}));
    let last = got["Records"].as_array().and_then(|records| records.last());
    assert_eq!(last.map(|record| &record["SequenceNumber"]), Some(&put["SequenceNumber"]), "{got}");
}

#[test]
fn an_idle_shard_takes_at_most_32_kib_in_one_stream_or_in_a_thousand() {
    let bench = Bench::new(TOPOLOGY);
    let mut daemon = bench.start();
    daemon.wait_until_ready();
    // What the first stream and the first records need once is not theirs alone.
    create(&daemon, "first", 1);
    write_and_read(&daemon, "first");

    let before = daemon.resident_memory();
    create(&daemon, "wide", 500);
    let wide = each(&daemon, before, 500);
    let before = daemon.resident_memory();
    (0..1_000).for_each(|stream| create(&daemon, &format!("narrow-{stream}"), 1));
    let narrow = each(&daemon, before, 1_000);
    println!("KiB for each idle shard: {wide:.1} of 500 in a stream, {narrow:.1} of 1,000 streams");
    assert!(wide <= MOST && narrow <= MOST, "{wide:.1} and {narrow:.1} KiB for each idle shard");

    for stream in ["first", "wide", "narrow-0", "narrow-999"] {
        write_and_read(&daemon, stream);
    }
    daemon.kill();
    let again = bench.start();
    write_and_read(&again, "narrow-500");
    let told = call(&again, "DescribeStreamSummary", &json!({"StreamName": "wide"}));
    assert_eq!(told["StreamDescriptionSummary"]["OpenShardCount"], 500);
    again.stop();
}
