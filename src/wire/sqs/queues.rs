//! Making, finding, describing, changing and deleting queues.

use super::{Sqs, address, characters, errors, queue_attributes, tags};
use crate::{
    pipeline::{
        now_ms,
        queue::directory::{FIFO, QueueIdentity, QueueTerms},
    },
    storage::CommitError,
    wire::{Caller, Content, Input, Output, Reply, ServiceError, endpoint::Account},
};
use std::collections::BTreeMap;

fn told_url(queue: &QueueIdentity, caller: &Caller) -> Reply {
    Reply::Whole(Output::new().with("QueueUrl", address::url_of(queue, caller)))
}

/// # Errors
/// `InvalidParameterValue` for a name that no queue can have.
fn check_name(name: &str, fifo: bool) -> Result<(), ServiceError> {
    let is_fifo = || {
        name.len() <= characters::LONGEST_NAME
            && name.strip_suffix(FIFO).is_some_and(characters::are_of_a_name)
    };
    match fifo {
        true if is_fifo() => Ok(()),
        true => Err(errors::invalid_parameter(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end \
             with .fifo suffix and be 1 to 80 in length.",
        )),
        false if characters::are_of_a_name(name) => Ok(()),
        false => Err(errors::invalid_parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )),
    }
}

pub(super) async fn create(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let name = input.text("QueueName").unwrap_or_default();
    let mut attributes = input.text_map("Attributes");
    let fifo = attributes.any(|(name, value)| name == "FifoQueue" && value.eq_ignore_ascii_case("true"));
    check_name(name, fifo)?;
    let identity = QueueIdentity::new(&caller.account, &caller.region, name);
    if sqs.directory.get(&identity).is_none() {
        let mut terms = QueueTerms { fifo, ..QueueTerms::default() };
        for (name, text) in input.text_map("Attributes") {
            queue_attributes::set(sqs, &identity, &mut terms, name, text)?;
        }
        queue_attributes::check_together(&terms)?;
        let wanted = input.text_map("tags").map(|(key, value)| (key.to_owned(), value.to_owned()));
        let wanted: BTreeMap<String, String> = wanted.collect();
        tags::check(name, &BTreeMap::new(), &wanted)?;
        let made = sqs.directory.create(identity.clone(), terms, wanted, now_ms()).await;
        let (_, is_new) = made.map_err(|error| errors::refused(&error))?;
        if is_new {
            return Ok(told_url(&identity, caller));
        }
    }
    let queue = sqs.directory.get(&identity).ok_or_else(errors::no_queue)?;
    match queue_attributes::first_difference(sqs, &queue, input.text_map("Attributes"))? {
        None => Ok(told_url(&identity, caller)),
        Some(name) => Err(ServiceError::bad_request(
            "QueueNameExists",
            format!("A queue already exists with the same name and a different value for attribute {name}"),
        )),
    }
}

pub(super) async fn delete(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    sqs.directory.delete(&queue).await.map_err(|error| errors::refused(&error))?;
    Ok(Reply::Empty)
}

pub(super) async fn purge(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    match sqs.directory.store().purge(queue.queue.id()).await {
        Ok(()) => Ok(Reply::Empty),
        Err(CommitError::PurgeInProgress) => Err(ServiceError {
            status: 403,
            code: "PurgeQueueInProgress",
            message: format!(
                "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                queue.identity.name
            ),
        }),
        Err(error) => Err(errors::not_committed(&error)),
    }
}

pub(super) fn get_url(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let owner = input.text("QueueOwnerAWSAccountId").unwrap_or(&caller.account);
    if Account::parse(owner).is_none() {
        return Err(errors::invalid_value("QueueOwnerAWSAccountId", owner, "An account has twelve digits."));
    }
    let name = input.text("QueueName").unwrap_or_default();
    let identity = QueueIdentity::new(owner, &caller.region, name);
    match sqs.directory.get(&identity) {
        Some(_) => Ok(told_url(&identity, caller)),
        None => Err(errors::no_queue()),
    }
}

pub(super) fn get_attributes(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    let names: Vec<&str> = input.texts("AttributeNames").collect();
    let is_known =
        |name: &&str| queue_attributes::NAMES.contains(name) || queue_attributes::OF_FIFO.contains(name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        return Err(errors::attribute_name(unknown));
    }
    let wants = |name: &str| names.contains(&name) || names.contains(&"All");
    let terms = queue.terms();
    let all = queue_attributes::NAMES.into_iter().chain(queue_attributes::OF_FIFO);
    let told = all.filter(|name| wants(name)).filter_map(|name| {
        let value = queue_attributes::get(&queue, &terms, name)?;
        Some((name.to_owned(), Content::Text(value)))
    });
    let told: Vec<(String, Content)> = told.collect();
    let told = (!told.is_empty()).then_some(Content::Map(told));
    Ok(Reply::Whole(Output::new().with_some("Attributes", told)))
}

pub(super) async fn set_attributes(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    let changes: Vec<(String, String)> =
        input.text_map("Attributes").map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let mut tried = queue.terms();
    for (name, text) in &changes {
        queue_attributes::set(sqs, &queue.identity, &mut tried, name, text)?;
    }
    queue_attributes::check_together(&tried)?;
    let before = queue.terms();
    let apply = move |terms: &mut QueueTerms| {
        // What another request has changed meanwhile, and this one does not speak of, stays.
        if *terms == before {
            *terms = tried;
        } else {
            merge(terms, &before, tried);
        }
    };
    let set = sqs.directory.set_terms(&queue, apply, now_ms()).await;
    set.map_err(|error| errors::refused(&error))?;
    Ok(Reply::Empty)
}

/// Takes over what differs from `before`.
fn merge(terms: &mut QueueTerms, before: &QueueTerms, wanted: QueueTerms) {
    fn take<T: PartialEq>(now: &mut T, before: &T, wanted: T) {
        if wanted != *before {
            *now = wanted;
        }
    }
    take(&mut terms.visibility_timeout, &before.visibility_timeout, wanted.visibility_timeout);
    take(&mut terms.retention, &before.retention, wanted.retention);
    take(&mut terms.delay, &before.delay, wanted.delay);
    take(&mut terms.wait, &before.wait, wanted.wait);
    take(&mut terms.max_message, &before.max_message, wanted.max_message);
    take(&mut terms.deduplicate_by_content, &before.deduplicate_by_content, wanted.deduplicate_by_content);
    take(&mut terms.deduplicate_by_group, &before.deduplicate_by_group, wanted.deduplicate_by_group);
    take(&mut terms.limit_by_group, &before.limit_by_group, wanted.limit_by_group);
    take(&mut terms.redrive, &before.redrive, wanted.redrive);
    take(&mut terms.redrive_allow, &before.redrive_allow, wanted.redrive_allow);
    take(&mut terms.policy, &before.policy, wanted.policy);
    take(&mut terms.kms_key, &before.kms_key, wanted.kms_key);
    take(&mut terms.kms_reuse, &before.kms_reuse, wanted.kms_reuse);
    take(&mut terms.managed_sse, &before.managed_sse, wanted.managed_sse);
}
