//! The two encodings of the streams API: JSON, and CBOR, in which Amazon's SDK for Java and its consumer
//! library speak. What is not measured is asked in JSON.

use super::connection::{self, Spoken};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use std::fmt::Write as _;

/// Major types of CBOR (RFC 8949, section 3.1).
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

/// How bodies of measured calls are written.
#[derive(Debug, Clone, Copy)]
pub enum Protocol {
    Json,
    Cbor,
}

/// A record to be put.
pub struct Record {
    pub data: Vec<u8>,
    pub key: String,
}

impl Protocol {
    pub fn read(word: &str) -> Self {
        match word {
            "json" => Self::Json,
            "cbor" => Self::Cbor,
            other => panic!("no encoding {other}: json or cbor"),
        }
    }

    pub fn request(self, operation: &str, body: &[u8]) -> Vec<u8> {
        let content_type = match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        };
        let streams = Spoken { target: "Kinesis_20131202", content_type, name: "kinesis" };
        connection::request(&streams, operation, body)
    }

    pub fn get_records(self, iterator: &str) -> Vec<u8> {
        match self {
            Self::Json => json!({"ShardIterator": iterator}).to_string().into_bytes(),
            Self::Cbor => {
                let mut body = Body::default();
                body.head(MAP, 1);
                body.text("ShardIterator");
                body.text(iterator);
                body.0
            }
        }
    }

    pub fn put_records(self, stream: &str, records: &[Record]) -> Vec<u8> {
        match self {
            Self::Json => put_json(stream, records),
            Self::Cbor => put_cbor(stream, records),
        }
    }
}

fn put_json(stream: &str, records: &[Record]) -> Vec<u8> {
    let mut body = format!("{{\"StreamName\":\"{stream}\",\"Records\":[");
    for (number, Record { data, key }) in records.iter().enumerate() {
        let (comma, data) = (if number > 0 { "," } else { "" }, BASE64_STANDARD.encode(data));
        write!(body, "{comma}{{\"Data\":\"{data}\",\"PartitionKey\":\"{key}\"}}").expect("text");
    }
    (body + "]}").into_bytes()
}

fn put_cbor(stream: &str, records: &[Record]) -> Vec<u8> {
    let mut body = Body::default();
    body.head(MAP, 2);
    body.text("StreamName");
    body.text(stream);
    body.text("Records");
    body.head(ARRAY, records.len());
    for Record { data, key } in records {
        body.head(MAP, 2);
        body.text("Data");
        body.head(BYTES, data.len());
        body.0.extend_from_slice(data);
        body.text("PartitionKey");
        body.text(key);
    }
    body.0
}

/// A body of CBOR as it grows.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    /// The head of an item by its major type (RFC 8949, section 3).
    fn head(&mut self, major: u8, count: usize) {
        let first = major << 5;
        match u32::try_from(count).expect("count") {
            count @ ..24 => self.0.push(first | count as u8),
            count @ ..256 => self.0.extend([first | 24, count as u8]),
            count => self.0.extend([first | 26].into_iter().chain(count.to_be_bytes())),
        }
    }

    fn text(&mut self, text: &str) {
        self.head(TEXT, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }
}
