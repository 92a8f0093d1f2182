//! Messages through a queue: each connection sends, receives what is there, and deletes what it received.

use super::{
    Measured, SETTLING,
    connection::{self, Connection, Spoken},
};
use memchr::memmem;
use serde_json::{Value, json};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

const QUEUES: Spoken =
    Spoken { target: "AmazonSQS", content_type: "application/x-amz-json-1.0", name: "sqs" };
pub const CONNECTIONS: usize = 8;
pub const BODY_BYTES: usize = 1024;

pub fn request(operation: &str, body: &str) -> Vec<u8> {
    connection::request(&QUEUES, operation, body.as_bytes())
}

/// Requests of one queue for so many messages at once; one message goes by the calls for one.
pub struct Calls {
    url: String,
    most: usize,
    send: Vec<u8>,
    pub receive: Vec<u8>,
}

impl Calls {
    pub fn new(url: &str, most: usize) -> Self {
        let body = "m".repeat(BODY_BYTES);
        let send = match most {
            1 => request("SendMessage", &json!({"QueueUrl": url, "MessageBody": body}).to_string()),
            _ => {
                let entry = |number| json!({"Id": format!("m{number}"), "MessageBody": body});
                let entries: Vec<Value> = (0..most).map(entry).collect();
                request("SendMessageBatch", &json!({"QueueUrl": url, "Entries": entries}).to_string())
            }
        };
        let wanted = json!({"QueueUrl": url, "MaxNumberOfMessages": most});
        let receive = request("ReceiveMessage", &wanted.to_string());
        Self { url: url.to_owned(), most, send, receive }
    }

    pub fn delete(&self, handles: &[&str]) -> Vec<u8> {
        if self.most == 1 {
            let body = format!("{{\"QueueUrl\":\"{}\",\"ReceiptHandle\":\"{}\"}}", self.url, handles[0]);
            return request("DeleteMessage", &body);
        }
        let mut body = format!("{{\"QueueUrl\":\"{}\",\"Entries\":[", self.url);
        for (number, handle) in handles.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(body, "{comma}{{\"Id\":\"m{number}\",\"ReceiptHandle\":\"{handle}\"}}").expect("text");
        }
        request("DeleteMessageBatch", &(body + "]}"))
    }
}

/// The receipt handles of an answer, which is looked through but not parsed: that costs the server's time.
pub fn handles(answer: &[u8]) -> Vec<&str> {
    let name = b"\"ReceiptHandle\"";
    let one = |at: usize| {
        let rest = &answer[at + name.len()..];
        let start = memchr::memchr(b'"', rest)? + 1;
        let end = start + memchr::memchr(b'"', &rest[start..])?;
        str::from_utf8(&rest[start..end]).ok()
    };
    memmem::find_iter(answer, name).filter_map(one).collect()
}

/// Makes a queue, a FIFO queue by its name; one that is there is taken as it is.
pub async fn make_queue(address: &str, name: &str) -> String {
    let mut connection = Connection::open(address).await;
    let attributes = if name.ends_with(".fifo") { json!({"FifoQueue": "true"}) } else { json!({}) };
    let wanted = json!({"QueueName": name, "Attributes": attributes});
    let made = connection.call(&request("CreateQueue", &wanted.to_string())).await;
    let made: Value = serde_json::from_slice(made).expect("answer");
    made["QueueUrl"].as_str().expect("QueueUrl").to_owned()
}

/// One connection's work until the time is over; gives the times of its calls and the messages deleted.
async fn carry(
    mut connection: Connection,
    calls: &Calls,
    started: Instant,
    lasts: Duration,
) -> (Vec<f64>, usize) {
    let (mut times, mut deleted) = (Vec::new(), 0);
    while started.elapsed() < lasts {
        let begun = Instant::now();
        let sent = connection.call(&calls.send).await;
        times.push(begun.elapsed().as_secs_f64());
        assert!(
            memmem::find(sent, b"\"Failed\"").is_none_or(|at| !sent[at..].contains(&b'{')),
            "messages were refused"
        );
        let begun = Instant::now();
        let received = connection.call(&calls.receive).await;
        times.push(begun.elapsed().as_secs_f64());
        let found = handles(received);
        assert!(started.elapsed() < lasts + SETTLING);
        if found.is_empty() {
            continue;
        }
        let (request, count) = (calls.delete(&found), found.len());
        let begun = Instant::now();
        connection.call(&request).await;
        times.push(begun.elapsed().as_secs_f64());
        deleted += count;
    }
    (times, deleted)
}

/// Send, receive and delete of so many messages at once, on all connections.
pub async fn drive(address: &str, most: usize, lasts: Duration) -> Measured {
    let url = make_queue(address, "carried").await;
    let started = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, calls) = (address.to_owned(), Calls::new(&url, most));
            tokio::spawn(async move { carry(Connection::open(&address).await, &calls, started, lasts).await })
        })
        .collect();
    let mut measured = Measured { calls: 0, records: 0, times: Vec::new(), seconds: 0.0 };
    for client in clients {
        let (times, deleted) = client.await.expect("client");
        measured.calls += times.len();
        measured.records += deleted;
        measured.times.extend(times);
    }
    measured.seconds = started.elapsed().as_secs_f64();
    measured
}
