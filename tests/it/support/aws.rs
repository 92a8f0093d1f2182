//! What tests say to the AWS endpoint of a daemon, and what they hear.

use super::{Answer, Client, Daemon, PATIENCE};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

pub const AWS_TOPOLOGY: &str = r#"
[ingress.collector]
to = ["trips"]

[stream.trips]

[raw.bronze]
from = "trips"
store = "file://raw"
format = "jsonl"
"#;

pub const JSON: &str = "application/x-amz-json-1.1";
pub const CBOR: &str = "application/x-amz-cbor-1.1";
/// Signed by somebody, in a way that an open endpoint takes.
pub const SIGNED: [(&str, &str); 2] = [
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00",
    ),
    ("x-amz-date", "20260101T000000Z"),
];

/// Asks for an operation of Kinesis.
pub fn ask(client: &mut Client, operation: &str, kind: &str, more: &[(&str, &str)], body: &[u8]) -> Answer {
    let target = format!("Kinesis_20131202.{operation}");
    let headers = [("content-type", kind), ("x-amz-target", target.as_str())];
    let headers: Vec<(&str, &str)> = headers.into_iter().chain(SIGNED).chain(more.iter().copied()).collect();
    client.post("/", &headers, body).unwrap()
}

/// The code of an error of AWS's form.
pub fn code(answer: &Answer) -> String {
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36), "{answer:?}");
    assert!((400..=503).contains(&answer.status), "{answer:?}");
    match answer.header("content-type") {
        Some(JSON) => answer.json()["__type"].as_str().unwrap_or_default().to_owned(),
        // {"__type": ...}: a map whose first key is a text of six bytes.
        Some(CBOR) => {
            assert!(answer.body.get(1..8) == Some(b"\x66__type"), "{answer:?}");
            let (from, length) = match answer.body[8] {
                short @ 0x60..0x78 => (9, short - 0x60),
                _ => (10, answer.body[9]),
            };
            String::from_utf8(answer.body[from..from + usize::from(length)].to_vec()).unwrap()
        }
        _ => answer.text().trim_start_matches('<').split('>').next().unwrap_or_default().to_owned(),
    }
}

/// Somebody else is served.
pub fn serves(daemon: &Daemon) {
    let answer = ask(&mut daemon.aws().unwrap(), "ListStreams", JSON, &[], b"{}");
    assert_eq!((answer.status, answer.json()["StreamNames"][0].as_str()), (200, Some("trips")));
}

/// A request as it is sent.
pub fn request(operation: &str, body: &str) -> String {
    let [(authorization, signed), (dated, date)] = SIGNED;
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\nx-amz-target: Kinesis_20131202.{operation}\r\n\
         {authorization}: {signed}\r\n{dated}: {date}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A connection to the endpoint.
pub fn connected(daemon: &Daemon) -> TcpStream {
    let connection = TcpStream::connect(daemon.aws_address()).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_write_timeout(Some(PATIENCE)).unwrap();
    connection
}

/// What comes until the daemon ends the connection, or until `enough` of a text has come.
pub fn received(connection: &mut TcpStream, text: &str, enough: usize) -> String {
    let (mut received, mut piece) = (Vec::new(), [0; 16 << 10]);
    while String::from_utf8_lossy(&received).matches(text).count() < enough {
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(length) => received.extend_from_slice(&piece[..length]),
        }
    }
    String::from_utf8_lossy(&received).into_owned()
}

/// What is answered to these bytes until the daemon ends the connection.
pub fn told(daemon: &Daemon, sent: &[u8]) -> String {
    let mut connection = connected(daemon);
    // A daemon that refuses early may close before all is sent.
    let _ = connection.write_all(sent);
    received(&mut connection, "no such text", 1)
}
