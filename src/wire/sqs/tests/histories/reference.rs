//! The queue API as its users may rely on it, small enough to be seen to be right: names, terms, and for each
//! queue the naive model of the store with what senders said of each message.

use crate::storage::{
    Attempt, DeduplicationScope, Fingerprint, Lease, MessageKeys, QueuePolicy, ReceiptState,
    naive_model::Model,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};

pub const ACCOUNT: &str = "000000000000";
/// A dead letter is hidden this long while it is moved.
const MOVING_MS: i64 = 30_000;
const PURGES_APART_MS: i64 = 60_000;

/// A message as its sender gave it, and what its sender was told.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// Empty until it is told: a message that was moved gets a new one.
    pub id: String,
    pub body: String,
    /// As requests have them.
    pub attributes: Map<String, Value>,
    pub trace: Option<String>,
    pub group: Option<String>,
    pub deduplication: Option<String>,
    /// Wall clock, when it was sent first.
    pub sent_at_ms: i64,
    /// ARN of the queue that it was moved from.
    pub source: Option<String>,
}

/// A queue.
#[derive(Debug)]
pub struct Line {
    pub model: Model,
    pub sent: BTreeMap<u64, Sent>,
    pub visibility_s: i64,
    pub delay_s: i64,
    pub letters: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Labels of what others are allowed.
    pub labels: Vec<String>,
    /// Tells queues of one name apart.
    pub made: u32,
    purged_at: Option<i64>,
}

impl Line {
    pub fn fifo(&self) -> bool {
        self.model.policy.fifo
    }
}

#[derive(Debug, Default)]
pub struct Reference {
    pub lines: BTreeMap<String, Line>,
    /// Both clocks, in milliseconds.
    pub now: i64,
    pub wall: i64,
    pub made: u32,
}

pub fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

pub fn digest(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// AWS's digest of attributes: names, types, a mark of the kind, values, each with its length before it.
pub fn digest_of(attributes: &Map<String, Value>) -> Option<String> {
    let sized = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let one = |(name, value): (&String, &Value)| {
        let kind = value["DataType"].as_str().unwrap();
        let (mark, bytes) = match value["BinaryValue"].as_str() {
            Some(base64) => (2, STANDARD.decode(base64).unwrap()),
            None => (1, value["StringValue"].as_str().unwrap().as_bytes().to_vec()),
        };
        [sized(name.as_bytes()), sized(kind.as_bytes()), vec![mark], sized(&bytes)].concat()
    };
    let mut sorted: Vec<(&String, &Value)> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| name.as_str());
    (!attributes.is_empty()).then(|| digest(&sorted.into_iter().flat_map(one).collect::<Vec<u8>>()))
}

pub fn number(sequence: u64) -> String {
    (10_000_000_000_000_000_000 + sequence).to_string()
}

impl Reference {
    pub fn make(&mut self, name: &str) {
        let (fifo, day) = (name.ends_with(".fifo"), 86_400);
        let retention = Some(Duration::from_secs(4 * day));
        let policy = QueuePolicy { fifo, retention, in_flight_limit: None, ..QueuePolicy::default() };
        self.made += 1;
        let line = Line {
            model: Model::new(policy),
            sent: BTreeMap::new(),
            visibility_s: 30,
            delay_s: 0,
            letters: None,
            tags: BTreeMap::new(),
            labels: Vec::new(),
            made: self.made,
            purged_at: None,
        };
        self.lines.insert(name.to_owned(), line);
    }

    /// Sets one attribute of a queue.
    pub fn set(&mut self, name: &str, attribute: &str, value: &str) {
        let line = self.lines.get_mut(name).unwrap();
        match attribute {
            "VisibilityTimeout" => line.visibility_s = value.parse().unwrap(),
            "DelaySeconds" if line.fifo() => {
                line.model.policy.delay = Duration::from_secs(value.parse().unwrap());
            }
            "DelaySeconds" => line.delay_s = value.parse().unwrap(),
            "MessageRetentionPeriod" => {
                line.model.policy.retention = Some(Duration::from_secs(value.parse().unwrap()));
            }
            "DeduplicationScope" => {
                let by_group = value == "messageGroup";
                line.model.policy.deduplication_scope =
                    if by_group { DeduplicationScope::Group } else { DeduplicationScope::Queue };
            }
            "RedrivePolicy" => {
                let policy: Value = serde_json::from_str(value).unwrap_or_default();
                let letters = policy["deadLetterTargetArn"].as_str();
                line.letters = letters.map(|arn| arn.rsplit(':').next().unwrap().to_owned());
                line.model.policy.max_receives =
                    policy["maxReceiveCount"].as_u64().map(|most| u32::try_from(most).unwrap());
            }
            other => panic!("{other}"),
        }
    }

    /// The sequence that a message gets, or had when it was sent before; what is told of its sender is put with it.
    pub fn send(&mut self, name: &str, message: &Sent, delay_s: Option<i64>) -> (u64, bool) {
        let now = self.now;
        let line = self.lines.get_mut(name).unwrap();
        let fingerprint = |text: &String| Fingerprint::of(text.as_bytes());
        let keys = MessageKeys {
            group: message.group.as_ref().map(fingerprint),
            deduplication: message.deduplication.as_ref().map(fingerprint),
        };
        if let Some(first) = line.model.duplicate_of(&keys, now) {
            return (first, false);
        }
        let delay_s = if line.fifo() { 0 } else { delay_s.unwrap_or(line.delay_s) };
        let until = if delay_s == 0 { 0 } else { now + delay_s * 1_000 };
        let sequence = line.model.next;
        line.model.send(now, until, keys, now);
        line.sent.insert(sequence, message.clone());
        (sequence, true)
    }

    pub fn receive(
        &mut self,
        name: &str,
        most: usize,
        seconds: Option<i64>,
        attempt: Option<&str>,
    ) -> Vec<Lease> {
        let now = self.now;
        let line = self.lines.get_mut(name).unwrap();
        let visibility = seconds.unwrap_or(line.visibility_s) * 1_000;
        let id = attempt.map(|attempt| Fingerprint::of(attempt.as_bytes()));
        if let Some(again) = id.and_then(|id| line.model.lease_again(id, now, visibility)) {
            return again;
        }
        // Hidden for no time at all, a message is still given once in an answer.
        let mut leases = line.model.lease(now, most, visibility.max(1));
        for lease in leases.iter_mut().filter(|_| visibility == 0) {
            line.model.messages.get_mut(&lease.sequence).unwrap().until = now;
            lease.visible_again_at_ms = now;
        }
        if let (Some(id), Some(first)) = (id, leases.first()) {
            let messages = leases.iter().map(|lease| (lease.sequence, lease.receive_count)).collect();
            let visible_again_at_ms = first.visible_again_at_ms;
            line.model.attempted(Attempt { id, first_at_ms: now, visible_again_at_ms, messages });
        }
        leases
    }

    /// Whether a FIFO queue refuses a deletion: somebody else has the message, or nobody any more.
    pub fn refuses(&self, name: &str, sequence: u64, receives: u32) -> bool {
        let line = &self.lines[name];
        let state = line.model.receipt(sequence, receives, self.now);
        line.fifo() && matches!(state, ReceiptState::Expired | ReceiptState::Superseded)
    }

    /// Whether a deletion is granted; a standard queue refuses none.
    pub fn delete(&mut self, name: &str, sequence: u64, receives: u32) -> bool {
        let now = self.now;
        let line = self.lines.get_mut(name).unwrap();
        if line.model.claim(sequence, receives, now, true) {
            line.model.settled(sequence);
            return true;
        }
        !line.fifo() || !line.model.messages.contains_key(&sequence)
    }

    /// Whether a change of visibility is granted.
    pub fn hide(&mut self, name: &str, sequence: u64, receives: u32, seconds: i64) -> bool {
        let now = self.now;
        let line = self.lines.get_mut(name).unwrap();
        let granted = line.model.claim(sequence, receives, now, false);
        if granted {
            line.model.change_visibility(sequence, receives, now + seconds * 1_000, now);
        }
        granted
    }

    /// False within a minute after the last one.
    pub fn purge(&mut self, name: &str) -> bool {
        let line = self.lines.get_mut(name).unwrap();
        if line.purged_at.is_some_and(|at| at + PURGES_APART_MS > self.now) {
            return false;
        }
        line.model.purge();
        line.purged_at = Some(self.now);
        true
    }

    /// What happens by itself: messages expire, those received too often move.
    pub fn look_after(&mut self) {
        self.expire();
        let names: Vec<String> = self.lines.keys().cloned().collect();
        for name in &names {
            let letters = self.lines[name].letters.clone();
            let Some(letters) = letters.filter(|letters| self.lines.contains_key(letters)) else { continue };
            loop {
                let spent = self.lines.get_mut(name).unwrap().model.lease_exhausted(self.now, 10, MOVING_MS);
                if spent.is_empty() {
                    break;
                }
                spent.iter().for_each(|lease| self.move_letter(name, &letters, lease));
            }
        }
        self.expire();
    }

    fn move_letter(&mut self, name: &str, letters: &str, lease: &Lease) {
        let (now, wall) = (self.now, self.wall);
        let line = self.lines.get_mut(name).unwrap();
        assert!(line.model.claim(lease.sequence, lease.receive_count, now, true));
        line.model.settled(lease.sequence);
        let mut message = line.sent[&lease.sequence].clone();
        message.source = Some(arn(name));
        if line.fifo() {
            // There it is known by its id, and as young as the move.
            (message.sent_at_ms, message.deduplication) = (wall, Some(message.id.clone()));
        }
        let target = self.lines.get_mut(letters).unwrap();
        let group = message.group.as_ref().map(|group| Fingerprint::of(group.as_bytes()));
        let keys = MessageKeys { group, deduplication: None };
        let sequence = target.model.next;
        // On a standard queue it is as old as it was, by the wall clock.
        target.model.send(now - (wall - message.sent_at_ms).max(0), 0, keys, now);
        target.sent.insert(sequence, message);
    }

    fn expire(&mut self) {
        let now = self.now;
        self.lines.values_mut().for_each(|line| drop(line.model.expire(now)));
    }

    pub fn restart(&mut self) {
        self.lines.values_mut().for_each(|line| line.model.restart());
    }

    /// What a receiver is told, but for the handle.
    pub fn told(&self, name: &str, lease: &Lease, wants: impl Fn(&str) -> bool, system: bool) -> Value {
        let line = &self.lines[name];
        let sent = &line.sent[&lease.sequence];
        let wanted: Map<String, Value> =
            sent.attributes.clone().into_iter().filter(|(name, _)| wants(name)).collect();
        let first_ms = self.wall + lease.first_received_at_ms - self.now;
        let mut told =
            json!({"MessageId": sent.id, "Body": sent.body, "MD5OfBody": digest(sent.body.as_bytes())});
        if let Some(digest) = digest_of(&wanted) {
            told["MD5OfMessageAttributes"] = json!(digest);
            told["MessageAttributes"] = json!(wanted);
        }
        if system {
            let mut attributes = json!({
                "SenderId": ACCOUNT, "SentTimestamp": sent.sent_at_ms.to_string(),
                "ApproximateReceiveCount": lease.receive_count.to_string(),
                "ApproximateFirstReceiveTimestamp": first_ms.to_string(),
            });
            let some = [
                ("MessageGroupId", sent.group.clone()),
                ("MessageDeduplicationId", sent.deduplication.clone()),
                ("SequenceNumber", line.fifo().then(|| number(lease.sequence))),
                ("AWSTraceHeader", sent.trace.clone()),
                ("DeadLetterQueueSourceArn", sent.source.clone()),
            ];
            some.into_iter().filter_map(|(name, value)| Some((name, value?))).for_each(|(name, value)| {
                attributes[name] = json!(value);
            });
            told["Attributes"] = attributes;
        }
        told
    }
}
