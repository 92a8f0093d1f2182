//! Every refusal, in both protocols.

use super::*;

#[tokio::test]
async fn queues_that_cannot_be_are_refused() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        for name in ["a b", "a.b", "\u{e9}", &"x".repeat(81)] {
            let (code, message) = lab.refused("CreateQueue", json!({"QueueName": name})).await;
            assert_eq!(code, "InvalidParameterValue", "{name}");
            assert!(message.starts_with("Can only include alphanumeric characters"), "{message}");
        }
        let (code, message) = lab.refused("CreateQueue", json!({})).await;
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("MissingParameter", "The request must contain the parameter QueueName.")
        );
        let with = |name: &str, value: &str| json!({"QueueName": "jobs", "Attributes": {name: value}});
        for (name, value, code) in [
            ("FifoQueue", "false", "InvalidAttributeName"),
            ("ContentBasedDeduplication", "true", "InvalidAttributeName"),
            ("DeduplicationScope", "queue", "InvalidAttributeName"),
            ("Nonsense", "1", "InvalidAttributeName"),
            ("QueueArn", "arn", "InvalidAttributeName"),
            ("VisibilityTimeout", "43201", "InvalidAttributeValue"),
            ("VisibilityTimeout", "-1", "InvalidAttributeValue"),
            ("VisibilityTimeout", "soon", "InvalidAttributeValue"),
            ("MaximumMessageSize", "1023", "InvalidAttributeValue"),
            ("MaximumMessageSize", "1048577", "InvalidAttributeValue"),
            ("MessageRetentionPeriod", "59", "InvalidAttributeValue"),
            ("DelaySeconds", "901", "InvalidAttributeValue"),
            ("ReceiveMessageWaitTimeSeconds", "21", "InvalidAttributeValue"),
            ("KmsDataKeyReusePeriodSeconds", "59", "InvalidAttributeValue"),
            ("SqsManagedSseEnabled", "perhaps", "InvalidAttributeValue"),
            ("Policy", "[]", "InvalidAttributeValue"),
        ] {
            assert_eq!(lab.refused("CreateQueue", with(name, value)).await.0, code, "{name}={value}");
        }
        assert_eq!(lab.done("ListQueues", json!({})).await, json!({}), "nothing was made");
    }
}

#[tokio::test]
async fn redrive_policies_of_any_wrong_shape_are_refused_cleanly() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        lab.make("dead", json!({})).await;
        let closed =
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:x"]}"#;
        lab.make("closed", json!({"RedriveAllowPolicy": closed})).await;
        let arn = "arn:aws:sqs:us-east-1:000000000000";
        for policy in [
            "nonsense".to_owned(),
            "[]".to_owned(),
            "7".to_owned(),
            "null".to_owned(),
            "{}".to_owned(),
            format!(r#"{{"deadLetterTargetArn":"{arn}:dead"}}"#),
            r#"{"maxReceiveCount":1}"#.to_owned(),
            format!(r#"{{"deadLetterTargetArn":"{arn}:dead","maxReceiveCount":0}}"#),
            format!(r#"{{"deadLetterTargetArn":"{arn}:dead","maxReceiveCount":1001}}"#),
            format!(r#"{{"deadLetterTargetArn":"{arn}:dead","maxReceiveCount":"many"}}"#),
            format!(r#"{{"deadLetterTargetArn":"{arn}:dead","maxReceiveCount":{{}}}}"#),
            format!(r#"{{"deadLetterTargetArn":"{arn}:dead","maxReceiveCount":1,"x":1}}"#),
            r#"{"deadLetterTargetArn":"dead","maxReceiveCount":1}"#.to_owned(),
            r#"{"deadLetterTargetArn":7,"maxReceiveCount":1}"#.to_owned(),
            format!(r#"{{"deadLetterTargetArn":"{arn}:missing","maxReceiveCount":1}}"#),
            format!(r#"{{"deadLetterTargetArn":"{arn}:closed","maxReceiveCount":1}}"#),
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":1}"#
                .to_owned(),
        ] {
            let set = json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": policy}});
            let (code, message) = lab.refused("SetQueueAttributes", set).await;
            assert_eq!(code, "InvalidParameterValue", "{policy}");
            assert!(message.contains("for parameter RedrivePolicy is invalid. Reason: "), "{message}");
        }
        for policy in [
            "[]",
            "{}",
            r#"{"redrivePermission":"some"}"#,
            r#"{"redrivePermission":"byQueue"}"#,
            r#"{"redrivePermission":"allowAll","sourceQueueArns":[]}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["x"]}"#,
        ] {
            let set = json!({"QueueUrl": url, "Attributes": {"RedriveAllowPolicy": policy}});
            assert_eq!(lab.refused("SetQueueAttributes", set).await.0, "InvalidParameterValue", "{policy}");
        }
    }
}

#[tokio::test]
async fn messages_that_break_a_rule_are_refused() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        let value = |kind: &str, text: &str| json!({"DataType": kind, "StringValue": text});
        let ten_and_one: serde_json::Map<String, Value> =
            (0..11).map(|at| (format!("a{at}"), value("String", "x"))).collect();
        for (member, content, code) in [
            ("MessageBody", json!(""), "MissingParameter"),
            ("MessageBody", json!("a\u{0}"), "InvalidMessageContents"),
            ("MessageBody", json!("\u{ffff}"), "InvalidMessageContents"),
            ("DelaySeconds", json!(901), "InvalidParameterValue"),
            ("DelaySeconds", json!(-1), "InvalidParameterValue"),
            ("MessageDeduplicationId", json!("x"), "InvalidParameterValue"),
            ("MessageGroupId", json!("a b"), "InvalidParameterValue"),
            ("MessageAttributes", json!({"a b": value("String", "x")}), "InvalidParameterValue"),
            ("MessageAttributes", json!({"AWS.x": value("String", "x")}), "InvalidParameterValue"),
            ("MessageAttributes", json!({".x": value("String", "x")}), "InvalidParameterValue"),
            ("MessageAttributes", json!({"x": value("Text", "x")}), "InvalidParameterValue"),
            ("MessageAttributes", json!({"x": value("String", "")}), "InvalidParameterValue"),
            ("MessageAttributes", json!({"x": value("Number", "x")}), "InvalidParameterValue"),
            ("MessageAttributes", json!({"x": value("Binary", "x")}), "InvalidParameterValue"),
            ("MessageAttributes", json!({"x": {"StringValue": "x"}}), "InvalidParameterValue"),
            ("MessageAttributes", json!({"x": value("String", "\u{1}")}), "InvalidMessageContents"),
            ("MessageAttributes", Value::Object(ten_and_one), "InvalidParameterValue"),
            ("MessageSystemAttributes", json!({"Other": value("String", "x")}), "InvalidParameterValue"),
            (
                "MessageSystemAttributes",
                json!({"AWSTraceHeader": value("Number", "1")}),
                "InvalidParameterValue",
            ),
        ] {
            let mut request = json!({"QueueUrl": url, "MessageBody": "x"});
            request[member] = content.clone();
            assert_eq!(lab.refused("SendMessage", request).await.0, code, "{member} {content}");
        }
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessages").await, "0");
    }
}

#[tokio::test]
async fn receives_and_handles_that_cannot_be_are_refused() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "0"})).await;
        let other = lab.make("other", json!({})).await;
        for (member, content, code) in [
            ("MaxNumberOfMessages", json!(0), "InvalidParameterValue"),
            ("MaxNumberOfMessages", json!(11), "InvalidParameterValue"),
            ("WaitTimeSeconds", json!(21), "InvalidParameterValue"),
            ("WaitTimeSeconds", json!(-1), "InvalidParameterValue"),
            ("VisibilityTimeout", json!(43_201), "InvalidParameterValue"),
            ("ReceiveRequestAttemptId", json!("x"), "InvalidParameterValue"),
            ("AttributeNames", json!(["Nonsense"]), "InvalidAttributeName"),
            ("MessageSystemAttributeNames", json!(["Nonsense"]), "InvalidAttributeName"),
        ] {
            let mut request = json!({"QueueUrl": url});
            request[member] = content;
            assert_eq!(lab.refused("ReceiveMessage", request).await.0, code, "{member}");
        }
        lab.send(&url, "x").await;
        let handle = lab.receive(&url, 1).await[0]["ReceiptHandle"].clone();
        for (at, handle) in [(&other, handle.clone()), (&url, json!("nonsense")), (&url, json!(""))] {
            let delete = json!({"QueueUrl": at, "ReceiptHandle": handle});
            assert_eq!(lab.refused("DeleteMessage", delete).await.0, "ReceiptHandleIsInvalid");
            let change = json!({"QueueUrl": at, "ReceiptHandle": handle, "VisibilityTimeout": 1});
            assert_eq!(lab.refused("ChangeMessageVisibility", change).await.0, "ReceiptHandleIsInvalid");
        }
        let long = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 43_201});
        assert_eq!(lab.refused("ChangeMessageVisibility", long).await.0, "InvalidParameterValue");
    }
}

#[tokio::test]
async fn batches_that_cannot_be_are_refused_whole() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        let prefix = "AWS.SimpleQueueService.";
        for (operation, member) in [
            ("SendMessageBatch", "MessageBody"),
            ("DeleteMessageBatch", "ReceiptHandle"),
            ("ChangeMessageVisibilityBatch", "ReceiptHandle"),
        ] {
            let entries = |ids: &[&str]| {
                let entries: Vec<Value> = ids.iter().map(|id| json!({"Id": id, member: "x"})).collect();
                json!({"QueueUrl": url, "Entries": entries})
            };
            let many: Vec<String> = (0..11).map(|at| at.to_string()).collect();
            let many: Vec<&str> = many.iter().map(String::as_str).collect();
            for (ids, code) in [
                (&[][..], "EmptyBatchRequest"),
                (&many, "TooManyEntriesInBatchRequest"),
                (&["a", "a"], "BatchEntryIdsNotDistinct"),
                (&["a b"], "InvalidBatchEntryId"),
                (&[""], "InvalidBatchEntryId"),
            ] {
                assert_eq!(
                    lab.refused(operation, entries(ids)).await.0,
                    format!("{prefix}{code}"),
                    "{operation}"
                );
            }
            let without = json!({"QueueUrl": url, "Entries": [{"Id": "a"}]});
            let (code, message) = lab.refused(operation, without).await;
            assert_eq!(code, "MissingParameter");
            assert!(message.ends_with(&format!("{operation}RequestEntry.1.{member}.")), "{message}");
        }
    }
}

#[tokio::test]
async fn every_operation_on_a_queue_that_is_not_there_says_so() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        for (operation, rest) in [
            ("DeleteQueue", json!({})),
            ("GetQueueAttributes", json!({})),
            ("PurgeQueue", json!({})),
            ("SetQueueAttributes", json!({"Attributes": {"DelaySeconds": "1"}})),
            ("SendMessage", json!({"MessageBody": "x"})),
            ("SendMessageBatch", json!({"Entries": [{"Id": "a", "MessageBody": "x"}]})),
            ("ReceiveMessage", json!({})),
            ("DeleteMessage", json!({"ReceiptHandle": "x"})),
            ("DeleteMessageBatch", json!({"Entries": [{"Id": "a", "ReceiptHandle": "x"}]})),
            ("ChangeMessageVisibility", json!({"ReceiptHandle": "x", "VisibilityTimeout": 1})),
            ("ChangeMessageVisibilityBatch", json!({"Entries": [{"Id": "a", "ReceiptHandle": "x"}]})),
            ("ListDeadLetterSourceQueues", json!({})),
            ("TagQueue", json!({"Tags": {"a": "b"}})),
            ("UntagQueue", json!({"TagKeys": ["a"]})),
            ("ListQueueTags", json!({})),
            ("AddPermission", json!({"Label": "a", "AWSAccountIds": ["000000000000"], "Actions": ["*"]})),
            ("RemovePermission", json!({"Label": "a"})),
        ] {
            for (url, code) in [
                ("http://localhost:4566/000000000000/missing", "AWS.SimpleQueueService.NonExistentQueue"),
                ("missing", "InvalidAddress"),
            ] {
                let mut request = rest.clone();
                request["QueueUrl"] = json!(url);
                assert_eq!(lab.refused(operation, request).await.0, code, "{operation}");
            }
            let (code, message) = lab.refused(operation, rest).await;
            let told = "The request must contain the parameter QueueUrl.";
            assert_eq!((code.as_str(), message.as_str()), ("MissingParameter", told), "{operation}");
        }
    }
}
