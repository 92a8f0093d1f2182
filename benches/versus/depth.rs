//! Queues with many messages, and with many who wait for one.

use super::{
    Measured,
    connection::Connection,
    queues::{BODY_BYTES, CONNECTIONS, Calls, handles, make_queue, request},
};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

const BATCH: usize = 10;
/// Messages that are sent to those who wait, and the rest between two of them.
const SENT: usize = 200;
const REST: Duration = Duration::from_millis(20);
/// Seconds that a receive waits.
const WAIT: u32 = 20;

/// Ten messages from this number on; those of a FIFO queue in as many groups, each known by the filling it is of.
fn sent(url: &str, filling: u32, first: usize, groups: usize) -> Vec<u8> {
    let body = "m".repeat(BODY_BYTES);
    let entry = |number: usize| match groups {
        0 => json!({"Id": format!("m{}", number % BATCH), "MessageBody": body}),
        _ => json!({
            "Id": format!("m{}", number % BATCH), "MessageBody": body, "MessageGroupId": format!("g{}", number % groups),
            "MessageDeduplicationId": format!("{filling}-{number}"),
        }),
    };
    let entries: Vec<Value> = (first..first + BATCH).map(entry).collect();
    request("SendMessageBatch", &json!({"QueueUrl": url, "Entries": entries}).to_string())
}

/// Sends so many messages.
pub async fn fill(address: &str, name: &str, count: usize, groups: usize) {
    let (url, filling) = (make_queue(address, name).await, rand::random());
    let fillers: Vec<_> = (0..CONNECTIONS)
        .map(|own| {
            let (address, url) = (address.to_owned(), url.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(&address).await;
                for first in (own * BATCH..count).step_by(CONNECTIONS * BATCH) {
                    connection.call(&sent(&url, filling, first, groups)).await;
                }
            })
        })
        .collect();
    for filler in fillers {
        filler.await.expect("filler");
    }
}

/// Receives and deletes, ten messages at once, for so long or until there are none.
pub async fn drain(address: &str, name: &str, lasts: Duration) -> Measured {
    let url = make_queue(address, name).await;
    let started = Instant::now();
    let drains: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, calls) = (address.to_owned(), Calls::new(&url, BATCH));
            tokio::spawn(async move {
                let mut connection = Connection::open(&address).await;
                let (mut times, mut deleted) = (Vec::new(), 0);
                while started.elapsed() < lasts {
                    let begun = Instant::now();
                    let received = connection.call(&calls.receive).await;
                    times.push(begun.elapsed().as_secs_f64());
                    let found = handles(received);
                    if found.is_empty() {
                        break;
                    }
                    deleted += found.len();
                    let request = calls.delete(&found);
                    connection.call(&request).await;
                }
                (times, deleted)
            })
        })
        .collect();
    let mut measured = Measured { calls: 0, records: 0, times: Vec::new(), seconds: 0.0 };
    for drain in drains {
        let (times, deleted) = drain.await.expect("drain");
        measured.calls += times.len();
        measured.records += deleted;
        measured.times.extend(times);
    }
    measured.seconds = started.elapsed().as_secs_f64();
    measured
}

/// How many messages a queue says it holds.
pub async fn count(address: &str, name: &str) -> String {
    let url = make_queue(address, name).await;
    let wanted = json!({"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]});
    let asked = request("GetQueueAttributes", &wanted.to_string());
    let mut connection = Connection::open(address).await;
    let told: Value = serde_json::from_slice(connection.call(&asked).await).expect("answer");
    told["Attributes"]["ApproximateNumberOfMessages"].as_str().expect("count").to_owned()
}

/// So many receivers wait for so long and get nothing; then they get messages, one at a time. What is measured
/// is from before a message is sent until one of them has it.
pub async fn wait(address: &str, receivers: usize, lasts: Duration) -> Measured {
    let url = make_queue(address, "waited-for").await;
    let wanted = json!({"QueueUrl": url, "WaitTimeSeconds": WAIT, "VisibilityTimeout": 43_200}).to_string();
    let (come, mut came) = mpsc::unbounded_channel();
    let receive = Arc::new(request("ReceiveMessage", &wanted));
    for _ in 0..receivers {
        let (address, receive, come) = (address.to_owned(), Arc::clone(&receive), come.clone());
        tokio::spawn(async move {
            let mut connection = Connection::open(&address).await;
            loop {
                if !handles(connection.call(&receive).await).is_empty() && come.send(Instant::now()).is_err()
                {
                    return;
                }
            }
        });
    }
    tokio::time::sleep(lasts).await;
    println!("waited");
    let (mut connection, started) = (Connection::open(address).await, Instant::now());
    let send = request("SendMessage", &json!({"QueueUrl": url, "MessageBody": "now"}).to_string());
    let mut times = Vec::with_capacity(SENT);
    for _ in 0..SENT {
        let begun = Instant::now();
        connection.call(&send).await;
        let had = came.recv().await.expect("receivers");
        times.push(had.saturating_duration_since(begun).as_secs_f64());
        tokio::time::sleep(REST).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    Measured { calls: times.len(), records: times.len(), times, seconds }
}
