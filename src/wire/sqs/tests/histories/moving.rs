//! Message-move tasks, each followed to its end before anything else happens; and permissions.

use super::{reference::Sent, *};
use crate::storage::{Fingerprint, Lease, MessageKeys};
use std::time::Duration;

/// Messages that a task moves together.
const TOGETHER: u64 = 10;
/// Looks at a task, a millisecond apart, before it counts as stuck.
const LOOKS: u32 = 20_000;
const INVALID: &str = "InvalidParameterValueException";

/// How a task ends.
#[derive(Debug, PartialEq)]
struct Ended {
    status: &'static str,
    failure: Option<&'static str>,
    moved: u64,
}

/// A task that was started.
struct Started {
    from: &'static str,
    handle: Value,
    /// As it is listed, but for how it ends.
    task: Value,
}

impl Reference {
    /// Moves what a dead-letter queue holds to a queue, or each message to where it came from, so many `together`;
    /// cancelled after `most`.
    fn move_all(&mut self, from: &str, destination: Option<&str>, together: u64, most: Option<u64>) -> Ended {
        let (now, before) = (self.now, self.lines[from].model.next);
        // Messages are taken in batches, each of which begins with the lowest that is left.
        let (mut moved, mut in_batch, mut open) = (0, 0, None);
        loop {
            if most == Some(moved) {
                return Ended { status: "CANCELLED", failure: None, moved };
            }
            if in_batch == together {
                (in_batch, open) = (0, None);
            }
            let mut group = open;
            let Some(sequence) = self.lines[from].model.next_to_move(now, before, &mut group) else {
                if open.take().is_some() {
                    continue;
                }
                return Ended { status: "COMPLETED", failure: None, moved };
            };
            open = group;
            let sent = self.lines[from].sent[&sequence].clone();
            let to = match (destination, &sent.source) {
                (Some(destination), _) => Ok(destination.to_owned()),
                (None, Some(source)) => {
                    let name = source.rsplit(':').next().unwrap().to_owned();
                    let is_there = self.lines.contains_key(&name);
                    is_there.then_some(name).ok_or("AWS.SimpleQueueService.NonExistentQueue")
                }
                (None, None) => Err("CouldNotDetermineMessageSource"),
            };
            match to {
                Ok(to) => self.post(from, sequence, &to, sent),
                Err(failure) if in_batch == 0 => {
                    return Ended { status: "FAILED", failure: Some(failure), moved };
                }
                // What was taken before it is moved first.
                Err(_) => {
                    (in_batch, open) = (0, None);
                    continue;
                }
            }
            (moved, in_batch) = (moved + 1, in_batch + 1);
        }
    }

    /// It is a new message there, which nobody has sent twice.
    fn post(&mut self, from: &str, sequence: u64, to: &str, sent: Sent) {
        let (now, wall) = (self.now, self.wall);
        self.lines.get_mut(from).unwrap().model.settled(sequence);
        let target = self.lines.get_mut(to).unwrap();
        let group = sent.group.as_ref().map(|group| Fingerprint::of(group.as_bytes()));
        let place = target.model.next;
        target.model.send(now, 0, MessageKeys { group, deduplication: None }, now);
        let sent = Sent { id: String::new(), deduplication: None, source: None, sent_at_ms: wall, ..sent };
        target.sent.insert(place, sent);
    }
}

impl History {
    /// Ids of moved messages are known once they are told; on a FIFO queue they are told for deduplication too.
    pub(super) fn learn(&mut self, name: &str, leases: &[Lease], told: &[Value]) {
        let line = self.reference.lines.get_mut(name).unwrap();
        for (lease, told) in leases.iter().zip(told) {
            if line.sent[&lease.sequence].id.is_empty() {
                let id = text(&told["MessageId"]);
                assert!(line.sent.values().all(|other| other.id != id), "an id of its own");
                let deduplication = line.fifo().then(|| id.clone());
                let sent = line.sent.get_mut(&lease.sequence).unwrap();
                (sent.id, sent.deduplication) = (id, deduplication);
            }
        }
    }

    /// The refusal of a task, if it is to be refused.
    fn refusal(&self, from: &str, destination: Option<&str>) -> Option<&'static str> {
        let lines = &self.reference.lines;
        let is_source = |name: &str| lines.values().any(|line| line.letters.as_deref() == Some(name));
        match destination {
            _ if !lines.contains_key(from) => Some("ResourceNotFoundException"),
            _ if !is_source(from) => Some(INVALID),
            Some(to) if !lines.contains_key(to) => Some("ResourceNotFoundException"),
            Some(to) if to == from || lines[to].fifo() != lines[from].fifo() => Some(INVALID),
            _ => None,
        }
    }

    pub(super) async fn move_messages(&mut self) {
        let from = self.one_of(&["dead", "dead", "dead.fifo", "dead.fifo", "jobs"]);
        let destination = self.chance(0.3).then(|| self.one_of(&NAMES));
        if let Some(started) = self.start_a_move(from, destination, None).await {
            let expected = self.reference.move_all(from, destination, TOGETHER, None);
            self.is_over(&started, &expected).await;
        }
    }

    /// A task is cancelled as soon as it runs: it tells how far it came, one message a second.
    pub(super) async fn cancel_a_move(&mut self) {
        let from = self.one_of(&["dead", "dead.fifo"]);
        let Some(started) = self.start_a_move(from, None, Some(1)).await else { return };
        let cancelled = self.ask("CancelMessageMoveTask", json!({"TaskHandle": started.handle})).await;
        let most = match &cancelled {
            Ok(told) => told["ApproximateNumberOfMessagesMoved"].as_u64(),
            Err(error) => {
                assert_eq!(error.code, INVALID, "it has ended");
                None
            }
        };
        assert_eq!(most.is_some(), cancelled.is_ok());
        let expected = self.reference.move_all(from, None, 1, most);
        self.is_over(&started, &expected).await;
    }

    /// What a task tells of itself but for how it ended; nothing for one that is refused.
    async fn start_a_move(
        &mut self,
        from: &'static str,
        destination: Option<&str>,
        rate: Option<u64>,
    ) -> Option<Started> {
        let mut request = json!({"SourceArn": arn(from)});
        destination.iter().for_each(|name| request["DestinationArn"] = json!(arn(name)));
        rate.iter().for_each(|rate| request["MaxNumberOfMessagesPerSecond"] = json!(rate));
        let refusal = self.refusal(from, destination);
        let now = self.reference.now;
        let answer = self.ask("StartMessageMoveTask", request.clone()).await;
        if let Some(code) = refusal {
            assert_eq!(answer.unwrap_err().code, code);
            return None;
        }
        let to_move = self.reference.lines.get_mut(from).unwrap().model.depth(now).ready;
        let handle = answer.unwrap()["TaskHandle"].clone();
        request["ApproximateNumberOfMessagesToMove"] = json!(to_move);
        request["StartedTimestamp"] = Value::Null;
        Some(Started { from, handle, task: request })
    }

    async fn is_over(&mut self, started: &Started, expected: &Ended) {
        let mut task = started.task.clone();
        task["Status"] = json!(expected.status);
        task["ApproximateNumberOfMessagesMoved"] = json!(expected.moved);
        expected.failure.iter().for_each(|failure| task["FailureReason"] = json!(failure));
        assert_eq!(self.ended(started.from).await, task);
        let request = json!({"TaskHandle": started.handle});
        let refused = self.ask("CancelMessageMoveTask", request).await.unwrap_err();
        assert_eq!(refused.code, INVALID, "it has ended");
    }

    /// The latest task of a queue, once it does not run any more; real time stands in no answer of a history.
    async fn ended(&mut self, from: &str) -> Value {
        for _ in 0..LOOKS {
            let told = self.lab.done("ListMessageMoveTasks", json!({"SourceArn": arn(from)})).await;
            let mut task = told["Results"][0].clone();
            if task["Status"] != "RUNNING" && task["Status"] != "CANCELLING" {
                task["StartedTimestamp"] = Value::Null;
                return task;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("a task that moves messages of {from} does not end")
    }

    pub(super) async fn permit(&mut self) {
        let Some(name) = self.line().await else { return };
        let (label, url) = (format!("label-{}", self.upto(3)), Self::url(&name));
        let is_known = self.reference.lines[&name].labels.contains(&label);
        let is_given = self.chance(0.5);
        let answer = if is_given {
            let request = json!({
                "QueueUrl": url, "Label": label, "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"],
            });
            self.ask("AddPermission", request).await
        } else {
            self.ask("RemovePermission", json!({"QueueUrl": url, "Label": label})).await
        };
        if is_known == is_given {
            return assert_eq!(answer.unwrap_err().code, INVALID);
        }
        answer.unwrap();
        let labels = &mut self.reference.lines.get_mut(&name).unwrap().labels;
        labels.retain(|known| *known != label);
        labels.extend(is_given.then_some(label));
        let request = json!({"QueueUrl": url, "AttributeNames": ["Policy"]});
        let told = self.asked("GetQueueAttributes", request).await;
        let policy = told["Attributes"]["Policy"].as_str().unwrap_or("{}");
        let policy: Value = serde_json::from_str(policy).unwrap();
        let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
        let told: Vec<String> = statements.iter().map(|statement| text(&statement["Sid"])).collect();
        assert_eq!(told, self.reference.lines[&name].labels);
    }
}
