//! What tests say to the queues of a daemon.

use super::{Answer, Client, aws::SIGNED};
use serde_json::{Value, json};
use std::io;

const JSON: &str = "application/x-amz-json-1.0";
const ACCOUNT: &str = "000000000000";

/// The URL of a queue, whatever the daemon's port.
pub fn queue_url(name: &str) -> String {
    format!("http://localhost/{ACCOUNT}/{name}")
}

/// Asks for an operation on queues.
///
/// # Errors
/// A broken connection, or a daemon that ends: then nobody knows what came of it.
pub fn try_queues(client: &mut Client, operation: &str, request: &Value) -> io::Result<Answer> {
    let target = format!("AmazonSQS.{operation}");
    let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
    let headers: Vec<(&str, &str)> = headers.into_iter().chain(SIGNED).collect();
    let answer = client.post("/", &headers, request.to_string().as_bytes())?;
    if answer.status == 503 { Err(io::Error::other(answer.text())) } else { Ok(answer) }
}

/// Asks for an operation that is not refused: the answer, `null` where it has none.
///
/// # Errors
/// See [`try_queues`].
pub fn ask_queues(client: &mut Client, operation: &str, request: &Value) -> io::Result<Value> {
    let answer = try_queues(client, operation, request)?;
    assert_eq!(answer.status, 200, "{operation} {request}: {}", answer.text());
    Ok(if answer.body.is_empty() { Value::Null } else { answer.json() })
}

/// Makes a queue, or finds it; FIFO by its name.
pub fn make_queue(client: &mut Client, name: &str, visibility_s: u64) {
    let mut attributes = json!({"VisibilityTimeout": visibility_s.to_string()});
    if name.ends_with(".fifo") {
        attributes["FifoQueue"] = json!("true");
    }
    let request = json!({"QueueName": name, "Attributes": attributes});
    ask_queues(client, "CreateQueue", &request).unwrap();
}

/// How many messages of a queue wait, are in flight, and are delayed.
pub fn queue_depth(client: &mut Client, name: &str) -> [u64; 3] {
    let request = json!({"QueueUrl": queue_url(name), "AttributeNames": ["All"]});
    let told = ask_queues(client, "GetQueueAttributes", &request).unwrap();
    ["", "NotVisible", "Delayed"].map(|which| {
        let count = &told["Attributes"][format!("ApproximateNumberOfMessages{which}")];
        count.as_str().unwrap().parse().unwrap()
    })
}
