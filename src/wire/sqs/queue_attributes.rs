//! Attributes of queues: texts by name, read and told.

use super::{Sqs, errors, redrive_policy};
use crate::{
    pipeline::queue::directory::{QueueIdentity, QueueResource, QueueTerms},
    wire::ServiceError,
};
use std::ops::RangeInclusive;

/// What `GetQueueAttributes` may be asked for of every queue.
pub(super) const NAMES: [&str; 18] = [
    "Policy",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
    "ApproximateNumberOfMessagesDelayed",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "All",
];
/// FIFO's own: those of a standard queue can be asked for, and are not there; to set them is to set what is unknown.
pub(super) const OF_FIFO: [&str; 4] =
    ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];

const SCOPES: [&str; 2] = ["queue", "messageGroup"];
const LIMITS: [&str; 2] = ["perQueue", "perMessageGroupId"];

fn number(name: &str, text: &str, range: RangeInclusive<u32>) -> Result<u32, ServiceError> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| errors::attribute_value(name))
}

/// One of two words: whether it is the second. Without a word it is the first.
fn one_of(name: &str, text: &str, words: [&str; 2]) -> Result<bool, ServiceError> {
    match words.iter().position(|word| *word == text) {
        Some(place) => Ok(place == 1),
        None if text.is_empty() => Ok(false),
        None => Err(errors::attribute_value(name)),
    }
}

fn boolean(name: &str, text: &str) -> Result<bool, ServiceError> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(errors::attribute_value(name)),
    }
}

/// Sets one attribute; an empty text sets back what can be without a value.
///
/// # Errors
/// `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`.
pub(super) fn set(
    sqs: &Sqs,
    queue: &QueueIdentity,
    terms: &mut QueueTerms,
    name: &str,
    text: &str,
) -> Result<(), ServiceError> {
    let default = QueueTerms::default();
    let some = (!text.is_empty()).then(|| text.to_owned());
    match name {
        of_fifo if OF_FIFO.contains(&of_fifo) => set_of_fifo(terms, name, text)?,
        "VisibilityTimeout" => terms.visibility_timeout = number(name, text, 0..=43_200)?,
        "MaximumMessageSize" => terms.max_message = number(name, text, 1_024..=1_048_576)?,
        "MessageRetentionPeriod" => terms.retention = number(name, text, 60..=1_209_600)?,
        "DelaySeconds" => terms.delay = number(name, text, 0..=900)?,
        "ReceiveMessageWaitTimeSeconds" => terms.wait = number(name, text, 0..=20)?,
        "KmsDataKeyReusePeriodSeconds" if text.is_empty() => terms.kms_reuse = default.kms_reuse,
        "KmsDataKeyReusePeriodSeconds" => terms.kms_reuse = number(name, text, 60..=86_400)?,
        "KmsMasterKeyId" => {
            terms.managed_sse &= some.is_none();
            terms.kms_key = some;
        }
        "SqsManagedSseEnabled" => {
            terms.managed_sse = boolean(name, text)?;
            if terms.managed_sse {
                terms.kms_key = None;
            }
        }
        "Policy" => {
            let is_object =
                |text: &str| matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_)));
            if some.as_deref().is_some_and(|text| !is_object(text)) {
                return Err(errors::attribute_value(name));
            }
            terms.policy = some;
        }
        "RedrivePolicy" => {
            let fifo = terms.fifo;
            terms.redrive = some.map(|text| redrive_policy::read(sqs, (queue, fifo), &text)).transpose()?;
        }
        "RedriveAllowPolicy" => {
            some.as_deref().map_or(Ok(()), redrive_policy::check_allow)?;
            terms.redrive_allow = some;
        }
        unknown => return Err(errors::attribute_name(unknown)),
    }
    Ok(())
}

fn set_of_fifo(terms: &mut QueueTerms, name: &str, text: &str) -> Result<(), ServiceError> {
    if !terms.fifo {
        return Err(errors::attribute_name(name));
    }
    match name {
        "ContentBasedDeduplication" => {
            terms.deduplicate_by_content = !text.is_empty() && boolean(name, text)?;
        }
        "DeduplicationScope" => terms.deduplicate_by_group = one_of(name, text, SCOPES)?,
        "FifoThroughputLimit" => terms.limit_by_group = one_of(name, text, LIMITS)?,
        _ if boolean(name, text)? => {}
        _ => return Err(errors::attribute_value_because(name, "Modifying queue type is not supported.")),
    }
    Ok(())
}

/// # Errors
/// `InvalidAttributeValue` for what can be set each by itself but not together.
pub(super) fn check_together(terms: &QueueTerms) -> Result<(), ServiceError> {
    match terms.limit_by_group && !terms.deduplicate_by_group {
        false => Ok(()),
        true => Err(errors::attribute_value_because(
            "FifoThroughputLimit",
            "To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup.",
        )),
    }
}

/// An attribute of a queue; `None` for one that it has not.
pub(super) fn get(queue: &QueueResource, terms: &QueueTerms, name: &str) -> Option<String> {
    let seconds = |milliseconds: i64| Some(milliseconds.div_euclid(1_000).to_string());
    let depth = || queue.queue.depth();
    match name {
        "Policy" => terms.policy.clone(),
        "VisibilityTimeout" => Some(terms.visibility_timeout.to_string()),
        "MaximumMessageSize" => Some(terms.max_message.to_string()),
        "MessageRetentionPeriod" => Some(terms.retention.to_string()),
        "ApproximateNumberOfMessages" => {
            let depth = depth();
            Some(depth.ready.saturating_add(depth.exhausted).to_string())
        }
        "ApproximateNumberOfMessagesNotVisible" => Some(depth().in_flight.to_string()),
        "ApproximateNumberOfMessagesDelayed" => Some(depth().delayed.to_string()),
        "CreatedTimestamp" => seconds(queue.created_at_ms()),
        "LastModifiedTimestamp" => seconds(queue.modified_at_ms()),
        "QueueArn" => Some(queue.arn()),
        "DelaySeconds" => Some(terms.delay.to_string()),
        "ReceiveMessageWaitTimeSeconds" => Some(terms.wait.to_string()),
        "RedrivePolicy" => terms.redrive.as_ref().map(redrive_policy::write),
        "KmsMasterKeyId" => terms.kms_key.clone(),
        "KmsDataKeyReusePeriodSeconds" => terms.kms_key.as_ref().map(|_| terms.kms_reuse.to_string()),
        "RedriveAllowPolicy" => terms.redrive_allow.clone(),
        "SqsManagedSseEnabled" => Some(terms.managed_sse.to_string()),
        of_fifo if terms.fifo => get_of_fifo(terms, of_fifo),
        _ => None,
    }
}

fn get_of_fifo(terms: &QueueTerms, name: &str) -> Option<String> {
    let word = |words: [&str; 2], second: bool| Some(words.get(usize::from(second))?.to_string());
    match name {
        "FifoQueue" => Some(true.to_string()),
        "ContentBasedDeduplication" => Some(terms.deduplicate_by_content.to_string()),
        "DeduplicationScope" => word(SCOPES, terms.deduplicate_by_group),
        "FifoThroughputLimit" => word(LIMITS, terms.limit_by_group),
        _ => None,
    }
}

/// The first attribute of a request whose value the queue has not.
pub(super) fn first_difference<'n>(
    sqs: &Sqs,
    queue: &QueueResource,
    wanted: impl Iterator<Item = (&'n str, &'n str)>,
) -> Result<Option<&'n str>, ServiceError> {
    let terms = queue.terms();
    for (name, text) in wanted {
        let mut with_it = terms.clone();
        set(sqs, &queue.identity, &mut with_it, name, text)?;
        if with_it != terms {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
