//! What is done with a request's body before the log: records found, checked, keyed, encoded. Against what any
//! program has to do: find the lines and copy them, see once whether it is JSON, decode the Base64. (The handler
//! that stores nothing, with HTTP itself, is `cargo bench --bench limits -- ingest`.)

use super::{
    pairs::{Pair, Pairs},
    trips::{ARRIVED_AT, Trip, trips},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use base64_simd::AsOut;
use bytes::Bytes;
use caudal::{
    pipeline::{ingress::BodyParser, stream::hash_key},
    wire::{kinesis, protocol::Protocol},
};
use criterion::Bencher;
use serde::de::IgnoredAny;
use serde_json::json;
use std::hint::black_box;

const RECORDS: usize = 500;
/// As the section of a stream has them by default: the four shards of a trip's stream, and 1 MiB a record.
const SHARD_BITS: u32 = 2;
const MAX_RECORD: usize = 1 << 20;

/// The ingress of `topologies/bicimad.toml`.
fn parser() -> BodyParser {
    let section = "to = \"trips\"\nrequire = [\"/travel_time\"]";
    let section = toml::from_str(section).expect("section");
    BodyParser::new(&section, Some("/user_day_code"), MAX_RECORD).expect("parser")
}

fn shard_of(key: &[u8]) -> u32 {
    u32::try_from(hash_key(key) >> (u128::BITS - SHARD_BITS)).expect("shard")
}

fn parse(bencher: &mut Bencher<'_>, body: &[u8]) {
    let mut parser = parser();
    bencher.iter(|| {
        let blocks = parser.parse(black_box(body), ARRIVED_AT, shard_of);
        let records: u32 = blocks.iter().map(|(_, block)| block.count()).sum();
        assert_eq!(records as usize, RECORDS);
        blocks
    });
}

/// Each line found and copied.
fn copy_lines(bencher: &mut Bencher<'_>, body: &[u8]) {
    let mut copied = Vec::with_capacity(body.len());
    bencher.iter(|| {
        copied.clear();
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', black_box(body)) {
            copied.extend_from_slice(&body[begin..end]);
            begin = end + 1;
        }
        copied.extend_from_slice(&body[begin..]);
        black_box(&copied);
    });
}

/// One pass that only sees whether it is JSON.
fn validate(bencher: &mut Bencher<'_>, body: &[u8]) {
    bencher.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(body)).expect("JSON"));
}

fn decode(bencher: &mut Bencher<'_>, encoded: &[String]) {
    let longest = encoded.iter().map(String::len).max().unwrap_or_default();
    let mut decoded = vec![0; longest];
    bencher.iter(|| {
        for text in encoded {
            let text = black_box(text.as_bytes());
            black_box(base64_simd::STANDARD.decode(text, decoded.as_out()).expect("Base64"));
        }
    });
}

pub fn measure(pairs: &mut Pairs) {
    let trips = trips(RECORDS);
    let lines: Vec<&[u8]> = trips.iter().map(|trip| trip.payload.as_slice()).collect();
    let by_lines = lines.join(&b'\n');
    let array = [&b"["[..], &lines.join(&b','), b"]"].concat();
    let pair = |piece, limit, body: &[u8]| Pair { piece, limit, records: RECORDS, bytes: body.len() };
    pairs.measure(
        pair("parse, NDJSON", "lines found and copied", &by_lines),
        |bencher| copy_lines(bencher, &by_lines),
        |bencher| parse(bencher, &by_lines),
    );
    pairs.measure(
        pair("parse, JSON array", "one pass of serde_json, nothing kept", &array),
        |bencher| validate(bencher, &array),
        |bencher| parse(bencher, &array),
    );
    measure_put_records(pairs, &trips);
}

fn measure_put_records(pairs: &mut Pairs, trips: &[Trip]) {
    let encoded: Vec<String> = trips.iter().map(|trip| BASE64_STANDARD.encode(&trip.payload)).collect();
    let entries = encoded.iter().zip(trips);
    let entries = entries.map(|(data, trip)| json!({"Data": data, "PartitionKey": trip.key}));
    let entries: Vec<serde_json::Value> = entries.collect();
    let request = json!({"StreamName": "trips", "Records": entries}).to_string();
    let body = Bytes::from(request);
    let mut operations = kinesis::OPERATIONS.iter();
    let shape = operations.find(|operation| operation.name == "PutRecords").expect("PutRecords").input;
    pairs.measure(
        Pair {
            piece: "parse, PutRecords in JSON",
            limit: "the data out of Base64",
            records: RECORDS,
            bytes: body.len(),
        },
        |bencher| decode(bencher, &encoded),
        |bencher| bencher.iter(|| Protocol::Json.read(shape, black_box(&body)).expect("request")),
    );
}
