//! Connections that rest for too long, by an endpoint that lets them rest for a short time only.

use super::{
    sockets::{connected, request, started_with},
    *,
};
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

const IDLE: Duration = Duration::from_secs(1);

/// What comes until the server ends the connection; a wait that is too long fails. Pings of HTTP/2 are
/// answered, as every client does.
fn until_the_end(connection: &mut TcpStream) -> Vec<u8> {
    let (mut received, mut piece, mut seen) = (Vec::new(), [0; 4_096], 0);
    loop {
        match connection.read(&mut piece) {
            Ok(0) => return received,
            Ok(length) => received.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return received,
            Err(error) => panic!("the connection is not ended: {error}"),
        }
        while let Some((kind, flags, payload)) = frame_at(&received, seen) {
            seen += 9 + payload.len();
            if (kind, flags) == (6, 0) {
                let mut answer = frame(6, 1, payload);
                // Pings are of no stream.
                answer[8] = 0;
                let _ = connection.write_all(&answer);
            }
        }
    }
}

/// Kind, flags and payload of a whole frame of HTTP/2. Texts of HTTP/1.1 look like endless ones.
fn frame_at(bytes: &[u8], at: usize) -> Option<(u8, u8, &[u8])> {
    let head = bytes.get(at..at + 9)?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    Some((head[3], head[4], bytes.get(at + 9..at + 9 + length)?))
}

fn sent(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut connection = connected(address);
    connection.write_all(bytes).unwrap();
    connection
}

/// The preface of HTTP/2 with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// A request of HTTP/2 on stream 1: headers as literals that nobody has to remember, and a body.
fn request_of_http_2(operation: &str, body: &str) -> Vec<u8> {
    // POST, http, / have places in the table that everybody knows.
    let mut headers = vec![0x83, 0x86, 0x84];
    let target = format!("Kinesis_20131202.{operation}");
    for (name, value) in [(":authority", "localhost"), JSON, ("x-amz-target", &target), AUTHORIZED, DATE] {
        headers.push(0);
        for text in [name, value] {
            // A length beyond 126 goes on in a second byte.
            match text.len() {
                short @ 0..127 => headers.push(u8::try_from(short).unwrap()),
                long => headers.extend([127, u8::try_from(long - 127).unwrap()]),
            }
            headers.extend_from_slice(text.as_bytes());
        }
    }
    [frame(1, 4, &headers), frame(0, 1, body.as_bytes())].concat()
}

#[test]
fn whoever_says_nothing_is_let_go() {
    let (_runtime, _drain, endpoint) = started_with(IDLE);
    let mut silent: Vec<TcpStream> = (0..20).map(|_| connected(endpoint.address())).collect();
    for connection in &mut silent {
        assert_eq!(until_the_end(connection), b"");
    }
}

#[test]
fn whoever_stops_within_a_head_is_let_go() {
    let (_runtime, _drain, endpoint) = started_with(IDLE);
    for begun in [b"P".as_slice(), b"POST / HTTP/1.1\r\nhost: local", b"PRI * HTTP/2", &PREFACE[..20]] {
        let answer = until_the_end(&mut sent(endpoint.address(), begun));
        let is_http_2 = begun.starts_with(b"PRI");
        assert!(is_http_2 || answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
    }
}

#[test]
fn a_connection_rests_between_requests_and_is_let_go_after_the_last() {
    let (_runtime, _drain, endpoint) = started_with(Duration::from_secs(4));
    let body = request("ListStreams", "content-length: 2\r\n", "{}");
    let mut connection = sent(endpoint.address(), body.as_bytes());
    let mut piece = [0; 4_096];
    assert!(connection.read(&mut piece).unwrap() > 0);
    std::thread::sleep(Duration::from_millis(200));
    connection.write_all(body.as_bytes()).unwrap();
    let last = until_the_end(&mut connection);
    assert!(last.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&last));
}

#[test]
fn whoever_stops_within_a_later_head_is_let_go() {
    let (_runtime, _drain, endpoint) = started_with(IDLE);
    let mut begun = request("ListStreams", "content-length: 2\r\n", "{}");
    begun.push_str("POST / HTTP/1.1\r\nhost: local");
    let answer = until_the_end(&mut sent(endpoint.address(), begun.as_bytes()));
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn over_http_2_a_connection_without_requests_is_let_go() {
    let (_runtime, _drain, endpoint) = started_with(IDLE);
    let answer = until_the_end(&mut sent(endpoint.address(), PREFACE));
    assert_eq!(answer[3], 4, "the server's settings came first: {answer:02x?}");
}

#[test]
fn over_http_2_a_request_that_takes_its_time_is_answered_first() {
    let (_runtime, _drain, endpoint) = started_with(IDLE);
    let begun = Instant::now();
    let sending = [PREFACE, &request_of_http_2("Linger", "{}")].concat();
    let answer = until_the_end(&mut sent(endpoint.address(), &sending));
    assert!(begun.elapsed() >= LINGERS && LINGERS > IDLE * 3, "it was let go while it was answered");
    let (mut at, mut is_answered) = (0, false);
    while let Some((kind, _, payload)) = frame_at(&answer, at) {
        // Headers that begin with status 200, which has a place in the table.
        is_answered |= kind == 1 && payload.first() == Some(&0x88);
        at += 9 + payload.len();
    }
    assert!(is_answered, "{answer:02x?}");
}
