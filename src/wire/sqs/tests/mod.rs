//! Every operation over a real store and directory, asked in both protocols.

mod fifo;
mod fifo_settings;
mod histories;
mod messages;
mod models;
mod moves;
mod mutated;
mod put_aside;
mod queues;
mod refusals;
mod settings;
mod settling;

use super::{OPERATIONS, Sqs, SqsSettings, errors};
use crate::{
    pipeline::{queue::directory::QueueDirectory, stream::directory::Home},
    storage::{StorageSettings, Store},
    telemetry::StorageMetrics,
    wire::{
        Caller, Leave, Output, Reply, ServiceError,
        protocol::{Protocol, Shape, Structure, first_missing},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use tokio::sync::watch;

const BOTH: [Protocol; 2] = [Protocol::JsonOne, Protocol::Query];

/// The service, and who asks it.
struct Lab {
    sqs: Arc<Sqs>,
    protocol: Protocol,
    caller: Caller,
    drain: watch::Sender<bool>,
    hang_up: watch::Sender<bool>,
    _folder: Option<tempfile::TempDir>,
}

impl Lab {
    async fn new(protocol: Protocol) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = Self::at(folder.path(), protocol).await;
        Self { _folder: Some(folder), ..lab }
    }

    async fn at(folder: &Path, protocol: Protocol) -> Self {
        Self::with(folder, protocol, SqsSettings::default()).await
    }

    async fn with(folder: &Path, protocol: Protocol, settings: SqsSettings) -> Self {
        let storage = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        let store = Store::open(folder, storage, StorageMetrics::unregistered()).unwrap();
        let directory = QueueDirectory::open(store, Home::default()).await.unwrap();
        Self { protocol, ..Self::over(directory, settings).await }
    }

    async fn over(directory: Arc<QueueDirectory>, settings: SqsSettings) -> Self {
        let caller = Caller {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            authority: "localhost:4566".to_owned(),
            ..Caller::default()
        };
        let (drain, draining) = watch::channel(false);
        let (hang_up, left) = watch::channel(false);
        let caller = Caller { leave: Leave::new(draining.clone(), Some(left)), ..caller };
        let sqs = Sqs::open(directory, settings, draining).await.unwrap();
        Self { sqs, protocol: Protocol::JsonOne, caller, drain, hang_up, _folder: None }
    }

    /// The answer as JSON; null when it has no body.
    async fn ask(&self, operation: &str, request: Value) -> Result<Value, ServiceError> {
        let known = OPERATIONS.iter().find(|known| known.name == operation).unwrap();
        let body = match self.protocol {
            Protocol::Query => form(known.input, &request),
            _ => request.to_string(),
        };
        let input = self.protocol.parse(known.input, &body.into())?;
        if let Some(name) = first_missing(&input) {
            return Err(errors::missing(&name));
        }
        Ok(match self.sqs.answer(self.caller.clone(), known.name, input).await? {
            Reply::Empty => Value::Null,
            Reply::Whole(output) => told(&output),
            Reply::Events(_) => panic!("{operation} answers events"),
        })
    }

    async fn done(&self, operation: &str, request: Value) -> Value {
        match self.ask(operation, request).await {
            Ok(answer) => answer,
            Err(error) => panic!("{operation}: {error}"),
        }
    }

    /// The refusal's code as Query has it, and its message.
    async fn refused(&self, operation: &str, request: Value) -> (String, String) {
        match self.ask(operation, request.clone()).await {
            Ok(answer) => panic!("{operation} {request}: {answer}"),
            Err(error) => (errors::told(error.code).code, error.message),
        }
    }

    /// Makes a queue and gives its URL.
    async fn make(&self, name: &str, attributes: Value) -> String {
        let made = self.done("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
        text(&made["QueueUrl"])
    }

    async fn send(&self, url: &str, body: &str) -> Value {
        self.done("SendMessage", json!({"QueueUrl": url, "MessageBody": body})).await
    }

    /// Messages received at once, with all that is told of them.
    async fn receive(&self, url: &str, most: u32) -> Vec<Value> {
        let request = json!({
            "QueueUrl": url, "MaxNumberOfMessages": most, "AttributeNames": ["All"], "MessageAttributeNames": ["All"],
        });
        let told = self.done("ReceiveMessage", request).await;
        told["Messages"].as_array().cloned().unwrap_or_default()
    }

    async fn attribute(&self, url: &str, name: &str) -> Value {
        let told = self.done("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": [name]})).await;
        told["Attributes"][name].clone()
    }
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&Protocol::JsonOne.write(output)).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

fn bodies(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| text(&message["Body"])).collect()
}

/// A request in JSON as a form, led by its shape.
fn form(shape: &'static Structure, request: &Value) -> String {
    let mut pairs = vec![("Action".to_owned(), "Any".to_owned())];
    structure(shape, request, "", &mut pairs);
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

fn structure(shape: &'static Structure, request: &Value, before: &str, pairs: &mut Vec<(String, String)>) {
    for (name, value) in request.as_object().unwrap() {
        let member = shape.members.iter().find(|member| member.name == name).unwrap();
        let called = member.query_name();
        content(&member.shape, value, &format!("{before}{}", called.name), called.key, pairs);
    }
}

fn content(shape: &Shape, value: &Value, at: &str, key: &str, pairs: &mut Vec<(String, String)>) {
    match (shape, value) {
        (_, Value::Null) => {}
        (Shape::Structure(shape), value) => structure(shape, value, &format!("{at}."), pairs),
        (Shape::List(list), Value::Array(items)) => {
            for (place, item) in items.iter().enumerate() {
                content(&list.member, item, &format!("{at}.{}", place + 1), key, pairs);
            }
        }
        (Shape::Map(map), Value::Object(entries)) => {
            for (place, (name, value)) in entries.iter().enumerate() {
                let entry = format!("{at}.{}", place + 1);
                pairs.push((format!("{entry}.{key}"), name.clone()));
                content(&map.value, value, &format!("{entry}.Value"), key, pairs);
            }
        }
        (_, Value::String(text)) => pairs.push((at.to_owned(), text.clone())),
        (_, other) => pairs.push((at.to_owned(), other.to_string())),
    }
}
