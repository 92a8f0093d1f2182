//! Receiving messages.

use super::{
    Sqs, call_limits::Call, errors, message_attributes, message_id, order, queue_attributes,
    receipt_handle::ReceiptHandle,
};
use crate::{
    pipeline::queue::{
        Envelope,
        directory::{QueueResource, QueueTerms},
    },
    storage::{Fingerprint, LeasedMessage, ReceiveRequest},
    wire::{Caller, Content, Input, Output, Reply, ServiceError},
};
use std::time::Duration;

/// System attributes that a receiver may ask for.
const SYSTEM: [&str; 10] = [
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// What a receive asks for.
struct Wanted<'i> {
    most: usize,
    visibility: Duration,
    wait: Duration,
    attempt: Option<Fingerprint>,
    system: Vec<&'i str>,
    attributes: Vec<&'i str>,
}

/// A number of a request within its bounds, or the default.
fn within(
    input: &Input,
    name: &str,
    (least, most): (i64, i64),
    default: u32,
    reason: &str,
) -> Result<u64, ServiceError> {
    match input.integer(name) {
        None => Ok(default.into()),
        Some(number) if (least..=most).contains(&number) => Ok(number.unsigned_abs()),
        Some(number) => Err(errors::invalid_value(name, &number.to_string(), reason)),
    }
}

impl<'i> Wanted<'i> {
    fn read(input: &'i Input, terms: &QueueTerms) -> Result<Self, ServiceError> {
        let reason = "Must be between 1 and 10, if provided.";
        let most = within(input, "MaxNumberOfMessages", (1, 10), 1, reason)?;
        let reason = "Must be >= 0 and <= 43200, if provided.";
        let visibility = within(input, "VisibilityTimeout", (0, 43_200), terms.visibility_timeout, reason)?;
        let reason = "Must be >= 0 and <= 20, if provided.";
        let wait = within(input, "WaitTimeSeconds", (0, 20), terms.wait, reason)?;
        let attempt = order::attempt(terms, input)?;
        let system: Vec<&str> =
            input.texts("AttributeNames").chain(input.texts("MessageSystemAttributeNames")).collect();
        let is_unknown = |name: &&&str| {
            !SYSTEM.contains(*name)
                && !queue_attributes::NAMES.contains(*name)
                && !queue_attributes::OF_FIFO.contains(*name)
        };
        if let Some(unknown) = system.iter().find(is_unknown) {
            return Err(errors::attribute_name(unknown));
        }
        Ok(Self {
            most: usize::try_from(most).unwrap_or(1),
            visibility: Duration::from_secs(visibility),
            wait: Duration::from_secs(wait),
            attempt: attempt.map(|id| Fingerprint::of(id.as_bytes())),
            system,
            attributes: input.texts("MessageAttributeNames").collect(),
        })
    }
}

pub(super) async fn receive(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    sqs.admit(&queue, Call::Receive, [])?;
    let wanted = Wanted::read(input, &queue.terms())?;
    let Wanted { most: max, visibility, wait, attempt, .. } = wanted;
    let in_flight_limit = Some(sqs.settings.in_flight_limit(queue.queue.is_fifo()));
    let request = ReceiveRequest { max, visibility, wait, attempt, in_flight_limit };
    let leased = sqs.directory.store().receive_as(queue.queue.id(), request, caller.leave.asked()).await;
    let leased = leased.map_err(|error| errors::not_read(&error))?;
    let told: Vec<Content> =
        leased.iter().map(|message| Content::Structure(tell(sqs, &queue, message, &wanted))).collect();
    let output = Output::new();
    Ok(Reply::Whole(if told.is_empty() { output } else { output.with("Messages", Content::List(told)) }))
}

fn tell(sqs: &Sqs, queue: &QueueResource, message: &LeasedMessage, wanted: &Wanted<'_>) -> Output {
    let record = &message.record;
    let envelope = Envelope::decode(&record.attributes);
    let id = message_id::of(message, envelope.as_ref());
    let handle =
        ReceiptHandle { receipt: message.receipt.clone(), received_at_ms: sqs.directory.store().steady_ms() };
    // What a stream brought may be no text at all.
    let body = String::from_utf8_lossy(&record.payload).into_owned();
    let system = system_attributes(sqs, queue, (message, &id), envelope.as_ref(), wanted);
    let attributes = envelope.map(|envelope| envelope.attributes).unwrap_or_default();
    let chosen =
        || attributes.iter().filter(|(name, _)| message_attributes::is_wanted(name, &wanted.attributes));
    let told: Vec<(String, Content)> =
        chosen().map(|(name, attribute)| (name.clone(), message_attributes::tell(attribute))).collect();
    Output::new()
        .with("MessageId", id)
        .with("ReceiptHandle", handle.close(sqs))
        .with("MD5OfBody", message_attributes::digest_of_body(body.as_bytes()))
        .with("Body", body)
        .with_some("Attributes", (!system.is_empty()).then_some(Content::Map(system)))
        .with_some("MD5OfMessageAttributes", message_attributes::digest(chosen()))
        .with_some("MessageAttributes", (!told.is_empty()).then_some(Content::Map(told)))
}

fn system_attributes(
    sqs: &Sqs,
    queue: &QueueResource,
    (message, id): (&LeasedMessage, &str),
    envelope: Option<&Envelope>,
    wanted: &Wanted<'_>,
) -> Vec<(String, Content)> {
    if wanted.system.is_empty() {
        return Vec::new();
    }
    let wants = |name: &str| wanted.system.contains(&name) || wanted.system.contains(&"All");
    let (account, fifo) = (&queue.identity.account, queue.queue.is_fifo());
    let source = sqs.directory.moved_from(&message.record, &queue.identity).map(|source| source.arn());
    // What a stream or a worker put into a FIFO queue is in the group of its partition key.
    let key = || String::from_utf8_lossy(&message.record.key).into_owned();
    let group = envelope.and_then(|envelope| envelope.group.clone()).or_else(|| fifo.then(key));
    // A dead letter of a FIFO queue is known by its id: two may have been sent with one deduplication id.
    let deduplication = envelope.and_then(|envelope| envelope.deduplication.clone());
    let deduplication = deduplication.filter(|_| message.record.provenance.is_none());
    let all = [
        ("SenderId", Some(envelope.map_or_else(|| account.clone(), |envelope| envelope.sender.clone()))),
        ("SentTimestamp", Some(message.record.arrived_at_ms.to_string())),
        ("ApproximateReceiveCount", Some(message.receipt.receive_count.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(message.first_received_at_ms.to_string())),
        ("MessageGroupId", group),
        ("MessageDeduplicationId", deduplication.or_else(|| fifo.then(|| id.to_owned()))),
        ("SequenceNumber", fifo.then(|| order::sequence_number(message.record.sequence))),
        ("AWSTraceHeader", envelope.and_then(|envelope| envelope.trace.clone())),
        ("DeadLetterQueueSourceArn", source),
    ];
    let told = all.into_iter().filter(|(name, _)| wants(name));
    told.filter_map(|(name, value)| Some((name.to_owned(), Content::Text(value?)))).collect()
}
