//! Changed requests of every operation: answered or refused by the caller's fault, never by ours.

use super::*;
use crate::wire::mutation::Mutator;

const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"\"\"",
    b",",
    b"\\u0000",
    b"\\ud800",
    b"-1",
    b"1e400",
    b"&",
    b"=",
    b".1",
    b"%00",
    b"%FF",
    b"%",
    b"+",
    b"Entries",
    b"Attribute.1.Name",
    b".Value",
    b"\"QueueUrl\":",
    b"/000000000000/jobs",
    b"arn:aws:sqs:",
    b"\xff",
];

fn samples(url: &str, fifo: &str, handle: &str) -> Vec<(&'static str, Value)> {
    let attribute = json!({"a": {"DataType": "String", "StringValue": "v"}, "b": {"DataType": "Binary", "BinaryValue": "aGk="}});
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:jobs","maxReceiveCount":3}"#;
    vec![
        (
            "CreateQueue",
            json!({"QueueName": "new", "Attributes": {"DelaySeconds": "1", "RedrivePolicy": policy}, "tags": {"a": "b"}}),
        ),
        (
            "SetQueueAttributes",
            json!({"QueueUrl": url, "Attributes": {"Policy": "{}", "VisibilityTimeout": "3"}}),
        ),
        ("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["All"]})),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "DelaySeconds": 1, "MessageAttributes": attribute}),
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "y"}]}),
        ),
        (
            "CreateQueue",
            json!({"QueueName": "new.fifo", "Attributes": {"FifoQueue": "true", "DeduplicationScope": "messageGroup"}}),
        ),
        (
            "SetQueueAttributes",
            json!({"QueueUrl": fifo, "Attributes": {"FifoThroughputLimit": "perQueue", "ContentBasedDeduplication": "true"}}),
        ),
        (
            "SendMessage",
            json!({"QueueUrl": fifo, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}),
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": fifo, "Entries": [{"Id": "a", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}]}),
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": fifo, "ReceiveRequestAttemptId": "a", "MaxNumberOfMessages": 2}),
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": url, "MaxNumberOfMessages": 2, "MessageAttributeNames": ["b.*"]}),
        ),
        ("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})),
        (
            "ChangeMessageVisibility",
            json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 1}),
        ),
        ("ListQueues", json!({"QueueNamePrefix": "j", "MaxResults": 3, "NextToken": "x"})),
        (
            "AddPermission",
            json!({"QueueUrl": url, "Label": "l", "AWSAccountIds": ["000000000000"], "Actions": ["*"]}),
        ),
        ("TagQueue", json!({"QueueUrl": url, "Tags": {"k": "v"}})),
    ]
}

fn samples_of_moves() -> Vec<(&'static str, Value)> {
    let source = "arn:aws:sqs:us-east-1:000000000000:jobs";
    vec![
        ("StartMessageMoveTask", json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 3})),
        ("ListMessageMoveTasks", json!({"SourceArn": source, "MaxResults": 3})),
        ("CancelMessageMoveTask", json!({"TaskHandle": "eyJ0YXNrSWQiOiJhIiwic291cmNlQXJuIjoiYiJ9"})),
    ]
}

#[tokio::test]
async fn changed_requests_are_answered_or_refused_cleanly() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "0"})).await;
        lab.send(&url, "x").await;
        let handle = text(&lab.receive(&url, 1).await[0]["ReceiptHandle"]);
        let fifo = lab.make("jobs.fifo", json!({"FifoQueue": "true"})).await;
        let all = samples(&url, &fifo, &handle).into_iter().chain(samples_of_moves());
        for (place, (operation, request)) in all.enumerate() {
            let known = OPERATIONS.iter().find(|known| known.name == operation).unwrap();
            let body = match protocol {
                Protocol::Query => form(known.input, &request),
                _ => request.to_string(),
            };
            let mut mutator = Mutator::new(place as u64, vec![body.into_bytes()], PIECES);
            for _ in 0..300 {
                let body = mutator.next();
                let Ok(input) = protocol.parse(known.input, &body.clone().into()) else { continue };
                // A receive that waits would make the test slow, not wrong.
                if first_missing(&input).is_some()
                    || operation == "ReceiveMessage" && input.has("WaitTimeSeconds")
                {
                    continue;
                }
                if let Err(error) = lab.sqs.answer(lab.caller.clone(), known.name, input).await {
                    assert!(error.status < 500, "{error}: {}", String::from_utf8_lossy(&body));
                    assert!(error.message.len() < 20_000, "{} bytes", error.message.len());
                }
            }
        }
    }
}
