//! Records of 1 byte to 10 MiB, byte for byte: through an ingress to raw objects, through the streams API, and
//! through queues as far as those go.

use crate::support::{
    Bench, Client, Daemon, WorkServer, ask_queues,
    aws::{JSON, ask, code},
    files_below, make_queue, queue_url, raw_lines, try_queues,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use datafusion::{
    arrow::{array::AsArray, compute::cast, datatypes::DataType},
    parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
};
use rand::{Rng, RngCore, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};

const SEED: u64 = 20_190_601;
const MIB: usize = 1 << 20;
const LARGEST: usize = 10 * MIB;

/// 1, 2, 3, all powers of two and what is beside them, and some by lot; above 1 MiB a few.
fn sizes(largest: usize, random: &mut SmallRng) -> Vec<usize> {
    let mut sizes = vec![1, 2, 3];
    sizes.extend((2..=20).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]));
    sizes.extend((0..20).map(|_| random.random_range(1..MIB)));
    sizes.extend([2 * MIB + 1, 4 * MIB, 8 * MIB - 1, LARGEST]);
    sizes.retain(|size| *size <= largest);
    sizes
}

/// A JSON value of that many bytes: a digit, or a text.
fn value(size: usize, random: &mut SmallRng) -> String {
    if size < 2 {
        return random.random_range(0..10).to_string();
    }
    let mut bytes = vec![0; size];
    random.fill_bytes(&mut bytes);
    bytes.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
    (bytes[0], bytes[size - 1]) = (b'"', b'"');
    String::from_utf8(bytes).unwrap()
}

fn values(largest: usize) -> Vec<String> {
    let mut random = SmallRng::seed_from_u64(SEED);
    let sizes = sizes(largest, &mut random);
    sizes.into_iter().map(|size| value(size, &mut random)).collect()
}

/// How often each was found. Long ones are not shown when a test fails.
fn assert_same(found: Vec<String>, expected: &[String], what: &str) {
    let count = |values: &[String]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        values.iter().for_each(|value| *counts.entry(value.clone()).or_default() += 1);
        counts
    };
    let (found, expected) = (count(&found), count(expected));
    for (value, times) in &expected {
        let seen = found.get(value).copied().unwrap_or(0);
        assert_eq!(seen, *times, "{what}: a record of {} bytes", value.len());
    }
    assert_eq!(found.len(), expected.len(), "{what}: something that nobody sent");
}

/// The column `data` of all Parquet objects below a folder.
fn parquet_values(folder: &std::path::Path) -> Vec<String> {
    let mut values = Vec::new();
    for path in
        files_below(folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "parquet"))
    {
        let file = fs::File::open(&path).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let data = cast(batch.unwrap().column_by_name("data").unwrap(), &DataType::Utf8).unwrap();
            values.extend(data.as_string::<i32>().iter().map(|value| value.unwrap().to_owned()));
        }
    }
    values
}

const RAW: &str = r#"
[topology]
name = "sizes"
drain_deadline = "120s"
[ingress.collector]
to = "sizes"
[stream.sizes]
shards = 2
max_record = "10MiB"
[raw.lines]
from = "sizes"
store = "file://lines"
format = "jsonl"
roll = { bytes = "8MiB", age = "200ms" }
[raw.packed]
from = "sizes"
store = "file://packed"
roll = { bytes = "1MiB", age = "200ms" }
[raw.columns]
from = "sizes"
store = "file://columns"
format = "parquet"
roll = { bytes = "8MiB", age = "200ms" }
"#;

#[test]
fn records_of_any_size_come_to_raw_objects_byte_for_byte() {
    let bench = Bench::new(RAW);
    let daemon = bench.start();
    let values = values(LARGEST);
    let mut client = daemon.ingress();
    let mut post = |body: &[u8]| client.post("/streams/sizes/records", &[], body).unwrap();
    // Small ones in one request, large ones in one each.
    let (small, large): (Vec<&String>, Vec<&String>) = values.iter().partition(|value| value.len() < 100_000);
    let together: String = small.iter().map(|value| format!("{value}\n")).collect();
    let answer = post(together.as_bytes());
    assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (200, Some(small.len() as u64)));
    for value in large {
        let answer = post(value.as_bytes());
        assert_eq!(answer.status, 200, "{} bytes: {}", value.len(), answer.text());
    }
    // One byte more is a fault of that record alone.
    let mut random = SmallRng::seed_from_u64(SEED + 1);
    let above = format!("7\n{}\n8\n", value(LARGEST + 1, &mut random));
    let answer = post(above.as_bytes()).json();
    assert_eq!((answer["accepted"].as_u64(), answer["faulty"].as_u64()), (Some(2), Some(1)), "{answer}");
    let told = answer["faults"][0].to_string();
    assert!(told.contains("10485761 bytes") && told.contains("10485760 are allowed"), "{told}");
    daemon.stop();
    let expected = [values, vec!["7".to_owned(), "8".to_owned()]].concat();
    for folder in ["lines", "packed"] {
        assert_same(raw_lines(&bench.data().join(folder)), &expected, folder);
    }
    assert_same(parquet_values(&bench.data().join("columns")), &expected, "columns");
}

fn kinesis(client: &mut Client, operation: &str, request: &Value) -> Value {
    let answer = ask(client, operation, JSON, &[], request.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

/// All that a shard holds, by GetRecords.
fn read_all(client: &mut Client, count: usize) -> Vec<String> {
    let place =
        json!({"StreamName": "made", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator = kinesis(client, "GetShardIterator", &place)["ShardIterator"].clone();
    let mut values = Vec::new();
    while values.len() < count {
        let answer = kinesis(client, "GetRecords", &json!({"ShardIterator": iterator}));
        let records = answer["Records"].as_array().unwrap();
        assert!(!records.is_empty() || answer["MillisBehindLatest"] != 0, "{} of {count} came", values.len());
        let data = records.iter().map(|record| STANDARD.decode(record["Data"].as_str().unwrap()).unwrap());
        values.extend(data.map(|bytes| String::from_utf8(bytes).unwrap()));
        iterator = answer["NextShardIterator"].clone();
    }
    values
}

const NOTHING: &str = "[ingress.collector]\nto = \"nothing\"\n[stream.nothing]\n";

fn put(client: &mut Client, data: &str) -> crate::support::Answer {
    let request = json!({"StreamName": "made", "PartitionKey": "k", "Data": STANDARD.encode(data)});
    ask(client, "PutRecord", JSON, &[], request.to_string().as_bytes())
}

#[test]
fn records_of_any_size_go_through_the_streams_api_byte_for_byte() {
    let bench = Bench::new(NOTHING);
    let daemon = bench.start();
    let mut client = daemon.aws().unwrap();
    kinesis(&mut client, "CreateStream", &json!({"StreamName": "made", "ShardCount": 1}));
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/made";
    // Key and data count.
    let mut random = SmallRng::seed_from_u64(SEED + 2);
    let fits = value(MIB - 1, &mut random);
    assert_eq!(put(&mut client, &fits).status, 200);
    let refused = put(&mut client, &value(MIB, &mut random));
    assert_eq!(code(&refused), "InvalidArgumentException", "{}", refused.text());
    kinesis(&mut client, "UpdateMaxRecordSize", &json!({"StreamARN": arn, "MaxRecordSizeInKiB": 10_240}));
    let values = values(LARGEST - 1);
    let (small, large): (Vec<&String>, Vec<&String>) = values.iter().partition(|value| value.len() < 10_000);
    let records: Vec<Value> =
        small.iter().map(|value| json!({"PartitionKey": "k", "Data": STANDARD.encode(value)})).collect();
    let answer = kinesis(&mut client, "PutRecords", &json!({"StreamName": "made", "Records": records}));
    assert_eq!(answer["FailedRecordCount"], 0);
    for value in &large {
        let answer = put(&mut client, value);
        assert_eq!(answer.status, 200, "{} bytes: {}", value.len(), answer.text());
    }
    let largest = value(LARGEST - 1, &mut random);
    assert_eq!(put(&mut client, &largest).status, 200, "the key has one byte");
    let refused = put(&mut client, &value(LARGEST, &mut random));
    assert_eq!(code(&refused), "InvalidArgumentException", "{}", refused.text());
    let sent: Vec<String> =
        [vec![fits], small.into_iter().chain(large).cloned().collect(), vec![largest]].concat();
    let read = read_all(&mut client, sent.len());
    assert!(read == sent, "they come in their order, byte for byte");
    daemon.stop();
}

fn queues(server: &WorkServer) -> String {
    format!(
        r#"
[topology]
name = "queued-sizes"
drain_deadline = "120s"
[ingress.collector]
to = "sizes"
[stream.sizes]
max_record = "10MiB"
[queue.jobs]
from = "sizes"
visibility_timeout = "120s"
[workers.echo]
from = "jobs"
to = "back"
run.http = {{ url = "{}", timeout = "60s" }}
[stream.back]
max_record = "10MiB"
[raw.kept]
from = "back"
store = "file://raw"
format = "jsonl"
roll = {{ bytes = "8MiB", age = "200ms" }}
"#,
        server.url()
    )
}

#[test]
fn records_of_any_size_go_through_queues_and_workers_byte_for_byte() {
    let server = WorkServer::echoing();
    let bench = Bench::new(&queues(&server));
    let daemon = bench.start();
    let values = values(LARGEST);
    let mut client = daemon.ingress();
    for value in &values {
        let answer = client.post("/streams/sizes/records", &[], value.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{} bytes: {}", value.len(), answer.text());
    }
    messages_of_any_size(&daemon);
    daemon.stop();
    assert_same(raw_lines(&bench.data().join("raw")), &values, "what workers gave back");
}

/// By the queue API, whose largest message has 1 MiB.
fn messages_of_any_size(daemon: &Daemon) {
    let mut client = daemon.aws().unwrap();
    make_queue(&mut client, "made", 120);
    let values = values(MIB);
    for value in &values {
        let request = json!({"QueueUrl": queue_url("made"), "MessageBody": value});
        ask_queues(&mut client, "SendMessage", &request).unwrap();
    }
    let above = value(MIB + 1, &mut SmallRng::seed_from_u64(SEED));
    let request = json!({"QueueUrl": queue_url("made"), "MessageBody": above});
    let refused = try_queues(&mut client, "SendMessage", &request).unwrap();
    assert!(refused.status == 400 && refused.text().contains("1048576"), "{}", refused.text());
    let mut found = Vec::new();
    while found.len() < values.len() {
        let request = json!({"QueueUrl": queue_url("made"), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5});
        let answer = ask_queues(&mut client, "ReceiveMessage", &request).unwrap();
        let messages = answer["Messages"].as_array().expect("nothing is lost");
        found.extend(messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()));
    }
    assert_same(found, &values, "the queue API");
}
