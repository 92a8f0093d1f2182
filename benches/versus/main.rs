//! The load of `benches/versus/run`: the same calls to any server of the streams API.
//!
//! `versus put ADDRESS SECONDS` writes, `versus get ADDRESS SECONDS` reads what it wrote first; each prints
//! one line of JSON. `versus batches|singles ADDRESS SECONDS` carries messages through a queue. `versus crowd ADDRESS STREAMS SHARDS` makes streams that nobody uses, for
//! `benches/versus/crowd`: so many of one shard, and one of so many shards. 500 records of 1 KiB a call,
//! 8 connections, 8 shards, one thread. Bodies are made before the clock starts, and answers are not parsed
//! while it runs, so that the server gets what there is of the machine.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench that cannot measure stops"
)]

mod connection;
mod queues;

use base64::{Engine, prelude::BASE64_STANDARD};
use connection::{Connection, Spoken};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

const CONNECTIONS: usize = 8;
const SHARDS: usize = 8;
const RECORDS: usize = 500;
const RECORD_BYTES: usize = 1024;
/// Calls whose records are read: 4 MiB in a shard.
const CALLS_TO_READ: usize = 64;
const SETTLING: Duration = Duration::from_secs(60);

const STREAMS: Spoken = Spoken { target: "Kinesis_20131202", json: "1.1", name: "kinesis" };

fn request(operation: &str, body: &str) -> Vec<u8> {
    connection::request(&STREAMS, operation, body)
}

/// A call of PutRecords with random data and keys.
fn put_records(stream: &str, random: &mut SmallRng) -> Vec<u8> {
    let mut body = format!("{{\"StreamName\":\"{stream}\",\"Records\":[");
    for record in 0..RECORDS {
        let data: [u8; RECORD_BYTES] = std::array::from_fn(|_| random.random());
        let (comma, key) = (if record > 0 { "," } else { "" }, random.random::<u32>());
        let data = BASE64_STANDARD.encode(data);
        write!(body, "{comma}{{\"Data\":\"{data}\",\"PartitionKey\":\"{key:08x}\"}}").expect("text");
    }
    request("PutRecords", &(body + "]}"))
}

async fn ask(connection: &mut Connection, operation: &str, body: Value) -> Value {
    let answer = connection.call(&request(operation, &body.to_string())).await;
    serde_json::from_slice(answer).unwrap_or_default()
}

/// Makes the stream and waits until it can be used; gives its shards.
async fn make_stream(address: &str, stream: &str) -> Vec<String> {
    let mut connection = Connection::open(address).await;
    ask(&mut connection, "CreateStream", json!({"StreamName": stream, "ShardCount": SHARDS})).await;
    let begun = Instant::now();
    loop {
        let told = ask(&mut connection, "DescribeStream", json!({"StreamName": stream})).await;
        if told["StreamDescription"]["StreamStatus"] == "ACTIVE" {
            let shards = told["StreamDescription"]["Shards"].as_array().expect("shards").iter();
            return shards.filter_map(|shard| shard["ShardId"].as_str().map(str::to_owned)).collect();
        }
        assert!(begun.elapsed() < SETTLING, "{told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An answer to PutRecords that refuses none.
fn assert_stored(answer: &[u8]) {
    let count = b"\"FailedRecordCount\":";
    let at = answer.windows(count.len()).position(|part| part == count);
    let failed = at.and_then(|at| answer[at + count.len()..].iter().find(|byte| **byte != b' '));
    assert_eq!(failed, Some(&b'0'), "records were refused");
}

/// What came of a measurement.
struct Measured {
    calls: usize,
    /// Records, or messages that went all their way.
    records: usize,
    /// Times of all calls, in seconds.
    times: Vec<f64>,
    seconds: f64,
}

impl Measured {
    fn print(mut self) {
        self.times.sort_by(f64::total_cmp);
        let at = |share: f64| self.times[((self.times.len() - 1) as f64 * share) as usize] * 1e3;
        println!(
            "{}",
            json!({"calls": self.calls, "records": self.records, "seconds": self.seconds,
                   "median_ms": at(0.5), "p99_ms": at(0.99)})
        );
    }
}

/// Sends each connection's requests in turn until the time is over. A request stands with the records
/// that its answer confirms or has.
async fn drive(address: &str, requests: Vec<Vec<(Vec<u8>, usize)>>, lasts: Duration) -> Measured {
    let started = Instant::now();
    let clients: Vec<_> = requests
        .into_iter()
        .map(|requests| {
            let address = address.to_owned();
            tokio::spawn(async move {
                let mut connection = Connection::open(&address).await;
                let (mut times, mut records) = (Vec::new(), 0);
                for (request, count) in requests.iter().cycle() {
                    let begun = Instant::now();
                    let answer = connection.call(request).await;
                    if times.is_empty() && answer.starts_with(b"{\"Failed") {
                        assert_stored(answer);
                    }
                    times.push(begun.elapsed().as_secs_f64());
                    records += count;
                    if started.elapsed() >= lasts {
                        break;
                    }
                }
                (times, records)
            })
        })
        .collect();
    let mut measured = Measured { calls: 0, records: 0, times: Vec::new(), seconds: 0.0 };
    for client in clients {
        let (times, records) = client.await.expect("client");
        measured.calls += times.len();
        measured.records += records;
        measured.times.extend(times);
    }
    measured.seconds = started.elapsed().as_secs_f64();
    measured
}

async fn put(address: &str, lasts: Duration) {
    make_stream(address, "written").await;
    let mut random = SmallRng::seed_from_u64(1);
    let requests = (0..CONNECTIONS).map(|_| vec![(put_records("written", &mut random), RECORDS)]).collect();
    drive(address, requests, lasts).await.print();
}

/// Makes streams of one shard, and one of many.
async fn crowd(address: &str, streams: usize, shards: usize) {
    let mut connection = Connection::open(address).await;
    for number in 0..streams {
        let wanted = json!({"StreamName": format!("idle-{number}"), "ShardCount": 1});
        ask(&mut connection, "CreateStream", wanted).await;
    }
    ask(&mut connection, "CreateStream", json!({"StreamName": "wide", "ShardCount": shards})).await;
}

/// Reads a shard from its first record on; gives the requests for all of it, with what each finds.
async fn calls_to_read(address: &str, stream: &str, shard: &str) -> Vec<(Vec<u8>, usize)> {
    let mut connection = Connection::open(address).await;
    let place = json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator = ask(&mut connection, "GetShardIterator", place).await["ShardIterator"].take();
    let mut calls = Vec::new();
    while let Some(text) = iterator.as_str().map(str::to_owned) {
        let mut told = ask(&mut connection, "GetRecords", json!({"ShardIterator": text})).await;
        let found = told["Records"].as_array().map_or(0, Vec::len);
        if found == 0 {
            break;
        }
        calls.push((request("GetRecords", &json!({"ShardIterator": text}).to_string()), found));
        iterator = told["NextShardIterator"].take();
    }
    calls
}

async fn get(address: &str, lasts: Duration) {
    let shards = make_stream(address, "read").await;
    let mut random = SmallRng::seed_from_u64(2);
    let mut connection = Connection::open(address).await;
    for _ in 0..CALLS_TO_READ {
        assert_stored(connection.call(&put_records("read", &mut random)).await);
    }
    let mut requests = Vec::new();
    for shard in &shards {
        requests.push(calls_to_read(address, "read", shard).await);
    }
    let found: usize = requests.iter().flatten().map(|(_, found)| found).sum();
    assert_eq!(found, CALLS_TO_READ * RECORDS, "every record is read once");
    drive(address, requests, lasts).await.print();
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let lasts = |seconds: &str| Duration::from_secs_f64(seconds.parse().expect("seconds"));
    match words.as_slice() {
        ["put", address, seconds] => runtime.block_on(put(address, lasts(seconds))),
        ["get", address, seconds] => runtime.block_on(get(address, lasts(seconds))),
        ["batches", address, seconds] => runtime.block_on(queues::drive(address, 10, lasts(seconds))).print(),
        ["singles", address, seconds] => runtime.block_on(queues::drive(address, 1, lasts(seconds))).print(),
        ["crowd", address, streams, shards] => {
            let number = |word: &str| word.parse().expect("number");
            runtime.block_on(crowd(address, number(streams), number(shards)));
        }
        _ => println!(
            "usage: versus put|get|batches|singles ADDRESS SECONDS; benches/versus/run, crowd and queues do it all"
        ),
    }
}
