//! Messages sent by SendMessageBatch, to a FIFO queue by message group.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>

use super::{Answer, Parcel, TargetError, answer::failed, aws::AwsCaller};
use crate::load::{
    ledger::Standing,
    records::{Key, write_key},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write as _;
use url::Url;

/// Sends messages.
#[derive(Debug)]
pub struct SqsSender {
    caller: AwsCaller,
    /// The body up to the first message.
    opening: Vec<u8>,
    is_fifo: bool,
    run: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(default)]
    failed: Vec<Failed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    id: String,
    #[serde(default)]
    sender_fault: bool,
    #[serde(default)]
    code: String,
}

/// Asks where a queue is.
///
/// # Errors
/// [`TargetError`] when nobody answers, or without success.
pub(super) async fn queue_url(caller: &AwsCaller, url: &Url, queue: &str) -> Result<String, TargetError> {
    let asked = json!({ "QueueName": queue }).to_string().into_bytes();
    let none = |why: String| TargetError::NoQueue { url: url.to_string(), queue: queue.to_owned(), why };
    match caller.call("GetQueueUrl", asked).await {
        Ok((200, body)) => {
            let told: Option<Value> = serde_json::from_slice(&body).ok();
            let found = told.and_then(|told| Some(told.get("QueueUrl")?.as_str()?.to_owned()));
            found.ok_or_else(|| none("it answers without QueueUrl".to_owned()))
        }
        Ok((status, body)) => Err(none(format!("{status} {}", String::from_utf8_lossy(&body)))),
        Err(_) => Err(TargetError::Unreached { url: url.to_string() }),
    }
}

impl SqsSender {
    pub(super) fn new(caller: AwsCaller, queue: &str, run: &str) -> Self {
        let opening = format!("{{\"QueueUrl\":{},\"Entries\":[", Value::from(queue));
        Self { caller, opening: opening.into_bytes(), is_fifo: queue.ends_with(".fifo"), run: run.to_owned() }
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Answer {
        match self.caller.call("SendMessageBatch", self.body(parcel)).await {
            Ok((200, body)) => read(&body, parcel.records.len()),
            Ok((status, _)) => failed(status),
            Err(answer) => answer,
        }
    }

    fn body(&self, parcel: &Parcel) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.opening.len() + parcel.lines.len() * 5 / 4 + 64);
        body.extend_from_slice(&self.opening);
        for (at, (record, payload)) in parcel.payloads().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            // Writing to memory does not fail; a payload is JSON, so it is a text.
            let _ = write!(body, "{comma}{{\"Id\":\"{at}\",\"MessageBody\":");
            let _ = serde_json::to_writer(&mut body, &String::from_utf8_lossy(payload));
            if self.is_fifo {
                body.extend_from_slice(b",\"MessageGroupId\":\"");
                write_key(Key { producer: parcel.producer, index: record.key }, &mut body);
                let _ = write!(
                    body,
                    "\",\"MessageDeduplicationId\":\"{}-{}-{}\"",
                    self.run, parcel.producer, record.number
                );
            }
            body.push(b'}');
        }
        body.extend_from_slice(b"]}");
        body
    }
}

/// What an answer with success says of so many messages. One that failed by the server's fault may be stored.
pub(super) fn read(body: &[u8], records: usize) -> Answer {
    let Ok(told) = serde_json::from_slice::<Told>(body) else { return Answer::All(Standing::Unknown) };
    if told.failed.is_empty() {
        return Answer::All(Standing::Accepted);
    }
    let mut standings = vec![Standing::Accepted; records];
    for failed in told.failed {
        let entry = failed.id.parse::<usize>().ok().and_then(|at| standings.get_mut(at));
        let is_refused = failed.sender_fault || failed.code.contains("Throttl");
        if let Some(standing) = entry {
            *standing = if is_refused { Standing::Refused } else { Standing::Unknown };
        }
    }
    Answer::Each(standings)
}
