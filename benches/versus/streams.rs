//! Streams under load: PutRecords, GetRecords, and streams that nobody uses.

pub use super::encoded::Protocol;
use super::{Measured, SETTLING, connection::Connection, drive, encoded::Record};
use memchr::memmem;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 8;
const SHARDS: usize = 8;
const RECORDS: usize = 500;
const RECORD_BYTES: usize = 1024;
/// Calls whose records are read: 4 MiB in a shard.
const CALLS_TO_READ: usize = 64;

/// A call of PutRecords with random data and keys.
fn put_records(protocol: Protocol, stream: &str, random: &mut SmallRng) -> Vec<u8> {
    let record = |_| Record {
        data: (0..RECORD_BYTES).map(|_| random.random()).collect(),
        key: format!("{:08x}", random.random::<u32>()),
    };
    let records: Vec<Record> = (0..RECORDS).map(record).collect();
    protocol.request("PutRecords", &protocol.put_records(stream, &records))
}

async fn ask(connection: &mut Connection, operation: &str, body: Value) -> Value {
    let answer = connection.call(&Protocol::Json.request(operation, body.to_string().as_bytes())).await;
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
    let name = b"FailedRecordCount";
    let at = memmem::find(answer, name).expect("an answer to PutRecords") + name.len();
    // The number zero: a byte of CBOR, or a digit behind what JSON puts before it.
    let failed = answer[at..].iter().find(|byte| !b"\": ".contains(byte));
    assert!(matches!(failed, Some(0 | b'0')), "records were refused");
}

/// An answer to GetRecords that is not empty.
fn assert_read(answer: &[u8]) {
    assert!(memmem::find(answer, b"PartitionKey").is_some(), "records were read");
}

/// Writes with all connections.
pub async fn put(protocol: Protocol, address: &str, lasts: Duration) -> Measured {
    make_stream(address, "written").await;
    let mut random = SmallRng::seed_from_u64(1);
    let one = |_| vec![(put_records(protocol, "written", &mut random), RECORDS)];
    drive(address, (0..CONNECTIONS).map(one).collect(), lasts, assert_stored).await
}

/// Makes streams of one shard, and one of many.
pub async fn crowd(address: &str, streams: usize, shards: usize) {
    let mut connection = Connection::open(address).await;
    for number in 0..streams {
        let wanted = json!({"StreamName": format!("idle-{number}"), "ShardCount": 1});
        ask(&mut connection, "CreateStream", wanted).await;
    }
    ask(&mut connection, "CreateStream", json!({"StreamName": "wide", "ShardCount": shards})).await;
}

/// Reads a shard from its first record on; gives the requests for all of it, with what each finds.
async fn calls_to_read(
    protocol: Protocol,
    address: &str,
    stream: &str,
    shard: &str,
) -> Vec<(Vec<u8>, usize)> {
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
        calls.push((protocol.request("GetRecords", &protocol.get_records(&text)), found));
        iterator = told["NextShardIterator"].take();
    }
    calls
}

/// Writes, then reads all of it with all connections, again and again.
pub async fn get(protocol: Protocol, address: &str, lasts: Duration) -> Measured {
    let shards = make_stream(address, "read").await;
    let mut random = SmallRng::seed_from_u64(2);
    let mut connection = Connection::open(address).await;
    for _ in 0..CALLS_TO_READ {
        assert_stored(connection.call(&put_records(Protocol::Json, "read", &mut random)).await);
    }
    let mut requests = Vec::new();
    for shard in &shards {
        requests.push(calls_to_read(protocol, address, "read", shard).await);
    }
    let found: usize = requests.iter().flatten().map(|(_, found)| found).sum();
    assert_eq!(found, CALLS_TO_READ * RECORDS, "every record is read once");
    drive(address, requests, lasts, assert_read).await
}
