//! Registered consumers.

use super::{
    Kinesis, choice, describing, errors, list_token, listing_shards::made_when_asked, streams::page, tags,
};
use crate::{
    pipeline::{
        now_ms,
        stream::directory::{ConsumerDescription, NewConsumer, StreamIdentity, StreamResource},
    },
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most consumers of one page.
const PAGE: usize = 100;
const LISTING: &str = "ListStreamConsumers";

/// Where a page begins, as a token says it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Start {
    stream: String,
    after: String,
}

pub(super) async fn register(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let resource = kinesis.meant(caller, input)?;
    let name = input.text("ConsumerName").unwrap_or_default().to_owned();
    let tags = tags::read(input, &format!("consumer {name}"))?;
    let made = kinesis.directory.register_consumer(&resource, NewConsumer { name, tags }, now_ms()).await;
    let made = made.map_err(|error| errors::refused(&error))?;
    Ok(Reply::Whole(Output::new().with("Consumer", describing::consumer(&made))))
}

/// A consumer by its name, and by the second it was registered in when that is known.
pub(super) fn find(
    kinesis: &Kinesis,
    stream: &StreamIdentity,
    name: &str,
    created_s: Option<i64>,
) -> Result<(Arc<StreamResource>, ConsumerDescription), ServiceError> {
    let resource = kinesis.find(stream)?;
    let found = resource.consumer(name, now_ms()).map_err(|error| errors::refused(&error))?;
    if created_s.is_some_and(|created_s| created_s != found.created_at_ms.div_euclid(1_000)) {
        return Err(errors::not_found(format!(
            "Consumer {name} with creation timestamp {} under stream {} and account {} not found.",
            created_s.unwrap_or_default(),
            stream.name,
            stream.account
        )));
    }
    Ok((resource, found))
}

pub(super) async fn deregister(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    let (stream, name, created_s) = choice::consumer(input)?;
    let (resource, _) = find(kinesis, &stream, &name, created_s)?;
    let gone = kinesis.directory.deregister_consumer(&resource, &name, now_ms()).await;
    gone.map(|()| Reply::Empty).map_err(|error| errors::refused(&error))
}

pub(super) fn describe(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    let (stream, name, created_s) = choice::consumer(input)?;
    let (_, consumer) = find(kinesis, &stream, &name, created_s)?;
    let told = describing::consumer(&consumer).with("StreamARN", stream.arn());
    Ok(Reply::Whole(Output::new().with("ConsumerDescription", told)))
}

pub(super) fn list(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let now_ms = now_ms();
    let resource = kinesis.meant(caller, input)?;
    let arn = resource.arn();
    let token = input.text("NextToken");
    if token.is_some() && input.has("StreamCreationTimestamp") {
        return Err(errors::invalid_argument(
            "NextToken and StreamCreationTimestamp cannot be provided together.",
        ));
    }
    made_when_asked(&resource, input)?;
    let start =
        token.map(|token| list_token::open::<Start>(&kinesis.seal, LISTING, token, now_ms)).transpose()?;
    if start.as_ref().is_some_and(|start| start.stream != arn) {
        return Err(errors::invalid_argument("Invalid NextToken."));
    }
    let mut rest = resource.consumers(now_ms);
    if let Some(start) = start {
        rest.retain(|consumer| consumer.name > start.after);
    }
    let most = page(input, "MaxResults", PAGE);
    let has_more = rest.len() > most;
    rest.truncate(most);
    let last = rest.last().filter(|_| has_more).map(|last| Start { stream: arn, after: last.name.clone() });
    let next = last.map(|start| list_token::close(&kinesis.seal, LISTING, start, now_ms));
    let consumers = rest.iter().map(describing::consumer);
    Ok(Reply::Whole(Output::new().with_list("Consumers", consumers).with_some("NextToken", next)))
}
