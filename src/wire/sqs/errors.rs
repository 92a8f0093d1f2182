//! Refusals in AWS's words, and what each is called in JSON and in Query.

use crate::{
    pipeline::queue::directory::QueueDirectoryError,
    storage::{CommitError, ReadError},
    wire::{ServiceError, protocol::query::Told},
};

/// Codes that the service model declares; the others are of all services.
const DECLARED: [&str; 18] = [
    "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong",
    "EmptyBatchRequest",
    "InvalidAddress",
    "InvalidAttributeName",
    "InvalidAttributeValue",
    "InvalidBatchEntryId",
    "InvalidMessageContents",
    "MessageNotInflight",
    "OverLimit",
    "PurgeQueueInProgress",
    "QueueDoesNotExist",
    "QueueNameExists",
    "ReceiptHandleIsInvalid",
    "RequestThrottled",
    "ResourceNotFoundException",
    "TooManyEntriesInBatchRequest",
    "UnsupportedOperation",
];
/// Those that Query prefixes.
const PREFIXED: [&str; 7] = [
    "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong",
    "EmptyBatchRequest",
    "InvalidBatchEntryId",
    "PurgeQueueInProgress",
    "TooManyEntriesInBatchRequest",
    "UnsupportedOperation",
];

/// How an error is told.
pub(super) fn told(code: &str) -> Told {
    let of_ours = DECLARED.contains(&code);
    let namespace = if of_ours { "com.amazonaws.sqs" } else { "com.amazon.coral.service" };
    let query = match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        "QueueNameExists" => "QueueAlreadyExists".to_owned(),
        "MissingRequiredParameterException" => "MissingParameter".to_owned(),
        "InvalidSignatureException" => "SignatureDoesNotMatch".to_owned(),
        "UnrecognizedClientException" => "InvalidClientTokenId".to_owned(),
        "SerializationException" => "MalformedQueryString".to_owned(),
        "ResourceNotFoundException" => code.to_owned(),
        code if PREFIXED.contains(&code) => format!("AWS.SimpleQueueService.{code}"),
        code => code.strip_suffix("Exception").unwrap_or(code).to_owned(),
    };
    Told { json_type: format!("{namespace}#{code}"), code: query }
}

pub(super) fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::bad_request("InvalidParameterValueException", message)
}

/// `Value V for parameter P is invalid. Reason: R`
pub(super) fn invalid_value(parameter: &str, value: &str, reason: &str) -> ServiceError {
    let shown: String = value.chars().take(1_024).collect();
    invalid_parameter(format!("Value {shown} for parameter {parameter} is invalid. Reason: {reason}"))
}

pub(super) fn missing(parameter: &str) -> ServiceError {
    ServiceError::bad_request(
        "MissingRequiredParameterException",
        format!("The request must contain the parameter {parameter}."),
    )
}

pub(super) fn attribute_name(name: &str) -> ServiceError {
    let shown: String = name.chars().take(256).collect();
    ServiceError::bad_request("InvalidAttributeName", format!("Unknown Attribute {shown}."))
}

pub(super) fn attribute_value(name: &str) -> ServiceError {
    ServiceError::bad_request("InvalidAttributeValue", format!("Invalid value for the parameter {name}."))
}

/// `Invalid value for the parameter P. Reason: R`
pub(super) fn attribute_value_because(name: &str, reason: &str) -> ServiceError {
    let told = format!("Invalid value for the parameter {name}. Reason: {reason}");
    ServiceError::bad_request("InvalidAttributeValue", told)
}

/// A parameter that only queues of the other kind know.
pub(super) fn of_the_other_kind(parameter: &str, value: &str) -> ServiceError {
    let reason = "The request include parameter that is not valid for this queue type.";
    invalid_value(parameter, value, reason)
}

pub(super) fn no_queue() -> ServiceError {
    ServiceError::bad_request("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(super) fn address(url: &str) -> ServiceError {
    let shown: String = url.chars().take(1_024).collect();
    ServiceError::bad_request(
        "InvalidAddress",
        format!("The address {shown} is not valid for this endpoint."),
    )
}

pub(super) fn unsupported(message: impl Into<String>) -> ServiceError {
    ServiceError::bad_request("UnsupportedOperation", message)
}

pub(super) fn throttled() -> ServiceError {
    ServiceError::bad_request("ThrottlingException", "Rate exceeded")
}

pub(super) fn contents() -> ServiceError {
    ServiceError::bad_request(
        "InvalidMessageContents",
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to \
         #xFFFD | #x10000 to #x10FFFF",
    )
}

/// Why a batch was not stored.
pub(super) fn not_committed(error: &CommitError) -> ServiceError {
    match error {
        CommitError::DiskFull => ServiceError::unavailable("The disk of this server is full."),
        CommitError::Closed => ServiceError::unavailable("This server is shutting down."),
        // It was deleted meanwhile.
        CommitError::UnknownTarget(_) => no_queue(),
        other => {
            tracing::error!(error = %other, "a change of a queue was not stored");
            ServiceError::internal()
        }
    }
}

/// Why messages cannot be read.
pub(super) fn not_read(error: &ReadError) -> ServiceError {
    match error {
        ReadError::Closed => ServiceError::unavailable("This server is shutting down."),
        ReadError::UnknownTarget(_) => no_queue(),
        ReadError::TooManyInFlight(_) => ServiceError {
            status: 403,
            code: "OverLimit",
            message: "Too many messages are in flight; delete or release some.".to_owned(),
        },
        other => {
            tracing::error!(error = %other, "messages of a queue cannot be read");
            ServiceError::internal()
        }
    }
}

/// A refusal of the directory.
pub(super) fn refused(error: &QueueDirectoryError) -> ServiceError {
    use QueueDirectoryError as Refused;
    match error {
        Refused::OfTheTopology(_) => unsupported(error.to_string()),
        Refused::NotFound(_) => no_queue(),
        Refused::Commit(cause) => not_committed(cause),
        Refused::Queue(cause) => not_committed(&cause.cause),
        Refused::Unreadable { .. } => {
            tracing::error!(%error, "a queue cannot be read");
            ServiceError::internal()
        }
    }
}
