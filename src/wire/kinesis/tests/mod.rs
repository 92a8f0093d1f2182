//! Every operation over a real store and directory, asked in both protocols.

mod consumers;
mod load;
mod many_shards;
mod models;
mod mutated;
mod rates;
mod reading;
mod refusals;
mod resharding;
mod settings;
mod streams;
mod subscribing;
mod tags;
mod writing;

use super::{Kinesis, model::OPERATIONS};
use crate::{
    pipeline::stream::directory::{Directory, Home, KinesisSettings},
    storage::{StorageSettings, Store},
    telemetry::{Metrics, StorageMetrics},
    wire::{
        Caller, Content, Event, Output, Reply, ServiceError, Timestamp,
        protocol::{Protocol, Shape, Structure},
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{StreamExt, stream::BoxStream};
use serde_json::Value;
use std::{path::Path, sync::Arc};

const BOTH: [Protocol; 2] = [Protocol::Json, Protocol::Cbor];
const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";

/// The service, and who asks it.
struct Lab {
    kinesis: Arc<Kinesis>,
    protocol: Protocol,
    store: Store,
    _folder: Option<tempfile::TempDir>,
}

impl Lab {
    async fn new(protocol: Protocol) -> Self {
        Self::with(protocol, KinesisSettings::default()).await
    }

    async fn with(protocol: Protocol, settings: KinesisSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = Self::at(folder.path(), protocol, settings).await;
        Self { _folder: Some(folder), ..lab }
    }

    async fn at(folder: &Path, protocol: Protocol, settings: KinesisSettings) -> Self {
        let storage = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        let store = Store::open(folder, storage, StorageMetrics::unregistered()).unwrap();
        let directory = Directory::open(store.clone(), settings, Home::default(), &Metrics::new()).await;
        let kinesis = Kinesis::open(directory.unwrap()).await.unwrap();
        Self { kinesis, protocol, store, _folder: None }
    }

    async fn reply(&self, operation: &str, request: Value) -> Result<Reply, ServiceError> {
        let known = OPERATIONS.iter().find(|known| known.name == operation).unwrap();
        let body = match self.protocol {
            Protocol::Json | Protocol::JsonOne | Protocol::Query => request.to_string().into_bytes(),
            Protocol::Cbor => Protocol::Cbor.write(&structure(known.input, &request)),
        };
        let input = self.protocol.read(known.input, &body.into())?;
        let caller = Caller { account: ACCOUNT.to_owned(), region: REGION.to_owned(), ..Caller::default() };
        self.kinesis.answer(caller, known.name, input).await
    }

    /// The answer as JSON; null when it has no body.
    async fn ask(&self, operation: &str, request: Value) -> Result<Value, ServiceError> {
        Ok(match self.reply(operation, request).await? {
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

    /// The refusal's code and message.
    async fn refused(&self, operation: &str, request: Value) -> (&'static str, String) {
        match self.ask(operation, request).await {
            Ok(answer) => panic!("{operation}: {answer}"),
            Err(error) => (error.code, error.message),
        }
    }

    async fn make(&self, stream: &str, shards: u32) {
        self.done("CreateStream", serde_json::json!({"StreamName": stream, "ShardCount": shards})).await;
    }

    async fn put(&self, stream: &str, key: &str, data: &str) -> Value {
        let request = serde_json::json!({"StreamName": stream, "PartitionKey": key, "Data": base64(data)});
        self.done("PutRecord", request).await
    }

    async fn iterator(&self, request: Value) -> String {
        text(&self.done("GetShardIterator", request).await["ShardIterator"])
    }

    async fn subscribe(&self, request: Value) -> Result<BoxStream<'static, Event>, ServiceError> {
        match self.reply("SubscribeToShard", request).await? {
            Reply::Events(events) => Ok(events),
            other => panic!("{other:?}"),
        }
    }

    async fn shards(&self, stream: &str) -> Vec<Value> {
        let told = self.done("ListShards", serde_json::json!({"StreamName": stream})).await;
        told["Shards"].as_array().unwrap().clone()
    }
}

async fn next(events: &mut BoxStream<'static, Event>) -> Value {
    let wait = std::time::Duration::from_secs(20);
    match tokio::time::timeout(wait, events.next()).await.unwrap() {
        Some(Event::Of(kind, payload)) => {
            assert_eq!(kind, "SubscribeToShardEvent");
            told(&payload)
        }
        Some(Event::Exception(error)) => serde_json::json!({"exception": error.code}),
        None => Value::Null,
    }
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&Protocol::Json.write(output)).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn base64(data: &str) -> String {
    BASE64_STANDARD.encode(data)
}

fn datas(answer: &Value) -> Vec<String> {
    let data = |record: &Value| BASE64_STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
    let records = answer["Records"].as_array().unwrap();
    records.iter().map(|record| String::from_utf8(data(record)).unwrap()).collect()
}

/// A request in JSON as a tree for the other protocol, led by its shape.
fn structure(shape: &'static Structure, request: &Value) -> Output {
    let mut output = Output::new();
    for (name, value) in request.as_object().unwrap() {
        let member = shape.members.iter().find(|member| member.name == name).unwrap();
        output = output.with(member.name, content(&member.shape, value));
    }
    output
}

fn content(shape: &Shape, value: &Value) -> Content {
    match (shape, value) {
        (Shape::Structure(shape), value) => Content::Structure(structure(shape, value)),
        (Shape::List(list), Value::Array(items)) => {
            Content::List(items.iter().map(|item| content(&list.member, item)).collect())
        }
        (Shape::Map(map), Value::Object(entries)) => Content::Map(
            entries.iter().map(|(key, value)| (key.clone(), content(&map.value, value))).collect(),
        ),
        (Shape::Blob(_), Value::String(text)) => Content::Blob(BASE64_STANDARD.decode(text).unwrap().into()),
        (Shape::Timestamp, value) => {
            Content::Timestamp(Timestamp::from_seconds(value.as_f64().unwrap()).unwrap())
        }
        (_, Value::String(text)) => Content::Text(text.clone()),
        (_, Value::Bool(is)) => Content::Boolean(*is),
        (_, value) => Content::Integer(value.as_i64().unwrap()),
    }
}
