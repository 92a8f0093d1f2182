//! Which stream or consumer a request means: by name, by ARN or by id.

use super::{Kinesis, errors};
use crate::{
    pipeline::stream::directory::{Selector, StreamIdentity},
    wire::{Caller, Input, ServiceError},
};

/// What an ARN names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    Stream(StreamIdentity),
    /// A consumer's name, and the second in which it was registered.
    Consumer {
        stream: StreamIdentity,
        name: String,
        created_s: i64,
    },
}

/// The stream that a request means by `StreamARN`, `StreamName` or `StreamId`. What it says twice has
/// to agree.
///
/// # Errors
/// `ValidationException` when it names none, `InvalidArgumentException` when it contradicts itself,
/// `ResourceNotFoundException` for an unknown id.
pub(super) fn stream(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<StreamIdentity, ServiceError> {
    named(kinesis, caller, input)?.ok_or_else(|| {
        ServiceError::validation(
            "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: Member must \
             not be null",
        )
    })
}

/// As `stream`, but a request may name none.
pub(super) fn named(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Option<StreamIdentity>, ServiceError> {
    let has = |name| input.shape().members.iter().any(|member| member.name == name);
    let text = |name| if has(name) { input.text(name) } else { None };
    let by_arn = text("StreamARN").map(stream_of_arn).transpose()?;
    let by_name = text("StreamName").map(|name| StreamIdentity::new(&caller.account, &caller.region, name));
    let by_id = text("StreamId").map(|id| stream_of_id(kinesis, caller, id)).transpose()?;
    let mut found: Option<StreamIdentity> = None;
    for identity in [by_arn, by_id, by_name].into_iter().flatten() {
        match &found {
            Some(other) if other.name != identity.name => {
                return Err(errors::invalid_argument(format!(
                    "StreamARN, StreamId and StreamName of one request must name the same stream; these name {} \
                     and {}.",
                    other.name, identity.name
                )));
            }
            Some(_) => {}
            None => found = Some(identity),
        }
    }
    Ok(found)
}

/// Whatever a request names its stream or consumer by, be it there or not.
pub(super) fn wording(input: &Input) -> &str {
    let has = |name: &str| input.shape().members.iter().any(|member| member.name == name);
    let names = ["StreamName", "StreamARN", "StreamId", "ConsumerARN", "ResourceARN"];
    names.into_iter().filter(|name| has(name)).find_map(|name| input.text(name)).unwrap_or_default()
}

fn stream_of_arn(arn: &str) -> Result<StreamIdentity, ServiceError> {
    StreamIdentity::of_arn(arn)
        .ok_or_else(|| errors::invalid_argument(format!("StreamARN {arn} does not name a stream.")))
}

fn stream_of_id(kinesis: &Kinesis, caller: &Caller, id: &str) -> Result<StreamIdentity, ServiceError> {
    let found = kinesis.directory.find(&caller.account, &caller.region, Selector::Id(id));
    found.map(|resource| resource.identity.clone()).map_err(|error| errors::refused(&error))
}

/// What `ResourceARN` names.
///
/// # Errors
/// `ResourceNotFoundException` for channels and queues, of which there are none.
pub(super) fn resource(input: &Input) -> Result<Resource, ServiceError> {
    let arn = input.text("ResourceARN").unwrap_or_default();
    if let Some(stream) = StreamIdentity::of_arn(arn) {
        return Ok(Resource::Stream(stream));
    }
    match StreamIdentity::of_consumer_arn(arn) {
        Some((stream, name, created_s)) => {
            Ok(Resource::Consumer { stream, name: name.to_owned(), created_s })
        }
        None => Err(errors::not_found(format!("Resource {arn} not found."))),
    }
}

/// The consumer that a request means: by its ARN, or by its name and its stream; all may be given.
///
/// # Errors
/// `InvalidArgumentException` when too little is given, or what is given does not agree.
pub(super) fn consumer(input: &Input) -> Result<(StreamIdentity, String, Option<i64>), ServiceError> {
    let stream = input.text("StreamARN").map(stream_of_arn).transpose()?;
    let name = input.text("ConsumerName");
    if let Some(arn) = input.text("ConsumerARN") {
        let (of, called, created_s) = consumer_of_arn(arn)?;
        let agrees = stream.is_none_or(|stream| stream == of) && name.is_none_or(|name| name == called);
        return match agrees {
            true => Ok((of, called, Some(created_s))),
            false => Err(errors::invalid_argument(format!(
                "ConsumerARN {arn} does not agree with the StreamARN and ConsumerName of the request."
            ))),
        };
    }
    match (stream, name) {
        (Some(stream), Some(name)) => Ok((stream, name.to_owned(), None)),
        _ => Err(errors::invalid_argument(
            "Either ConsumerARN or both StreamARN and ConsumerName must be provided.",
        )),
    }
}

/// # Errors
/// `InvalidArgumentException` for what is no consumer's ARN.
pub(super) fn consumer_of_arn(arn: &str) -> Result<(StreamIdentity, String, i64), ServiceError> {
    let (stream, name, created_s) = StreamIdentity::of_consumer_arn(arn)
        .ok_or_else(|| errors::invalid_argument(format!("ConsumerARN {arn} does not name a consumer.")))?;
    Ok((stream, name.to_owned(), created_s))
}
