//! Over real connections: both versions of HTTP on one port, and what breaks them.

use super::*;
use crate::wire::endpoint::Endpoint;
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

/// Starts an endpoint; the runtime of its operations lives as long.
pub(super) fn started() -> (tokio::runtime::Runtime, watch::Sender<bool>, Endpoint) {
    started_with(Duration::from_secs(75))
}

/// As `started`, with connections that may rest for as long as `idle`.
pub(super) fn started_with(idle: Duration) -> (tokio::runtime::Runtime, watch::Sender<bool>, Endpoint) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (drain, draining) = watch::channel(false);
    let front = {
        let _on_runtime = runtime.enter();
        front("", draining)
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::start(listener, front, idle).unwrap();
    (runtime, drain, endpoint)
}

pub(super) fn connected(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    connection
}

/// Sends bytes and reads until the server closes, or until `enough` has come.
fn exchanged(address: SocketAddr, sent: &[u8], enough: &[u8]) -> Vec<u8> {
    let mut connection = connected(address);
    // A server that refuses early may close before all is sent.
    let _ = connection.write_all(sent);
    let (mut received, mut piece) = (Vec::new(), [0; 4_096]);
    while !received.windows(enough.len()).any(|window| window == enough) {
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(length) => received.extend_from_slice(&piece[..length]),
        }
    }
    received
}

pub(super) fn request(operation: &str, headers: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: Kinesis_20131202.{operation}\r\nauthorization: {SIGNED}\r\n\
         x-amz-date: 20260101T000000Z\r\n{headers}\r\n{body}"
    )
}

#[test]
fn http_1_is_served_with_bodies_of_both_framings() {
    let (_runtime, _drain, endpoint) = started();
    let body = r#"{"StreamName":"trips"}"#;
    let whole = request("Echo", &format!("content-length: {}\r\n", body.len()), body);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let chunked = request("Echo", "transfer-encoding: chunked\r\n", &chunked);
    for sent in [whole, chunked] {
        let answer = exchanged(endpoint.address(), sent.as_bytes(), b"\"Region\":\"eu-west-1\"}");
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains(r#"{"StreamName":"trips","Account":"000000000000""#), "{answer}");
    }
}

#[test]
fn http_2_by_prior_knowledge_is_served_on_the_same_port() {
    let (_runtime, _drain, endpoint) = started();
    // The preface and empty settings; the server's settings are its first frame (type 4).
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let answer = exchanged(endpoint.address(), preface, b"\x04\x01\x00\x00\x00\x00");
    assert_eq!(answer[3], 4, "{answer:02x?}");
}

#[test]
fn http_2_is_known_when_its_first_bytes_come_one_by_one() {
    let (_runtime, _drain, endpoint) = started();
    let mut connection = connected(endpoint.address());
    connection.set_nodelay(true).unwrap();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" {
        connection.write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut header = [0; 9];
    connection.read_exact(&mut header).unwrap();
    assert_eq!(header[3], 4, "{header:02x?}");
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let (_runtime, _drain, endpoint) = started();
    let claimed = request("Echo", "content-length: 17000000\r\n", "{");
    let answer = exchanged(endpoint.address(), claimed.as_bytes(), b"\r\n\r\n");
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    let mut chunked = request("Echo", "transfer-encoding: chunked\r\n", "").into_bytes();
    let piece = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    (0..17).for_each(|_| chunked.extend_from_slice(&piece));
    let answer = exchanged(endpoint.address(), &chunked, b"\r\n\r\n");
    // Whoever goes on sending may find the connection reset before the answer is read.
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn whatever_is_no_http_ends_the_connection_and_nothing_else() {
    let (_runtime, _drain, endpoint) = started();
    for nonsense in
        [b"\x00\x01\x02\r\n\r\n".as_slice(), b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", &[0xff; 70_000]]
    {
        let answer = exchanged(endpoint.address(), nonsense, b"\r\n\r\n");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let good = request("ListStreams", "content-length: 2\r\n", "{}");
    let answer = exchanged(endpoint.address(), good.as_bytes(), b"{\"StreamNames\":[\"trips\"]}");
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn events_are_sent_as_they_come_and_the_stream_ends_with_its_exception() {
    let (_runtime, _drain, endpoint) = started();
    let subscribe = request("SubscribeToShard", "content-length: 2\r\n", "{}");
    let answer = exchanged(endpoint.address(), subscribe.as_bytes(), b"\r\n0\r\n\r\n");
    let has = |wanted: &[u8]| answer.windows(wanted.len()).any(|window| window == wanted);
    assert!(has(b"content-type: application/vnd.amazon.eventstream") && has(b"initial-response"));
    assert!(has(b"SubscribeToShardEvent") && has(b"ResourceNotFoundException"));
}
