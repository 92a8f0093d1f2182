//! Dead-letter queues: read over the queue API by leases that are given back, else only counted.

use super::{
    ProofError,
    assembly::Unseen,
    findings::{Findings, Position},
    sighting::Sighting,
};
use crate::load::{
    admin::Admin,
    aws_endpoint::{AwsEndpoint, AwsError, Service},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Most messages of one call.
const BATCH: usize = 10;
/// Beyond the proof's own time a lease lasts for so long.
const SPARE: Duration = Duration::from_secs(60);
/// Longest lease, as AWS has it: 12 hours, in seconds.
const LONGEST_LEASE: u64 = 43_200;
/// Longest time that messages are received in one look.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// The queues, with what was received of them.
#[derive(Debug)]
pub(super) struct DeadLetters {
    aws: Option<AwsEndpoint>,
    admin: Option<Admin>,
    queues: Vec<Queue>,
    lease_seconds: u64,
    began_ms: i64,
}

#[derive(Debug)]
struct Queue {
    name: String,
    /// As the queue API knows it; none without the API.
    url: Option<String>,
    /// By message id: a message that is received again is the same one.
    received: BTreeMap<String, Received>,
    /// What it held when the run began, as far as it is only counted.
    before: u64,
}

#[derive(Debug)]
struct Received {
    receipt: String,
    sighting: Option<Sighting>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Messages {
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    body: String,
}

impl DeadLetters {
    /// Looks whether all queues are there.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub(super) async fn find(
        names: &[String],
        aws: Option<AwsEndpoint>,
        admin: Option<Admin>,
        within: Duration,
        began_ms: i64,
    ) -> Result<Self, ProofError> {
        let lease_seconds = (within + SPARE).as_secs().min(LONGEST_LEASE);
        let mut all = Self { aws, admin, queues: Vec::new(), lease_seconds, began_ms };
        for name in names {
            let url = match &all.aws {
                Some(aws) => Some(url_of(aws, name).await?),
                None => None,
            };
            let before = all.counted(name).await?;
            all.queues.push(Queue { name: name.clone(), url, received: BTreeMap::new(), before });
        }
        Ok(all)
    }

    /// Messages of a queue by `/health`; 0 where nobody tells.
    async fn counted(&self, name: &str) -> Result<u64, ProofError> {
        let Some(admin) = &self.admin else { return Ok(0) };
        let health = admin.health().await?;
        let Some(node) = health.nodes.get(name) else {
            let queues = health.nodes.iter().filter(|(_, node)| node.kind == "queue").map(|(name, _)| name);
            return Err(ProofError::unknown("dead_letter", name, queues));
        };
        Ok(node.observation.backlog + node.observation.in_flight)
    }

    /// Notes all messages that can be received; returns those that cannot.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub(super) async fn look(&mut self, findings: &mut Findings) -> Result<Vec<Unseen>, ProofError> {
        let mut unseen = Vec::new();
        if let Some(aws) = &self.aws {
            for queue in &mut self.queues {
                queue.receive(aws, self.lease_seconds).await?;
            }
        }
        for queue in &self.queues {
            let place = findings.place(&format!("dead_letter {}", queue.name))?;
            // Messages come in no order that means anything.
            let position = Position::new(place, 0, 0)?;
            let seen = queue.received.values().filter_map(|message| message.sighting);
            for sighting in seen.filter(|seen| seen.is_since(self.began_ms)) {
                findings.note(sighting.producer, sighting.number, position);
            }
            let held = self.counted(&queue.name).await?;
            let looked_at = if queue.url.is_some() { queue.received.len() as u64 } else { queue.before };
            let records = held.saturating_sub(looked_at);
            if records > 0 {
                unseen.push(Unseen { place: format!("dead_letter {}", queue.name), records });
            }
        }
        Ok(unseen)
    }

    /// Lets others see the messages again. What cannot be given back comes back when its lease is over.
    pub(super) async fn give_back(&self) {
        let Some(aws) = &self.aws else { return };
        for queue in &self.queues {
            let receipts: Vec<&str> =
                queue.received.values().map(|message| message.receipt.as_str()).collect();
            for batch in receipts.chunks(BATCH) {
                let entry = |(at, receipt): (usize, &&str)| json!({ "Id": at.to_string(), "ReceiptHandle": receipt, "VisibilityTimeout": 0 });
                let entries: Vec<Value> = batch.iter().enumerate().map(entry).collect();
                let request = json!({ "QueueUrl": queue.url, "Entries": entries });
                let done = aws.call(Service::Sqs, "ChangeMessageVisibilityBatch", &request).await;
                if let Err(error) = done {
                    tracing::warn!(queue = queue.name, %error, "dead letters stay hidden until their lease is over");
                    break;
                }
            }
        }
    }
}

impl Queue {
    /// Receives until nothing comes.
    async fn receive(&mut self, aws: &AwsEndpoint, lease_seconds: u64) -> Result<(), ProofError> {
        let request = json!({
            "QueueUrl": self.url, "MaxNumberOfMessages": BATCH, "VisibilityTimeout": lease_seconds,
            "WaitTimeSeconds": 0,
        });
        let begun = Instant::now();
        while begun.elapsed() < LONGEST_LOOK {
            let operation = "ReceiveMessage";
            let answer = aws.call(Service::Sqs, operation, &request).await?;
            let unreadable = |cause| AwsError::Unreadable { operation: operation.to_owned(), cause };
            let Messages { messages } = serde_json::from_value(answer).map_err(unreadable)?;
            if messages.is_empty() {
                break;
            }
            self.received.extend(messages.into_iter().map(|message| {
                let sighting = Sighting::of(&message.body);
                (message.message_id, Received { receipt: message.receipt_handle, sighting })
            }));
        }
        Ok(())
    }
}

/// The URL of a queue; the API calls a FIFO queue of a topology by its name with `.fifo`.
async fn url_of(aws: &AwsEndpoint, name: &str) -> Result<String, ProofError> {
    let ask = |name: String| async move {
        aws.call(Service::Sqs, "GetQueueUrl", &json!({ "QueueName": name })).await
    };
    let answer = match ask(name.to_owned()).await {
        Err(AwsError::Refused { status: 400, .. }) => ask(format!("{name}.fifo")).await?,
        answer => answer?,
    };
    Ok(answer.get("QueueUrl").and_then(Value::as_str).unwrap_or_default().to_owned())
}
