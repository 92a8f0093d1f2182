//! The endpoint with one service of the tests' own behind it.

mod connections;
mod farewells;
mod query;
mod resting;
mod sockets;
mod streams;

use super::{AwsSection, Front, answer::Answer, head::Head};
use crate::{
    telemetry::EndpointMetrics,
    wire::{
        Caller, Event, Input, Operation, Output, Reply, Service, ServiceError,
        protocol::{Length, Member, Shape, Structure, Text},
        signing::Credentials,
    },
};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use jiff::Timestamp;
use tokio::{runtime::Handle, sync::watch};

static ECHO: Structure = Structure::new(
    "EchoInput",
    &[
        Member::required("StreamName", Shape::Text(Text::ANY.length(1, 128))),
        Member::optional("Data", Shape::Blob(Length::ANY)),
    ],
);
static NOTHING: Structure = Structure::new("NothingInput", &[]);

static OPERATIONS: [Operation; 7] = [
    Operation { name: "Echo", input: &ECHO },
    Operation { name: "ListStreams", input: &NOTHING },
    Operation { name: "CreateStream", input: &NOTHING },
    Operation { name: "Linger", input: &NOTHING },
    Operation { name: "Panic", input: &NOTHING },
    Operation { name: "Refuse", input: &NOTHING },
    Operation { name: "SubscribeToShard", input: &NOTHING },
];

/// How long its operation of that name takes.
const LINGERS: std::time::Duration = std::time::Duration::from_millis(3_500);

fn service() -> Service {
    let answer = Box::new(|caller: Caller, operation: &'static str, input: Input| {
        async move {
            if operation == "Linger" {
                tokio::time::sleep(LINGERS).await;
            }
            carry_out(&caller, operation, &input)
        }
        .boxed() as BoxFuture<'static, _>
    });
    let (target, signing_name) = ("Kinesis_20131202", "kinesis");
    Service { target, signing_name, operations: &OPERATIONS, query: None, brief: &[], answer }
}

fn carry_out(caller: &Caller, operation: &str, input: &Input) -> Result<Reply, ServiceError> {
    match operation {
        "Echo" => Ok(Reply::Whole(
            Output::new()
                .with("StreamName", input.text("StreamName").unwrap_or_default())
                .with_some("Data", input.blob("Data").cloned())
                .with("Account", caller.account.as_str())
                .with("Region", caller.region.as_str()),
        )),
        "ListStreams" => Ok(Reply::Whole(Output::new().with_list("StreamNames", ["trips"]))),
        "SubscribeToShard" => {
            let events =
                (0..3_i64).map(|at| Event::Of("SubscribeToShardEvent", Output::new().with("At", at)));
            let last = Event::Exception(ServiceError::bad_request("ResourceNotFoundException", "gone"));
            let endless = stream::pending().boxed();
            Ok(Reply::Events(stream::iter(events.chain([last])).chain(endless).boxed()))
        }
        "Panic" => panic!("an operation that fails"),
        "Refuse" => Err(ServiceError::bad_request("ResourceInUseException", "in use")),
        _ => Ok(Reply::Empty),
    }
}

fn front(credentials: &str, draining: watch::Receiver<bool>) -> Front {
    let section =
        AwsSection { credentials: Credentials::parse(credentials).unwrap(), ..AwsSection::default() };
    let metrics = EndpointMetrics::unregistered();
    Front::new(&section, vec![service()], Handle::current(), metrics, draining)
}

/// An endpoint that takes any signature.
fn open() -> Front {
    front("", watch::channel(false).1)
}

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/kinesis/aws4_request, \
    SignedHeaders=host, Signature=00";
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const CBOR: (&str, &str) = ("content-type", "application/x-amz-cbor-1.1");
const AUTHORIZED: (&str, &str) = ("authorization", SIGNED);
const DATE: (&str, &str) = ("x-amz-date", "20260101T000000Z");

fn head(method: &str, headers: &[(&str, &str)]) -> Head {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Head { method: method.to_owned(), path: "/".to_owned(), headers, ..Head::default() }
}

fn target(operation: &'static str) -> (&'static str, &'static str) {
    ("x-amz-target", format!("Kinesis_20131202.{operation}").leak())
}

async fn post(front: &Front, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    front.answer(&head("POST", headers), Bytes::copy_from_slice(body), Timestamp::now()).await
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(answer.bytes()).unwrap()
}
