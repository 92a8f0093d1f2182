//! Permissions: statements of the queue's policy. They are kept and told; nothing goes by them.

use super::{Sqs, characters, errors};
use crate::{
    pipeline::{now_ms, queue::directory::QueueResource},
    wire::{Caller, Input, Reply, ServiceError, endpoint::Account},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// What others than the owner may be allowed to do.
const ACTIONS: [&str; 7] = [
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
];
const MOST_ACTIONS: usize = 7;
const LABEL: &str = "Label";

/// The statements of a queue's policy, and the policy without them.
fn policy(queue: &QueueResource) -> (Vec<Value>, Value) {
    let kept = queue.terms().policy.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let mut policy = kept.unwrap_or_else(|| {
        let id = format!("{}/SQSDefaultPolicy", queue.arn());
        json!({"Version": "2012-10-17", "Id": id, "Statement": []})
    });
    let statements = match policy.get_mut("Statement").map(Value::take) {
        Some(Value::Array(statements)) => statements,
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one],
    };
    (statements, policy)
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

async fn keep(
    sqs: &Sqs,
    queue: &Arc<QueueResource>,
    statements: Vec<Value>,
    mut policy: Value,
) -> Result<Reply, ServiceError> {
    let text = (!statements.is_empty()).then(|| {
        if let Some(policy) = policy.as_object_mut() {
            policy.insert("Statement".to_owned(), Value::Array(statements));
        }
        policy.to_string()
    });
    let set = sqs.directory.set_terms(queue, move |terms| terms.policy = text, now_ms()).await;
    set.map_err(|error| errors::refused(&error))?;
    Ok(Reply::Empty)
}

pub(super) async fn add(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    let label = input.text(LABEL).unwrap_or_default();
    if !characters::are_of_a_name(label) {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(errors::invalid_value(LABEL, label, reason));
    }
    let actions: Vec<&str> = input.texts("Actions").collect();
    let accounts: Vec<&str> = input.texts("AWSAccountIds").collect();
    if actions.is_empty() {
        return Err(errors::missing("Actions"));
    }
    if accounts.is_empty() {
        return Err(errors::missing("PrincipalId"));
    }
    if actions.len() > MOST_ACTIONS {
        return Err(ServiceError {
            status: 403,
            code: "OverLimit",
            message: format!("{} Actions were found, maximum allowed is {MOST_ACTIONS}.", actions.len()),
        });
    }
    if let Some(unknown) = actions.iter().find(|action| !ACTIONS.contains(action)) {
        let reason = "Only the queue owner is allowed to invoke this action.";
        return Err(errors::invalid_value("ActionName", &format!("SQS:{unknown}"), reason));
    }
    if let Some(wrong) = accounts.iter().find(|account| Account::parse(account).is_none()) {
        return Err(errors::invalid_value("PrincipalId", wrong, "Unable to verify."));
    }
    let (mut statements, policy) = policy(&queue);
    if statements.iter().any(|statement| has_label(statement, label)) {
        return Err(errors::invalid_value(LABEL, label, "Already exists."));
    }
    let principals = accounts.iter().map(|account| format!("arn:aws:iam::{account}:root"));
    let actions = actions.iter().map(|action| format!("SQS:{action}"));
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": one_or_all(principals.collect())},
        "Action": one_or_all(actions.collect()),
        "Resource": queue.arn(),
    }));
    keep(sqs, &queue, statements, policy).await
}

/// AWS writes a list of one as that one.
fn one_or_all(mut texts: Vec<String>) -> Value {
    match texts.len() {
        1 => texts.pop().map_or(Value::Null, Value::String),
        _ => texts.into(),
    }
}

pub(super) async fn remove(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let queue = sqs.meant(caller, input)?;
    let label = input.text(LABEL).unwrap_or_default();
    let (mut statements, policy) = policy(&queue);
    let before = statements.len();
    statements.retain(|statement| !has_label(statement, label));
    if statements.len() == before {
        return Err(errors::invalid_value(LABEL, label, "can't find label."));
    }
    keep(sqs, &queue, statements, policy).await
}
