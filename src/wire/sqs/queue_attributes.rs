//! Attributes of queues: texts by name, read and told.

use super::{Sqs, errors, redrive_policy};
use crate::{
    pipeline::queue::directory::{QueueIdentity, QueueResource, QueueTerms},
    wire::ServiceError,
};
use std::ops::RangeInclusive;

/// All that `GetQueueAttributes` may be asked for. FIFO's own are unknown to standard queues.
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
/// Of FIFO queues, which may be asked for and are not there.
pub(super) const OF_FIFO: [&str; 4] =
    ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];

fn number(name: &str, text: &str, range: RangeInclusive<u32>) -> Result<u32, ServiceError> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| errors::attribute_value(name))
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
            terms.redrive = some.map(|text| redrive_policy::read(sqs, queue, &text)).transpose()?;
        }
        "RedriveAllowPolicy" => {
            some.as_deref().map_or(Ok(()), redrive_policy::check_allow)?;
            terms.redrive_allow = some;
        }
        unknown => return Err(errors::attribute_name(unknown)),
    }
    Ok(())
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
