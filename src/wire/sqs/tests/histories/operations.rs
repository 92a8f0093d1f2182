//! Each operation, asked of the service and of the reference.

use super::{reference::Sent, *};
use std::collections::BTreeSet;

const GROUPS: [&str; 5] = ["a", "b", "c", "d", "e"];
const FILTERS: [&[&str]; 5] = [&[], &["All"], &["bar.*"], &["foo"], &["nothing", "bar.one"]];

fn wants(filters: &[&str], name: &str) -> bool {
    let prefixed = |filter: &&str| filter.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix));
    filters.iter().any(|filter| *filter == "All" || *filter == name || prefixed(filter))
}

/// What a batch answered, by id.
fn by_id(answer: &Value) -> BTreeMap<String, (bool, Value)> {
    let of = |kind: &str, is_good: bool| -> Vec<(String, (bool, Value))> {
        let entries = answer[kind].as_array().cloned().unwrap_or_default();
        entries.into_iter().map(|entry| (text(&entry["Id"]), (is_good, entry))).collect()
    };
    [of("Successful", true), of("Failed", false)].concat().into_iter().collect()
}

impl History {
    fn name(&mut self) -> String {
        self.one_of(&["jobs", "jobs", "jobs.fifo", "jobs.fifo", "other", "dead", "dead.fifo"]).to_owned()
    }

    /// A queue that is there; one that is not is refused, and made.
    pub(super) async fn line(&mut self) -> Option<String> {
        let name = self.name();
        if self.reference.lines.contains_key(&name) {
            return Some(name);
        }
        let request = json!({"QueueUrl": Self::url(&name), "MessageBody": "nobody", "MessageGroupId": "g"});
        assert_eq!(self.ask("SendMessage", request).await.unwrap_err().code, "QueueDoesNotExist");
        self.create(&name).await;
        None
    }

    pub(super) async fn create(&mut self, name: &str) {
        let attributes = if name.ends_with(".fifo") { json!({"FifoQueue": "true"}) } else { json!({}) };
        let made = self.asked("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
        assert_eq!(made["QueueUrl"], Self::url(name));
        self.reference.make(name);
    }

    /// A queue that is there is found by its name, and made again only as it is.
    pub(super) async fn create_again(&mut self) {
        let Some(name) = self.line().await else { return };
        let found = self.asked("GetQueueUrl", json!({"QueueName": name})).await;
        assert_eq!(found["QueueUrl"], Self::url(&name));
        let (known, told) = (self.reference.lines[&name].visibility_s, self.upto(60) + 1);
        let told = if self.chance(0.5) { known } else { told };
        let mut attributes = json!({"VisibilityTimeout": told.to_string()});
        if name.ends_with(".fifo") {
            attributes["FifoQueue"] = json!("true");
        }
        match self.ask("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await {
            Ok(made) => assert_eq!((&made["QueueUrl"], told), (&json!(Self::url(&name)), known)),
            Err(error) => assert_eq!((error.code, told == known), ("QueueNameExists", false)),
        }
    }

    /// A message with what a request says of it, and its delay; `None` stands for what is refused.
    fn message(&mut self, name: &str) -> (Value, Option<Sent>, Option<i64>) {
        self.sent += 1;
        let is_fifo = name.ends_with(".fifo");
        let mut attributes = Map::new();
        let mut put = |name: &str, value: Value| drop(attributes.insert(name.to_owned(), value));
        if self.chance(0.3) {
            put("bar.one", json!({"DataType": "String", "StringValue": format!("é{}", self.sent)}));
        }
        if self.chance(0.2) {
            put("bar.two", json!({"DataType": "Number.int", "StringValue": self.sent.to_string()}));
        }
        if self.chance(0.2) {
            put("foo", json!({"DataType": "Binary", "BinaryValue": "aGVsbG8="}));
        }
        let length = if self.chance(0.05) { 9_000 } else { self.random.random_range(0..300) };
        let mut sent = Sent {
            body: format!("{} <&\u{1f600}> {}", self.sent, "m".repeat(length)),
            attributes,
            trace: self.chance(0.1).then(|| format!("Root={}", self.sent)),
            sent_at_ms: self.reference.wall,
            ..Sent::default()
        };
        if is_fifo || self.chance(0.3) {
            sent.group = Some(self.one_of(&GROUPS).to_owned());
        }
        if is_fifo {
            let again = self.chance(0.2);
            let id = if again { self.upto(11).to_string() } else { format!("own-{}", self.sent) };
            sent.deduplication = Some(id);
        }
        let delay = (!is_fifo && self.chance(0.2)).then(|| self.upto(40));
        let mut request = json!({"MessageBody": sent.body});
        let mut put = |name: &str, value: Value| request[name] = value;
        if !sent.attributes.is_empty() {
            put("MessageAttributes", json!(sent.attributes));
        }
        if let Some(trace) = &sent.trace {
            let value = json!({"DataType": "String", "StringValue": trace});
            put("MessageSystemAttributes", json!({"AWSTraceHeader": value}));
        }
        sent.group.iter().for_each(|group| put("MessageGroupId", json!(group)));
        sent.deduplication.iter().for_each(|id| put("MessageDeduplicationId", json!(id)));
        delay.iter().for_each(|delay| put("DelaySeconds", json!(delay)));
        let is_refused = self.chance(0.03);
        if is_refused {
            request["MessageBody"] = json!("a\u{1}");
        }
        (request, (!is_refused).then_some(sent), delay)
    }

    /// Holds the answer to a send against the reference, which learns the message's id.
    fn is_sent(&mut self, name: &str, mut sent: Sent, delay: Option<i64>, told: &Value) {
        sent.id = text(&told["MessageId"]);
        let (sequence, is_new) = self.reference.send(name, &sent, delay);
        let line = &self.reference.lines[name];
        assert_eq!(line.sent[&sequence].id, sent.id, "a message sent twice has one id");
        let ids = line.sent.values().filter(|other| other.id == sent.id && other.source.is_none());
        assert!(ids.count() == 1, "new: {is_new}");
        assert_eq!(told["MD5OfMessageBody"], digest(sent.body.as_bytes()));
        assert_eq!(told["MD5OfMessageAttributes"].as_str(), digest_of(&sent.attributes).as_deref());
        assert_eq!(told["MD5OfMessageSystemAttributes"].is_string(), sent.trace.is_some());
        let expected = line.fifo().then(|| number(sequence));
        assert_eq!(told["SequenceNumber"].as_str(), expected.as_deref());
    }

    pub(super) async fn send(&mut self) {
        let Some(name) = self.line().await else { return };
        let (mut request, sent, delay) = self.message(&name);
        request["QueueUrl"] = json!(Self::url(&name));
        match (self.ask("SendMessage", request).await, sent) {
            (Ok(told), Some(sent)) => self.is_sent(&name, sent, delay, &told),
            (Err(error), None) => assert_eq!(error.code, "InvalidMessageContents"),
            (answer, sent) => panic!("{answer:?} to {sent:?}"),
        }
    }

    pub(super) async fn send_batch(&mut self) {
        let Some(name) = self.line().await else { return };
        let count = self.random.random_range(1..=10);
        let messages: Vec<_> = (0..count).map(|_| self.message(&name)).collect();
        let entry = |(at, (request, ..)): (usize, &(Value, Option<Sent>, Option<i64>))| {
            let mut entry = request.clone();
            entry["Id"] = json!(format!("e{at}"));
            entry
        };
        let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
        let request = json!({"QueueUrl": Self::url(&name), "Entries": entries});
        let answer = by_id(&self.asked("SendMessageBatch", request).await);
        assert_eq!(answer.len(), count);
        for (at, (_, sent, delay)) in messages.into_iter().enumerate() {
            let (is_good, told) = &answer[&format!("e{at}")];
            match sent {
                Some(sent) if *is_good => self.is_sent(&name, sent, delay, told),
                None if !is_good => assert_eq!(told["Code"], "InvalidMessageContents"),
                sent => panic!("{told} to {sent:?}"),
            }
        }
    }

    pub(super) async fn receive(&mut self) {
        if let Some(name) = self.line().await {
            self.receive_from(&name).await;
        }
    }

    pub(super) async fn receive_from(&mut self, name: &str) {
        let most = self.random.random_range(1..=10);
        let is_fifo = name.ends_with(".fifo");
        let seconds = match self.random.random_range(0..10) {
            0 if !is_fifo => Some(0),
            0..4 => Some(self.upto(60) + 1),
            _ => None,
        };
        let attempt = (is_fifo && self.chance(0.4)).then(|| self.upto(3).to_string());
        let (filters, system) = (self.one_of(&FILTERS), self.chance(0.8));
        let mut request = json!({
            "QueueUrl": Self::url(name), "MaxNumberOfMessages": most, "MessageAttributeNames": filters,
            "AttributeNames": if system { vec!["All"] } else { Vec::new() },
        });
        seconds.iter().for_each(|seconds| request["VisibilityTimeout"] = json!(seconds));
        attempt.iter().for_each(|attempt| request["ReceiveRequestAttemptId"] = json!(attempt));
        let answer = self.asked("ReceiveMessage", request).await;
        let mut told = answer["Messages"].as_array().cloned().unwrap_or_default();
        let leases = self.reference.receive(name, most, seconds, attempt.as_deref());
        self.learn(name, &leases, &told);
        let expected: Vec<Value> = leases
            .iter()
            .map(|lease| self.reference.told(name, lease, |name| wants(filters, name), system))
            .collect();
        let mut texts = Vec::new();
        for message in &mut told {
            texts.push(text(&message.as_object_mut().unwrap().remove("ReceiptHandle").unwrap()));
        }
        assert_eq!(told, expected);
        let made = self.reference.lines[name].made;
        for (lease, text) in leases.iter().zip(texts) {
            let (sequence, receives) = (lease.sequence, lease.receive_count);
            self.handles.push(Handle { name: name.to_owned(), made, sequence, receives, text });
        }
    }

    /// A handle, rather a young one, and whether the queue of its name is still the one that gave it.
    fn handle(&mut self) -> Option<(Handle, bool)> {
        let count = self.handles.len();
        let back = self.random.random_range(0..count.max(1)).min(self.random.random_range(0..60));
        let handle = self.handles.get(count.checked_sub(back + 1)?)?.clone();
        let line = self.reference.lines.get(&handle.name)?;
        let is_of_it = line.made == handle.made;
        Some((handle, is_of_it))
    }

    /// Whether a deletion is to be granted, and the code of the refusal.
    fn deleted(&mut self, handle: &Handle, is_of_it: bool) -> Result<(), &'static str> {
        if !is_of_it {
            return Err("ReceiptHandleIsInvalid");
        }
        let granted = self.reference.delete(&handle.name, handle.sequence, handle.receives);
        if granted { Ok(()) } else { Err("InvalidParameterValue") }
    }

    fn hidden(&mut self, handle: &Handle, is_of_it: bool, seconds: i64) -> Result<(), &'static str> {
        if !is_of_it {
            return Err("ReceiptHandleIsInvalid");
        }
        let granted = self.reference.hide(&handle.name, handle.sequence, handle.receives, seconds);
        if granted { Ok(()) } else { Err("InvalidParameterValue") }
    }

    pub(super) async fn delete(&mut self) {
        let Some((handle, is_of_it)) = self.handle() else { return };
        let request = json!({"QueueUrl": Self::url(&handle.name), "ReceiptHandle": handle.text});
        let answer = self.ask("DeleteMessage", request).await;
        let answer = answer.map(drop).map_err(|error| errors::told(error.code).code);
        assert_eq!(answer, self.deleted(&handle, is_of_it).map_err(str::to_owned));
    }

    pub(super) async fn hide(&mut self) {
        let Some((handle, is_of_it)) = self.handle() else { return };
        let seconds = if self.chance(0.4) { 0 } else { self.upto(90) };
        let request = json!({
            "QueueUrl": Self::url(&handle.name), "ReceiptHandle": handle.text, "VisibilityTimeout": seconds,
        });
        let answer = self.ask("ChangeMessageVisibility", request).await;
        let answer = answer.map(drop).map_err(|error| errors::told(error.code).code);
        assert_eq!(answer, self.hidden(&handle, is_of_it, seconds).map_err(str::to_owned));
    }

    /// Handles of one queue, each lease once: an attempt that is repeated gives another handle of the same.
    fn handles(&mut self) -> Vec<(Handle, bool)> {
        let Some((first, is_of_it)) = self.handle() else { return Vec::new() };
        let (name, mut all) = (first.name.clone(), vec![(first, is_of_it)]);
        for _ in 0..self.random.random_range(0..9) {
            let more = self.handle().filter(|(more, _)| more.name == name);
            all.extend(more.filter(|(more, _)| {
                all.iter()
                    .all(|(known, _)| known.sequence != more.sequence || known.receives != more.receives)
            }));
        }
        all
    }

    fn compare(answer: &Value, expected: &[Result<(), &str>]) {
        let answer = by_id(answer);
        assert_eq!(answer.len(), expected.len());
        for (at, expected) in expected.iter().enumerate() {
            let (is_good, told) = &answer[&format!("e{at}")];
            assert_eq!((*is_good, told["Code"].as_str()), (expected.is_ok(), expected.err()), "{told}");
        }
    }

    pub(super) async fn delete_batch(&mut self) {
        let handles = self.handles();
        let Some((first, _)) = handles.first() else { return };
        let entry = |(at, (handle, _)): (usize, &(Handle, bool))| json!({"Id": format!("e{at}"), "ReceiptHandle": handle.text});
        let entries: Vec<Value> = handles.iter().enumerate().map(entry).collect();
        let request = json!({"QueueUrl": Self::url(&first.name), "Entries": entries});
        let answer = self.asked("DeleteMessageBatch", request).await;
        // Each is judged as its message stands before the batch.
        let refused = |(handle, is_of_it): &(Handle, bool)| {
            *is_of_it && self.reference.refuses(&handle.name, handle.sequence, handle.receives)
        };
        let refused: Vec<bool> = handles.iter().map(refused).collect();
        let mut expected = Vec::new();
        for ((handle, is_of_it), refused) in handles.iter().zip(refused) {
            let refusal = Err("InvalidParameterValue");
            expected.push(if refused { refusal } else { self.deleted(handle, *is_of_it) });
        }
        Self::compare(&answer, &expected);
    }

    pub(super) async fn hide_batch(&mut self) {
        let handles = self.handles();
        let Some((first, _)) = handles.first() else { return };
        let seconds: Vec<i64> = handles.iter().map(|_| self.upto(60)).collect();
        let entry = |(at, (handle, _)): (usize, &(Handle, bool))| json!({"Id": format!("e{at}"), "ReceiptHandle": handle.text, "VisibilityTimeout": seconds[at]});
        let entries: Vec<Value> = handles.iter().enumerate().map(entry).collect();
        let request = json!({"QueueUrl": Self::url(&first.name), "Entries": entries});
        let answer = self.asked("ChangeMessageVisibilityBatch", request).await;
        let both = handles.iter().zip(&seconds);
        let expected: Vec<_> =
            both.map(|((handle, is_of_it), seconds)| self.hidden(handle, *is_of_it, *seconds)).collect();
        Self::compare(&answer, &expected);
    }

    pub(super) async fn counts(&mut self) {
        let Some(name) = self.line().await else { return };
        let request = json!({"QueueUrl": Self::url(&name), "AttributeNames": ["All"]});
        let told = self.asked("GetQueueAttributes", request).await;
        let now = self.reference.now;
        let line = self.reference.lines.get_mut(&name).unwrap();
        let depth = line.model.depth(now);
        for (attribute, expected) in [
            ("ApproximateNumberOfMessages", depth.ready + depth.exhausted),
            ("ApproximateNumberOfMessagesNotVisible", depth.in_flight),
            ("ApproximateNumberOfMessagesDelayed", depth.delayed),
            ("VisibilityTimeout", line.visibility_s.unsigned_abs()),
        ] {
            assert_eq!(told["Attributes"][attribute], expected.to_string(), "{attribute} of {name}");
        }
    }

    pub(super) async fn set(&mut self) {
        let Some(name) = self.line().await else { return };
        let letters = if name.ends_with(".fifo") { "dead.fifo" } else { "dead" };
        let (attribute, value) = match self.random.random_range(0..6) {
            0 => ("VisibilityTimeout", (self.upto(60) + 1).to_string()),
            1 => ("DelaySeconds", self.one_of(&["0", "5", "20"]).to_owned()),
            2 => ("MessageRetentionPeriod", self.one_of(&["60", "600", "345600"]).to_owned()),
            3 if name.ends_with(".fifo") => {
                ("DeduplicationScope", self.one_of(&["queue", "messageGroup"]).to_owned())
            }
            _ if name == letters || !self.reference.lines.contains_key(letters) => return,
            3 => ("RedrivePolicy", String::new()),
            _ => {
                let most = self.upto(3) + 1;
                let policy = json!({"deadLetterTargetArn": arn(letters), "maxReceiveCount": most});
                ("RedrivePolicy", policy.to_string())
            }
        };
        let request = json!({"QueueUrl": Self::url(&name), "Attributes": {attribute: value}});
        self.asked("SetQueueAttributes", request).await;
        self.reference.set(&name, attribute, &value);
        self.look_after().await;
    }

    pub(super) async fn purge(&mut self) {
        let Some(name) = self.line().await else { return };
        let answer = self.ask("PurgeQueue", json!({"QueueUrl": Self::url(&name)})).await;
        match self.reference.purge(&name) {
            true => assert!(answer.is_ok()),
            false => assert_eq!(answer.unwrap_err().code, "PurgeQueueInProgress"),
        }
    }

    pub(super) async fn delete_queue(&mut self) {
        let Some(name) = self.line().await else { return };
        self.asked("DeleteQueue", json!({"QueueUrl": Self::url(&name)})).await;
        self.reference.lines.remove(&name);
    }

    pub(super) async fn tags(&mut self) {
        let Some(name) = self.line().await else { return };
        let (key, value) = (self.one_of(&GROUPS).to_owned(), self.upto(9).to_string());
        let url = Self::url(&name);
        if self.chance(0.5) {
            self.asked("TagQueue", json!({"QueueUrl": url, "Tags": {&key: &value}})).await;
            self.reference.lines.get_mut(&name).unwrap().tags.insert(key, value);
        } else {
            self.asked("UntagQueue", json!({"QueueUrl": url, "TagKeys": [&key]})).await;
            self.reference.lines.get_mut(&name).unwrap().tags.remove(&key);
        }
        let told = self.asked("ListQueueTags", json!({"QueueUrl": url})).await;
        let tags = &self.reference.lines[&name].tags;
        assert_eq!(told["Tags"].as_object().map_or(0, Map::len), tags.len());
        tags.iter().for_each(|(key, value)| assert_eq!(told["Tags"][key], *value));
    }

    pub(super) async fn list(&mut self) {
        let told = self.asked("ListQueues", json!({})).await;
        let urls = told["QueueUrls"].as_array().cloned().unwrap_or_default();
        let urls: BTreeSet<String> = urls.iter().map(text).collect();
        assert_eq!(urls, self.reference.lines.keys().map(|name| Self::url(name)).collect());
        let letters = self.one_of(&["dead", "dead.fifo"]);
        if self.reference.lines.contains_key(letters) {
            let told =
                self.asked("ListDeadLetterSourceQueues", json!({"QueueUrl": Self::url(letters)})).await;
            let sources = told["queueUrls"].as_array().cloned().unwrap_or_default();
            let expected =
                self.reference.lines.iter().filter(|(_, line)| line.letters.as_deref() == Some(letters));
            let expected: Vec<Value> = expected.map(|(name, _)| json!(Self::url(name))).collect();
            assert_eq!(sources, expected);
        }
    }
}
