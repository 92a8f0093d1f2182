//! HTTP/2 as bytes: frames that may be wrong in any way, and what the daemon does about them.

use super::{Daemon, aws};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// The answer to a ping or to settings.
pub const ACK: u8 = 1;
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// By this a ping of ours is known.
const MARK: &[u8; 8] = b"all read";

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The preface with empty settings.
pub fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// A header with a new name, no Huffman code (RFC 7541, 6.2); `first` says whether it is remembered.
pub fn literal(first: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = vec![first];
    for text in [name, value] {
        match text.len() {
            short @ 0..127 => field.push(u8::try_from(short).unwrap()),
            mut long => {
                // Seven bits, the rest in bytes of their own (RFC 7541, 5.1).
                field.push(127);
                long -= 127;
                while long >= 128 {
                    field.push(u8::try_from(long % 128).unwrap() | 128);
                    long /= 128;
                }
                field.push(u8::try_from(long).unwrap());
            }
        }
        field.extend_from_slice(text);
    }
    field
}

/// The headers of a request that is as it should be.
pub fn block(operation: &str) -> Vec<u8> {
    // POST, http and / have places in the table that everybody knows.
    let mut block = vec![0x83, 0x86, 0x84];
    let target = format!("Kinesis_20131202.{operation}");
    let named = [(":authority", "localhost"), ("content-type", aws::JSON), ("x-amz-target", &target)];
    for (name, value) in named.into_iter().chain(aws::SIGNED) {
        block.extend(literal(0, name.as_bytes(), value.as_bytes()));
    }
    block
}

pub fn request(stream: u32, operation: &str, body: &str) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, stream, &block(operation));
    [head, frame(DATA, END_STREAM, stream, body.as_bytes())].concat()
}

/// What a daemon did about a conversation.
#[derive(Debug, Default)]
pub struct Reaction {
    /// Bodies of answers that have come whole, by their streams.
    pub answers: BTreeMap<u32, String>,
    /// Answers whose status is 200.
    pub good: BTreeSet<u32>,
    /// Streams that were reset.
    pub resets: BTreeSet<u32>,
    /// It said goodbye, or the connection is over.
    pub is_over: bool,
    /// It has read all that was sent: the ping at its end is answered.
    pub has_read_all: bool,
}

/// Sends bytes, a ping after them, and gives what came of it: until the connection is over, or the ping and
/// all streams of `awaited` are answered. Whoever does not take all is given `patience`.
pub fn converse(daemon: &Daemon, sent: &[u8], awaited: &[u32], patience: Duration) -> Reaction {
    let mut connection = aws::connected(daemon);
    connection.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    connection.set_write_timeout(Some(patience)).unwrap();
    let mut writing = connection.try_clone().unwrap();
    let bytes = [sent, &frame(PING, 0, 0, MARK)].concat();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A daemon that has had enough takes no more.
            let _ = writing.write_all(&bytes);
        });
        let reaction = listen(&mut connection, awaited, patience);
        let _ = connection.shutdown(Shutdown::Both);
        reaction
    })
}

fn listen(connection: &mut TcpStream, awaited: &[u32], patience: Duration) -> Reaction {
    let (begun, mut reaction, mut bodies) = (Instant::now(), Reaction::default(), BTreeMap::new());
    let (mut received, mut piece) = (Vec::new(), [0; 64 << 10]);
    while begun.elapsed() < patience {
        match connection.read(&mut piece) {
            Ok(0) => reaction.is_over = true,
            Ok(length) => received.extend_from_slice(&piece[..length]),
            Err(fault)
                if matches!(fault.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => reaction.is_over = true,
        }
        let mut at = 0;
        while let Some((head, rest)) = received[at..].split_at_checked(9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some(payload) = rest.get(..length) else { break };
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            reaction.hear((head[3], head[4], stream), payload, &mut bodies);
            at += 9 + length;
        }
        received.drain(..at);
        let is_answered =
            |stream: &u32| reaction.answers.contains_key(stream) || reaction.resets.contains(stream);
        if reaction.is_over || (reaction.has_read_all && awaited.iter().all(is_answered)) {
            break;
        }
    }
    reaction
}

impl Reaction {
    fn hear(
        &mut self,
        (kind, flags, stream): (u8, u8, u32),
        payload: &[u8],
        bodies: &mut BTreeMap<u32, Vec<u8>>,
    ) {
        let body = bodies.entry(stream).or_default();
        match kind {
            // Status 200 has a place in the table that everybody knows.
            HEADERS if payload.first() == Some(&0x88) => drop(self.good.insert(stream)),
            DATA => body.extend_from_slice(payload),
            RESET => drop(self.resets.insert(stream)),
            GOAWAY => self.is_over = true,
            PING if flags == ACK && payload == MARK => self.has_read_all = true,
            _ => {}
        }
        if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
            self.answers.insert(stream, String::from_utf8_lossy(body).into_owned());
        }
    }

    /// Each answer is what was asked for, or an error of AWS's form.
    pub fn check(&self, what: &str) {
        assert!(self.is_over || self.has_read_all, "{what}: neither read nor refused: {self:?}");
        for (stream, answer) in &self.answers {
            let is_error = answer.contains("__type") || answer.contains("Exception>");
            assert!(self.good.contains(stream) || is_error, "{what}: {stream} is answered {answer:?}");
        }
    }
}
