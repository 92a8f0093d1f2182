//! Policies that are attached to streams and consumers. They are kept and told; nobody is refused by them.

use super::{
    Kinesis,
    choice::{self, Resource},
    consumers, errors,
};
use crate::{
    pipeline::now_ms,
    wire::{Input, Output, Reply, ServiceError},
};

/// Most bytes of a policy.
const LARGEST: usize = 20_480;

pub(super) async fn put(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    let policy = input.text("Policy").unwrap_or_default();
    let resource = choice::resource(input)?;
    is_policy(policy)?;
    set(kinesis, resource, Some(policy.to_owned())).await
}

pub(super) async fn delete(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    set(kinesis, choice::resource(input)?, None).await
}

async fn set(kinesis: &Kinesis, resource: Resource, policy: Option<String>) -> Result<Reply, ServiceError> {
    let outcome = match resource {
        Resource::Stream(stream) => kinesis.directory.set_policy(&kinesis.find(&stream)?, policy).await,
        Resource::Consumer { stream, name, created_s } => {
            let (resource, _) = consumers::find(kinesis, &stream, &name, Some(created_s))?;
            kinesis.directory.set_consumer_policy(&resource, &name, policy, now_ms()).await
        }
    };
    outcome.map(|()| Reply::Empty).map_err(|error| errors::refused(&error))
}

pub(super) fn get(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    let policy = match choice::resource(input)? {
        Resource::Stream(stream) => kinesis.find(&stream)?.describe(now_ms()).policy,
        Resource::Consumer { stream, name, created_s } => {
            consumers::find(kinesis, &stream, &name, Some(created_s))?.1.policy
        }
    };
    let arn = input.text("ResourceARN").unwrap_or_default();
    let policy = policy
        .ok_or_else(|| errors::not_found(format!("No resource policy found for resource ARN {arn}")))?;
    Ok(Reply::Whole(Output::new().with("Policy", policy)))
}

/// A policy is a JSON object with statements.
fn is_policy(text: &str) -> Result<(), ServiceError> {
    if text.len() > LARGEST {
        let size = text.len();
        return Err(errors::invalid_argument(format!(
            "The policy has {size} bytes; the limit is {LARGEST} bytes."
        )));
    }
    let read: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(text);
    match read {
        Ok(fields) if fields.contains_key("Statement") => Ok(()),
        Ok(_) => Err(errors::invalid_argument("The policy has no Statement.")),
        Err(cause) => Err(errors::invalid_argument(format!("The policy is no JSON object: {cause}."))),
    }
}
