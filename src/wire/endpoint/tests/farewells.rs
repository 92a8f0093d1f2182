//! Clients of HTTP/2 that send GOAWAY while they wait, as the SDK for JavaScript does.

use super::{
    sockets::{connected, started},
    *,
};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Each header as a literal with a new name, no Huffman code (RFC 7541, 6.2.2).
fn header_block(operation: &str) -> Vec<u8> {
    let target = format!("Kinesis_20131202.{operation}");
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "localhost"),
        ("content-type", JSON.1),
        ("x-amz-target", &target),
        ("authorization", SIGNED),
        ("x-amz-date", DATE.1),
    ] {
        block.push(0);
        for text in [name, value] {
            let length = u8::try_from(text.len()).unwrap();
            // Seven bits, the rest in a second byte (RFC 7541, 5.1).
            match length {
                0..127 => block.push(length),
                _ => block.extend([127, length - 127]),
            }
            block.extend(text.as_bytes());
        }
    }
    block
}

fn read_frame(connection: &mut TcpStream) -> (u8, u8, u32, Vec<u8>) {
    let mut header = [0; 9];
    connection.read_exact(&mut header).unwrap();
    let [a, b, c, kind, flags, stream @ ..] = header;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    connection.read_exact(&mut payload).unwrap();
    (kind, flags, u32::from_be_bytes(stream), payload)
}

/// Sends a request and GOAWAY after it: at once, or when the answer begins. Gives the answer's body.
fn asked(operation: &str, body: &[u8], at_once: bool) -> Vec<u8> {
    let (_runtime, _drain, endpoint) = started();
    let mut connection = connected(endpoint.address());
    let goodbye = frame(GOAWAY, 0, 0, &[0; 8]);
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // A window of 1,000 bytes: the answer cannot be out before the goodbye has come.
    sent.extend(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 3, 232]));
    sent.extend(frame(HEADERS, END_HEADERS, 1, &header_block(operation)));
    let pieces: Vec<&[u8]> = body.chunks(16_000).collect();
    for (place, piece) in pieces.iter().enumerate() {
        let last = if place + 1 == pieces.len() { END_STREAM } else { 0 };
        sent.extend(frame(DATA, last, 1, piece));
    }
    if at_once {
        sent.extend(&goodbye);
    }
    connection.write_all(&sent).unwrap();
    let mut received = Vec::new();
    loop {
        let (kind, flags, stream, payload) = read_frame(&mut connection);
        if kind == HEADERS && !at_once {
            connection.write_all(&goodbye).unwrap();
        }
        if kind == DATA && stream == 1 {
            received.extend(&payload);
            let more = u32::try_from(payload.len()).unwrap().to_be_bytes();
            for window in [0, 1] {
                if !payload.is_empty() {
                    connection.write_all(&frame(WINDOW_UPDATE, 0, window, &more)).unwrap();
                }
            }
        }
        if stream == 1 && flags & END_STREAM != 0 {
            return received;
        }
        assert_ne!(kind, GOAWAY, "the connection ends after {} bytes", received.len());
    }
}

#[test]
fn whoever_says_goodbye_early_gets_the_whole_answer() {
    let data = "QUJD".repeat(12_000);
    let body = format!(r#"{{"StreamName":"a","Data":"{data}"}}"#);
    for at_once in [true, false] {
        let answer = String::from_utf8(asked("Echo", body.as_bytes(), at_once)).unwrap();
        assert!(answer.contains(&data) && answer.ends_with("\"eu-west-1\"}"), "{} bytes", answer.len());
    }
}

#[test]
fn events_go_on_after_a_goodbye() {
    for at_once in [true, false] {
        let events = asked("SubscribeToShard", b"{}", at_once);
        let has = |wanted: &[u8]| events.windows(wanted.len()).any(|window| window == wanted);
        assert!(has(b"initial-response") && has(b"SubscribeToShardEvent"));
        assert!(has(b"ResourceNotFoundException"), "the last event");
    }
}
