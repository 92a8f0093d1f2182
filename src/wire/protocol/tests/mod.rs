//! Requests of every kind against one shape that has all of them, in both protocols.

mod malformed;
mod round_trips;
mod validation;

use super::{
    Content, Input, Length, List, Map, Member, Output, Pattern, Protocol, Range, ServiceError, Shape,
    Structure, Text,
};
use bytes::Bytes;

static NAME: Pattern = Pattern::new("[a-zA-Z0-9_.-]+");
const NAMED: Text = Text::ANY.length(1, 128).pattern(&NAME);

static INNER: Structure = Structure::new(
    "Inner",
    &[
        Member::required("Data", Shape::Blob(Length::between(0, 64))),
        Member::required("PartitionKey", Shape::Text(Text::ANY.length(1, 8))),
    ],
);
static RECORDS: List = List { length: Length::between(1, 500), member: Shape::Structure(&INNER) };
static KEYS: List = List { length: Length::between(1, 10), member: Shape::Text(Text::ANY.length(1, 4)) };
static TAGS: Map = Map {
    length: Length::between(1, 10),
    key: Text::ANY.length(1, 4),
    value: Shape::Text(Text::ANY.length(0, 6)),
};
static METRICS: List =
    List { length: Length::between(1, 7), member: Shape::one_of(&["ALL", "IncomingBytes"]) };

static SHAPE: Structure = Structure::new(
    "Everything",
    &[
        Member::optional("Records", Shape::List(&RECORDS)),
        Member::required("StreamName", Shape::Text(NAMED)),
        Member::optional("Limit", Shape::Integer(Range::between(1, 10_000))),
        Member::optional("Big", Shape::Long(Range::ANY)),
        Member::optional("Ratio", Shape::Double),
        Member::optional("DryRun", Shape::Boolean),
        Member::optional("Timestamp", Shape::Timestamp),
        Member::optional("Data", Shape::Blob(Length::ANY)),
        Member::optional("TagKeys", Shape::List(&KEYS)),
        Member::optional("Tags", Shape::Map(&TAGS)),
        Member::optional("Metrics", Shape::List(&METRICS)),
        Member::optional("Mode", Shape::one_of(&["PROVISIONED", "ON_DEMAND"])),
        Member::optional("Details", Shape::Structure(&INNER)),
    ],
);

const BOTH: [Protocol; 2] = [Protocol::Json, Protocol::Cbor];

fn json(text: &str) -> Result<Input, ServiceError> {
    Protocol::Json.read(&SHAPE, &Bytes::copy_from_slice(text.as_bytes()))
}

/// Writes an output and reads it as a request.
fn read(protocol: Protocol, request: &Output) -> Result<Input, ServiceError> {
    Protocol::read(protocol, &SHAPE, &protocol.write(request).into())
}

fn named() -> Output {
    Output::new().with("StreamName", "trips")
}

fn inner(data: &'static [u8], key: &str) -> Content {
    Content::Structure(Output::new().with("Data", Bytes::from_static(data)).with("PartitionKey", key))
}
