//! NATS JetStream under load, by its text protocol: publishes that each wait for the server's acknowledgement.
//! After the run the stream is asked how many messages it holds: as many as were acknowledged.

use super::{
    Measured,
    ingest::{RECORD_BYTES, record},
};
use rand::{SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::{
    ops::Range,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PATIENCE: Duration = Duration::from_secs(60);
const PIECE: usize = 64 << 10;

/// How messages are sent: each connection has so many in flight, acknowledged one by one, or all by the last one.
#[derive(Clone, Copy)]
pub struct Sending {
    pub connections: usize,
    pub messages: usize,
    pub is_atomic: bool,
}

/// A connection that is subscribed to an inbox of its own.
struct Client {
    socket: TcpStream,
    inbox: String,
    received: Vec<u8>,
    /// Bytes of `received` that were looked at.
    at: usize,
}

impl Client {
    async fn open(address: &str, own: usize) -> Self {
        let socket = TcpStream::connect(address).await.expect("connect");
        socket.set_nodelay(true).expect("nodelay");
        let inbox = format!("_INBOX.{own}");
        let mut client = Self { socket, inbox, received: Vec::new(), at: 0 };
        let options = json!({"verbose": false, "pedantic": false, "headers": true, "no_responders": true,
                             "lang": "rust", "version": "0", "protocol": 1});
        let hello = format!("CONNECT {options}\r\nSUB {} 1\r\n", client.inbox);
        client.socket.write_all(hello.as_bytes()).await.expect("write");
        client
    }

    async fn read_piece(&mut self) {
        if self.at == self.received.len() {
            self.received.clear();
            self.at = 0;
        }
        self.received.reserve(PIECE);
        let read = self.socket.read_buf(&mut self.received);
        let read = tokio::time::timeout(PATIENCE, read).await.expect("an answer in time").expect("read");
        assert!(read > 0, "the server closed the connection");
    }

    /// The next message's payload; pings are answered on the way.
    async fn payload(&mut self) -> Range<usize> {
        loop {
            let Some(length) = memchr::memchr(b'\n', &self.received[self.at..]) else {
                self.read_piece().await;
                continue;
            };
            let line = str::from_utf8(&self.received[self.at..self.at + length]).expect("text").trim_end();
            match line.split(' ').next() {
                Some("MSG") => {
                    let size = line.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
                    let size = size.expect("size of a message");
                    let start = self.at + length + 1;
                    if self.received.len() < start + size + 2 {
                        self.read_piece().await;
                        continue;
                    }
                    self.at = start + size + 2;
                    return start..start + size;
                }
                Some("PING") => self.socket.write_all(b"PONG\r\n").await.expect("write"),
                Some("INFO" | "PONG" | "+OK") => {}
                _ => panic!("{line}"),
            }
            self.at += length + 1;
        }
    }

    async fn ask(&mut self, subject: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!("PUB {subject} {} {}\r\n{body}\r\n", self.inbox, body.len());
        self.socket.write_all(request.as_bytes()).await.expect("write");
        let payload = self.payload().await;
        let told: Value = serde_json::from_slice(&self.received[payload]).expect("an answer in JSON");
        assert!(told.get("error").is_none(), "{told}");
        told
    }

    /// Sends what was made before and waits for its acknowledgements.
    async fn publish(&mut self, request: &[u8], acknowledgements: usize) {
        self.socket.write_all(request).await.expect("write");
        for _ in 0..acknowledgements {
            let payload = self.payload().await;
            let acknowledged = &self.received[payload];
            assert!(acknowledged.starts_with(b"{\"stream\":"), "{}", String::from_utf8_lossy(acknowledged));
        }
    }

    /// The publishes of one round, as they go out.
    fn publishes(&self, sending: Sending, random: &mut SmallRng) -> Vec<u8> {
        let mut request = Vec::new();
        for number in 1..=sending.messages {
            let is_last = number == sending.messages;
            let head = if sending.is_atomic {
                let commit = if is_last { "Nats-Batch-Commit: 1\r\n" } else { "" };
                let headers = format!(
                    "NATS/1.0\r\nNats-Batch-Id: batch{}\r\nNats-Batch-Sequence: {number}\r\n{commit}\r\n",
                    self.inbox
                );
                let reply = if is_last { format!(" {}", self.inbox) } else { String::new() };
                let (own, all) = (headers.len(), headers.len() + RECORD_BYTES);
                format!("HPUB events{reply} {own} {all}\r\n{headers}")
            } else {
                format!("PUB events {} {RECORD_BYTES}\r\n", self.inbox)
            };
            request.extend_from_slice(head.as_bytes());
            request.extend_from_slice(&record(random));
            request.extend_from_slice(b"\r\n");
        }
        request
    }
}

/// Publishes on all connections until the time is over.
pub async fn publish(address: &str, sending: Sending, lasts: Duration) -> Measured {
    let mut asking = Client::open(address, 0).await;
    let stream = json!({"name": "events", "subjects": ["events"], "storage": "file", "num_replicas": 1,
                        "retention": "limits", "allow_atomic": sending.is_atomic});
    asking.ask("$JS.API.STREAM.CREATE.events", &stream).await;
    let mut random = SmallRng::seed_from_u64(3);
    let mut clients = Vec::new();
    for own in 1..=sending.connections {
        let client = Client::open(address, own).await;
        let request = client.publishes(sending, &mut random);
        clients.push((client, request));
    }
    let acknowledgements = if sending.is_atomic { 1 } else { sending.messages };
    let started = Instant::now();
    let drive = |(mut client, request): (Client, Vec<u8>)| {
        tokio::spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < lasts {
                let begun = Instant::now();
                client.publish(&request, acknowledgements).await;
                times.push(begun.elapsed().as_secs_f64());
            }
            times
        })
    };
    let running: Vec<_> = clients.into_iter().map(drive).collect();
    let mut measured = Measured { calls: 0, records: 0, times: Vec::new(), seconds: 0.0 };
    for client in running {
        measured.times.extend(client.await.expect("client"));
    }
    measured.seconds = started.elapsed().as_secs_f64();
    measured.calls = measured.times.len();
    measured.records = measured.calls * sending.messages;
    let told = asking.ask("$JS.API.STREAM.INFO.events", &Value::Null).await;
    assert_eq!(told["state"]["messages"], measured.records, "what was acknowledged is there");
    measured
}
