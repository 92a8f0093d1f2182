//! What operations are called, and how errors are.

use super::*;

#[test]
fn every_operation_is_there_once_and_in_order() {
    assert!(OPERATIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
}

#[test]
fn errors_have_their_names_in_both_protocols() {
    for (code, json_type, query) in [
        (
            "QueueDoesNotExist",
            "com.amazonaws.sqs#QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        ("QueueNameExists", "com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists"),
        (
            "EmptyBatchRequest",
            "com.amazonaws.sqs#EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
        ),
        ("ReceiptHandleIsInvalid", "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
        (
            "InvalidParameterValueException",
            "com.amazon.coral.service#InvalidParameterValueException",
            "InvalidParameterValue",
        ),
        (
            "MissingRequiredParameterException",
            "com.amazon.coral.service#MissingRequiredParameterException",
            "MissingParameter",
        ),
        (
            "UnrecognizedClientException",
            "com.amazon.coral.service#UnrecognizedClientException",
            "InvalidClientTokenId",
        ),
        (
            "MissingAuthenticationTokenException",
            "com.amazon.coral.service#MissingAuthenticationTokenException",
            "MissingAuthenticationToken",
        ),
        (
            "ResourceNotFoundException",
            "com.amazonaws.sqs#ResourceNotFoundException",
            "ResourceNotFoundException",
        ),
    ] {
        let told = errors::told(code);
        assert_eq!((told.json_type.as_str(), told.code.as_str()), (json_type, query));
    }
}
