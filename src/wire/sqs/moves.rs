//! Message-move tasks: dead letters back to where they came from, or to a queue of choice.

use super::{Sqs, errors};
use crate::{
    pipeline::{
        now_ms,
        queue::{
            directory::{QueueIdentity, QueueResource},
            moves::{MoveError, MoveOrder, MoveStatus, MoveTask},
        },
    },
    wire::{Caller, Content, Input, Output, Reply, ServiceError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a task's handle says, as JSON in base64: the form that AWS gives it.
#[derive(Serialize, Deserialize)]
struct TaskHandle {
    #[serde(rename = "taskId")]
    task_id: String,
    #[serde(rename = "sourceArn")]
    source_arn: String,
}

impl TaskHandle {
    fn of(task: &MoveTask) -> String {
        let handle = Self { task_id: task.id.clone(), source_arn: task.source.arn() };
        // Texts can always be written.
        STANDARD.encode(serde_json::to_vec(&handle).unwrap_or_default())
    }

    fn read(handle: &str) -> Result<Self, ServiceError> {
        let bytes = STANDARD.decode(handle).ok();
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.ok_or_else(|| errors::invalid_parameter("Value for parameter TaskHandle is invalid."))
    }
}

fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError { status: 404, code: "ResourceNotFoundException", message: message.into() }
}

/// The queue that an ARN of the request names.
///
/// # Errors
/// `InvalidParameterValue` for what is no ARN, `ResourceNotFoundException` without such a queue.
fn named(sqs: &Sqs, caller: &Caller, parameter: &str, arn: &str) -> Result<Arc<QueueResource>, ServiceError> {
    let identity = QueueIdentity::of_arn(arn).ok_or_else(|| {
        errors::invalid_parameter(format!(
            "You must use this format to specify the {parameter}: \
             arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ))
    })?;
    let queue = sqs.directory.get(&identity).filter(|_| identity.region == caller.region);
    let told =
        || not_found(format!("The resource that you specified for the {parameter} parameter doesn't exist."));
    queue.ok_or_else(told)
}

/// A number of the request that is not within its bounds.
fn beyond(parameter: &str, reason: &str) -> ServiceError {
    errors::invalid_parameter(format!("Value for parameter {parameter} is invalid. Reason: {reason}"))
}

pub(super) async fn start(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let source = named(sqs, caller, "SourceArn", input.text("SourceArn").unwrap_or_default())?;
    let per_second = input.integer("MaxNumberOfMessagesPerSecond").map(|rate| {
        u32::try_from(rate).ok().filter(|rate| (1..=500).contains(rate)).ok_or_else(|| {
            beyond("MaxNumberOfMessagesPerSecond", "You must enter a number that's between 1 and 500.")
        })
    });
    let per_second = per_second.transpose()?;
    if sqs.directory.sources_of(&source).is_empty() {
        return Err(errors::invalid_parameter("Source queue must be configured as a Dead Letter Queue."));
    }
    let destination = input.text("DestinationArn").map(|arn| named(sqs, caller, "DestinationArn", arn));
    let destination = destination.transpose()?;
    if let Some(destination) = &destination {
        if destination.identity == source.identity {
            return Err(errors::invalid_parameter(
                "Source queue arn and destination queue arn cannot be the same.",
            ));
        }
        if destination.queue.is_fifo() != source.queue.is_fifo() {
            return Err(errors::invalid_parameter(
                "The source queue and destination queue must be of the same queue type.",
            ));
        }
    }
    let destination = destination.map(|queue| queue.identity.clone());
    let started = sqs.moves.start(&source, MoveOrder { destination, per_second }, now_ms()).await;
    let task = started.map_err(|error| refused(&error))?;
    Ok(Reply::Whole(Output::new().with("TaskHandle", TaskHandle::of(&task))))
}

pub(super) fn list(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let source = named(sqs, caller, "SourceArn", input.text("SourceArn").unwrap_or_default())?;
    let most = match input.integer("MaxResults").map(usize::try_from) {
        None => 1,
        Some(Ok(most)) if (1..=10).contains(&most) => most,
        Some(_) => return Err(beyond("MaxResults", "You must enter a number that's between 1 and 10.")),
    };
    let tasks = sqs.moves.of(&source);
    let told = tasks.iter().take(most).map(|task| Content::Structure(tell(task)));
    Ok(Reply::Whole(Output::new().with("Results", Content::List(told.collect()))))
}

fn tell(task: &MoveTask) -> Output {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    // Only what runs can be cancelled.
    let handle = (task.status == MoveStatus::Running).then(|| TaskHandle::of(task));
    Output::new()
        .with_some("TaskHandle", handle)
        .with("Status", task.status.name())
        .with("SourceArn", task.source.arn())
        .with_some("DestinationArn", task.destination.as_ref().map(QueueIdentity::arn))
        .with_some("MaxNumberOfMessagesPerSecond", task.per_second)
        .with("ApproximateNumberOfMessagesMoved", number(task.moved))
        .with("ApproximateNumberOfMessagesToMove", number(task.to_move))
        .with_some("FailureReason", task.failure.map(|failure| failure.name()))
        .with("StartedTimestamp", task.started_at_ms)
}

pub(super) async fn cancel(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let handle = TaskHandle::read(input.text("TaskHandle").unwrap_or_default())?;
    let source = named(sqs, caller, "SourceArn", &handle.source_arn)?;
    let moved = sqs.moves.cancel(&source, &handle.task_id).await.map_err(|error| refused(&error))?;
    let moved = i64::try_from(moved).unwrap_or(i64::MAX);
    Ok(Reply::Whole(Output::new().with("ApproximateNumberOfMessagesMoved", moved)))
}

fn refused(error: &MoveError) -> ServiceError {
    match error {
        MoveError::AlreadyActive => errors::invalid_parameter(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        ),
        MoveError::TooMany => ServiceError {
            status: 403,
            code: "RequestThrottled",
            message: "There are 100 active message movement tasks already.".to_owned(),
        },
        MoveError::NotFound => not_found("Task does not exist."),
        MoveError::NotRunning => errors::invalid_parameter("Only active tasks can be cancelled."),
        MoveError::NoQueue => errors::no_queue(),
        MoveError::Commit(cause) => errors::not_committed(cause),
    }
}
