//! Sending messages: answered when they are on disk.

use super::{
    Sqs, batches,
    call_limits::Call,
    characters, errors,
    message_attributes::{self, Attributes},
    message_id,
    order::{self, GROUP, Order},
};
use crate::{
    pipeline::{
        now_ms,
        queue::{
            Envelope,
            directory::{QueueResource, QueueTerms},
        },
        random_uuid,
    },
    storage::{Batch, Fingerprint, NewMessage, Placement},
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use std::time::Duration;

/// Longest delay, in seconds.
const LONGEST_DELAY: i64 = 900;
/// Most bytes of all messages of a request.
const LARGEST_BATCH: usize = 1 << 20;
const TRACE: &str = "AWSTraceHeader";

/// A message that keeps all rules.
struct Fit {
    envelope: Envelope,
    body: Vec<u8>,
    delay_s: u32,
    /// What counts of it: body and attributes.
    size: usize,
}

impl Fit {
    /// # Errors
    /// The first rule that a message breaks.
    fn read(caller: &Caller, terms: &QueueTerms, input: &Input) -> Result<Self, ServiceError> {
        let body = input.text("MessageBody").unwrap_or_default();
        if body.is_empty() {
            return Err(errors::missing("MessageBody"));
        }
        if !characters::are_allowed(body) {
            return Err(errors::contents());
        }
        let attributes = message_attributes::read(input, "MessageAttributes")?;
        let trace = trace(&message_attributes::read(input, "MessageSystemAttributes")?)?;
        let size = body.len() + message_attributes::size(&attributes);
        if size > usize::try_from(terms.max_message).unwrap_or(usize::MAX) {
            return Err(errors::invalid_parameter(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                terms.max_message
            )));
        }
        let Order { group, deduplication } = Order::read(terms, input, body)?;
        let id = (!terms.fifo).then(random_uuid);
        let sender = caller.account.clone();
        let envelope = Envelope { id, sender, attributes, trace, group, deduplication };
        Ok(Self { envelope, body: body.as_bytes().to_vec(), delay_s: delay(input, terms)?, size })
    }

    fn send(&self, queue: &QueueResource, batch: &mut Batch) {
        let beside = self.envelope.encode();
        let Envelope { id, group, deduplication, .. } = &self.envelope;
        let fingerprint = |text: &String| Fingerprint::of(text.as_bytes());
        let message = NewMessage {
            sent_at_ms: now_ms(),
            // Workers of a topology route by it.
            key: group.as_ref().or(id.as_ref()).map(String::as_bytes).unwrap_or_default(),
            attributes: &beside,
            body: &self.body,
            group: group.as_ref().map(fingerprint),
            deduplication: deduplication.as_ref().map(fingerprint),
            delay: Some(Duration::from_secs(self.delay_s.into())),
            ..NewMessage::default()
        };
        batch.send_message(queue.queue.id(), &message);
    }

    /// A message of a FIFO queue that was sent before is told as the first one was.
    fn tell(&self, queue: &QueueResource, place: Option<Placement>, output: Output) -> Output {
        let Envelope { id, attributes, trace, .. } = &self.envelope;
        let sequence = place.map(|place| place.first_sequence).unwrap_or_default();
        let number = id.is_none().then(|| order::sequence_number(sequence));
        let id = id.clone().unwrap_or_else(|| message_id::of_place(queue.queue.id(), sequence));
        let traced = trace.as_ref().map(|trace| {
            let data_type = "String".to_owned();
            let attribute = crate::pipeline::queue::MessageAttribute {
                data_type,
                text: Some(trace.clone()),
                binary: None,
            };
            Attributes::from([(TRACE.to_owned(), attribute)])
        });
        output
            .with("MD5OfMessageBody", message_attributes::digest_of_body(&self.body))
            .with_some("MD5OfMessageAttributes", message_attributes::digest(attributes.iter()))
            .with_some(
                "MD5OfMessageSystemAttributes",
                traced.and_then(|traced| message_attributes::digest(traced.iter())),
            )
            .with("MessageId", id)
            .with_some("SequenceNumber", number)
    }
}

fn trace(system: &Attributes) -> Result<Option<String>, ServiceError> {
    if let Some(unknown) = system.keys().find(|name| *name != TRACE) {
        return Err(errors::invalid_parameter(format!(
            "Message system attribute name '{unknown}' is invalid."
        )));
    }
    match system.get(TRACE) {
        None => Ok(None),
        Some(attribute) if attribute.data_type == "String" => Ok(attribute.text.clone()),
        Some(_) => Err(errors::invalid_parameter(
            "The message system attribute 'AWSTraceHeader' must contain a message attribute type 'String'.",
        )),
    }
}

fn delay(input: &Input, terms: &QueueTerms) -> Result<u32, ServiceError> {
    match input.integer("DelaySeconds") {
        None => Ok(terms.delay),
        Some(seconds) => {
            let told = || {
                let reason = "DelaySeconds must be >= 0 and <= 900.";
                errors::invalid_value("DelaySeconds", &seconds.to_string(), reason)
            };
            u32::try_from(seconds).ok().filter(|_| seconds <= LONGEST_DELAY).ok_or_else(told)
        }
    }
}

pub(super) async fn send(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    sqs.admit(&queue, Call::Send, input.text(GROUP))?;
    let message = Fit::read(caller, &queue.terms(), input)?;
    let mut batch = Batch::new();
    message.send(&queue, &mut batch);
    let stored = sqs.directory.store().commit(batch).await.map_err(|error| errors::not_committed(&error))?;
    Ok(Reply::Whole(message.tell(&queue, stored.placements.first().copied(), Output::new())))
}

pub(super) async fn send_batch(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    let terms = queue.terms();
    let entries = batches::entries(input, "SendMessageBatchRequestEntry")?;
    order::check_batch(&terms, &entries)?;
    sqs.admit(&queue, Call::Send, entries.iter().filter_map(|(_, entry)| entry.text(GROUP)))?;
    let mut batch = Batch::new();
    let read = entries.into_iter().map(|(id, entry)| {
        let message = Fit::read(caller, &terms, entry);
        (id, message.inspect(|message| message.send(&queue, &mut batch)))
    });
    let read: Vec<(String, Result<Fit, ServiceError>)> = read.collect();
    let size: usize = read.iter().filter_map(|(_, message)| Some(message.as_ref().ok()?.size)).sum();
    if size > LARGEST_BATCH {
        return Err(ServiceError::bad_request(
            "BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than {LARGEST_BATCH} bytes. You have sent {size} bytes."
            ),
        ));
    }
    let mut places = Vec::new();
    if !batch.is_empty() {
        let stored = sqs.directory.store().commit(batch).await;
        places = stored.map_err(|error| errors::not_committed(&error))?.placements;
    }
    let mut places = places.into_iter();
    let told = read.into_iter().map(|(id, message)| {
        let output =
            message.map(|message| message.tell(&queue, places.next(), Output::new().with("Id", id.as_str())));
        (id, output)
    });
    Ok(batches::answer(told.collect()))
}
