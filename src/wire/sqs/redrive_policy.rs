//! `RedrivePolicy` and `RedriveAllowPolicy`: JSON within a text.

use super::{Sqs, errors};
use crate::{
    pipeline::queue::directory::{QueueIdentity, RedriveTarget},
    wire::ServiceError,
};
use serde_json::{Map, Value};

const POLICY: &str = "RedrivePolicy";
const ALLOW: &str = "RedriveAllowPolicy";
/// Most queues that a policy may name.
const MOST_SOURCES: usize = 10;

fn object(parameter: &str, text: &str, told: &str) -> Result<Map<String, Value>, ServiceError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(errors::invalid_value(parameter, text, told)),
    }
}

/// Where the redrive policy of a queue, FIFO or not, sends messages; its ARN's form is looked at before the queue is
/// looked up.
///
/// # Errors
/// `InvalidParameterValue` for whatever is wrong with it.
pub(super) fn read(
    sqs: &Sqs,
    (source, fifo): (&QueueIdentity, bool),
    text: &str,
) -> Result<RedriveTarget, ServiceError> {
    let wrong = |reason: &str| errors::invalid_value(POLICY, text, reason);
    let map = object(POLICY, text, "Redrive policy is not a valid JSON map.")?;
    if let Some(unknown) =
        map.keys().find(|key| !["deadLetterTargetArn", "maxReceiveCount"].contains(&key.as_str()))
    {
        return Err(wrong(&format!(
            "Unknown attribute {unknown}; only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."
        )));
    }
    let member = |name: &str| {
        let told = || wrong(&format!("Redrive policy does not contain mandatory attribute: {name}."));
        map.get(name).ok_or_else(told)
    };
    let (arn, count) = (member("deadLetterTargetArn")?, member("maxReceiveCount")?);
    let max_receives = match count {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    let max_receives = max_receives.and_then(|count| u32::try_from(count).ok());
    let max_receives = max_receives.filter(|count| (1..=1_000).contains(count)).ok_or_else(|| {
        wrong(&format!(
            "Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        ))
    })?;
    let target = arn.as_str().and_then(QueueIdentity::of_arn);
    let target = target.ok_or_else(|| wrong("Invalid value for deadLetterTargetArn."))?;
    if target.account != source.account || target.region != source.region {
        return Err(wrong("Dead-letter queue must be in the same account and region as the source."));
    }
    let Some(letters) = sqs.directory.get(&target) else {
        return Err(wrong("Dead letter target does not exist."));
    };
    let terms = letters.terms();
    if terms.fifo != fifo {
        return Err(wrong("Dead-letter queue must be same type of queue as the source.."));
    }
    if let Some(policy) = terms.redrive_allow
        && !allows(&policy, &source.arn())
    {
        return Err(wrong("Queue permissions do not allow redrive from the source queue."));
    }
    Ok(RedriveTarget { arn: target.arn(), max_receives })
}

/// As `GetQueueAttributes` tells it.
pub(super) fn write(target: &RedriveTarget) -> String {
    let arn = Value::String(target.arn.clone());
    format!("{{\"deadLetterTargetArn\":{arn},\"maxReceiveCount\":{}}}", target.max_receives)
}

/// Looks at an allow policy, which is kept as it is.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn check_allow(text: &str) -> Result<(), ServiceError> {
    let wrong = |reason: &str| errors::invalid_value(ALLOW, text, reason);
    let map = object(
        ALLOW,
        text,
        "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.",
    )?;
    let sources = map.get("sourceQueueArns");
    let arns = match sources {
        None => None,
        Some(Value::Array(arns)) => Some(arns),
        Some(_) => return Err(wrong("sourceQueueArns must be a list of ARNs.")),
    };
    if map.keys().any(|key| key != "redrivePermission" && key != "sourceQueueArns") {
        return Err(wrong("Only redrivePermission and sourceQueueArns are supported."));
    }
    match (map.get("redrivePermission").and_then(Value::as_str), arns) {
        (Some("allowAll" | "denyAll"), None) => Ok(()),
        (Some("byQueue"), Some(arns)) if (1..=MOST_SOURCES).contains(&arns.len()) => {
            let is_arn = |arn: &Value| arn.as_str().and_then(QueueIdentity::of_arn).is_some();
            if arns.iter().all(is_arn) { Ok(()) } else { Err(wrong("Invalid value for sourceQueueArns.")) }
        }
        (Some("byQueue"), _) => Err(wrong("byQueue needs 1 to 10 sourceQueueArns.")),
        (Some("allowAll" | "denyAll"), Some(_)) => {
            Err(wrong("sourceQueueArns can be given with byQueue only."))
        }
        _ => Err(wrong("redrivePermission must be one of allowAll, denyAll, byQueue.")),
    }
}

/// Whether a policy that was looked at lets a queue send its dead letters.
fn allows(policy: &str, source: &str) -> bool {
    let Ok(map) = serde_json::from_str::<Map<String, Value>>(policy) else { return true };
    match map.get("redrivePermission").and_then(Value::as_str) {
        Some("denyAll") => false,
        Some("byQueue") => {
            let arns = map.get("sourceQueueArns").and_then(Value::as_array);
            arns.is_some_and(|arns| arns.iter().any(|arn| arn.as_str() == Some(source)))
        }
        _ => true,
    }
}
