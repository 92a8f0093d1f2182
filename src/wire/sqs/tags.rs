//! Tags of queues.

use super::{Sqs, errors};
use crate::wire::{Caller, Content, Input, Output, Reply, ServiceError};
use std::collections::BTreeMap;

const MOST: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// # Errors
/// `InvalidParameterValue` when there would be too many, or one is too long.
pub(super) fn check(
    queue: &str,
    before: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Result<(), ServiceError> {
    let added = new.keys().filter(|key| !before.contains_key(*key)).count();
    if before.len() + added > MOST {
        return Err(errors::invalid_parameter(format!("Too many tags added for queue {queue}.")));
    }
    let is_long = |text: &str, most: usize| text.chars().count() > most;
    match new
        .iter()
        .find(|(key, value)| key.is_empty() || is_long(key, LONGEST_KEY) || is_long(value, LONGEST_VALUE))
    {
        None => Ok(()),
        Some(_) => Err(errors::invalid_parameter(
            "Tag keys must be between 1 and 128 characters in length, and tag values between 0 and 256.",
        )),
    }
}

pub(super) async fn tag(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    let new: BTreeMap<String, String> =
        input.text_map("Tags").map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    check(&queue.identity.name, &queue.tags(), &new)?;
    let set = sqs.directory.set_tags(&queue, move |tags| tags.extend(new)).await;
    set.map_err(|error| errors::refused(&error))?;
    Ok(Reply::Empty)
}

pub(super) async fn untag(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    let keys: Vec<String> = input.texts("TagKeys").map(str::to_owned).collect();
    let set = sqs.directory.set_tags(&queue, move |tags| tags.retain(|key, _| !keys.contains(key))).await;
    set.map_err(|error| errors::refused(&error))?;
    Ok(Reply::Empty)
}

pub(super) fn list(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let tags = sqs.meant(caller, input)?.tags();
    let told: Vec<(String, Content)> =
        tags.into_iter().map(|(key, value)| (key, Content::Text(value))).collect();
    let told = (!told.is_empty()).then_some(Content::Map(told));
    Ok(Reply::Whole(Output::new().with_some("Tags", told)))
}
