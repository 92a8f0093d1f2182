//! What each fuzz target does with its input. A target fails by a panic; memory is bounded by libFuzzer's
//! `-rss_limit_mb`.
//!
//! ```sh
//! cargo install cargo-fuzz
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz json -- -rss_limit_mb=512 -max_total_time=600
//! ```
//!
//! The other targets: `cbor`, `queue_json`, `query`, `shapes`, `signature`, `event_stream`, `shard_iterator`,
//! `sequence_number`, `body_encoding`. `cargo test` in this folder tries each of them a few thousand times without a fuzzer.

#![allow(dead_code, unused_imports, unused_macros, reason = "the daemon uses more of the sources that are taken here")]

#[path = "../../src/pipeline/ingress/encoding.rs"]
mod encoding;
pub mod wire;

use bytes::Bytes;
use wire::{
    Operation, kinesis,
    protocol::{Content, Output, Protocol, event_stream as frames},
    signing::{Claim, Credentials, SignedRequest, verify},
    sqs,
};

/// Most bytes of an answer that refuses a request.
const LONGEST_REFUSAL: usize = 1 << 20;

/// The operation that the first byte chooses, and the rest.
fn chosen(operations: &'static [Operation], data: &[u8]) -> Option<(&'static Operation, Bytes)> {
    let (first, rest) = data.split_first()?;
    Some((operations.get(usize::from(*first) % operations.len())?, Bytes::copy_from_slice(rest)))
}

fn read(protocol: Protocol, operations: &'static [Operation], data: &[u8]) {
    let Some((operation, body)) = chosen(operations, data) else { return };
    if let Err(refused) = protocol.read(operation.input, &body) {
        assert_eq!(refused.status, 400, "{refused}");
        assert!(refused.message.len() < LONGEST_REFUSAL, "{} bytes", refused.message.len());
    }
}

/// A request to the streams in JSON 1.1.
pub fn json(data: &[u8]) {
    read(Protocol::Json, &kinesis::OPERATIONS, data);
}

/// A request to the streams in CBOR 1.1.
pub fn cbor(data: &[u8]) {
    read(Protocol::Cbor, &kinesis::OPERATIONS, data);
}

/// A request to the queues in JSON 1.0.
pub fn queue_json(data: &[u8]) {
    read(Protocol::Json, &sqs::OPERATIONS, data);
}

/// A request to the queues in Query.
pub fn query(data: &[u8]) {
    read(Protocol::Query, &sqs::OPERATIONS, data);
}

/// Every operation's input model on the same bytes, in all protocols.
pub fn shapes(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    for operation in kinesis::OPERATIONS.iter().chain(&sqs::OPERATIONS) {
        for protocol in [Protocol::Json, Protocol::Cbor, Protocol::Query] {
            let _ = protocol.read(operation.input, &body);
        }
    }
}

/// Header, query and date of a signature, with line ends between.
pub fn signature(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(4, '\n').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let (authorization, query, date, path) = (part(), part(), part(), part());
    let mut headers = vec![("host".to_owned(), "localhost".to_owned()), ("x-amz-date".to_owned(), date)];
    if !authorization.is_empty() {
        headers.push(("authorization".to_owned(), authorization));
    }
    let request =
        SignedRequest { method: "POST", path: &path, query: &query, headers: headers.into(), body: b"{}" };
    let Ok(credentials) = Credentials::parse("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG") else { return };
    let now = jiff::Timestamp::from_second(1_440_938_160).unwrap_or_default();
    if let Ok(claim) = Claim::of(&request) {
        let _ = (claim.region(), claim.access_key());
        assert!(verify(&claim, &request, "kinesis", &credentials, now).is_err(), "nobody signed it");
    }
}

fn number(frame: &[u8], at: usize) -> usize {
    frame[at..at + 4].iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn checksum(bytes: &[u8]) -> usize {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, bytes) as usize
}

/// An event that carries the bytes: its frame is as long as it says, with sums that hold.
pub fn event_stream(data: &[u8]) {
    for protocol in [Protocol::Json, Protocol::Cbor] {
        let records = Content::List(vec![Bytes::copy_from_slice(data).into(); 2]);
        let text = Content::Text(String::from_utf8_lossy(data).into_owned());
        let payload = Output::new().with("Records", records).with("Text", text);
        let frame = frames::event(protocol, "SubscribeToShardEvent", &payload);
        let (length, headers) = (number(&frame, 0), number(&frame, 4));
        assert_eq!(length, frame.len());
        assert_eq!(number(&frame, 8), checksum(&frame[..8]));
        assert_eq!(number(&frame, length - 4), checksum(&frame[..length - 4]));
        assert_eq!(&frame[12 + headers..length - 4], protocol.write(&payload));
    }
}

/// An iterator of a shard.
pub fn shard_iterator(data: &[u8]) {
    wire::kinesis::iterator(data);
}

/// A sequence number, and the name of a shard.
pub fn sequence_number(data: &[u8]) {
    wire::kinesis::sequence_number(data);
}

/// A compressed body of an HTTP request: never expanded beyond its bound.
pub fn body_encoding(data: &[u8]) {
    const LIMIT: u64 = 1 << 20;
    for name in ["identity", "gzip", "zstd"] {
        let Some(encoding) = encoding::Encoding::read(name) else { continue };
        if let Ok(body) = encoding.expand(Bytes::copy_from_slice(data), LIMIT) {
            assert!(body.len() as u64 <= LIMIT);
        }
    }
}
