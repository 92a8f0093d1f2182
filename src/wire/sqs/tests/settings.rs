//! Attributes, tags and permissions.

use super::*;

#[tokio::test]
async fn attributes_have_the_defaults_of_aws() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        let told = lab.done("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["All"]})).await;
        let attributes = told["Attributes"].as_object().unwrap();
        for (name, value) in [
            ("ApproximateNumberOfMessages", "0"),
            ("ApproximateNumberOfMessagesDelayed", "0"),
            ("ApproximateNumberOfMessagesNotVisible", "0"),
            ("DelaySeconds", "0"),
            ("MaximumMessageSize", "1048576"),
            ("MessageRetentionPeriod", "345600"),
            ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:jobs"),
            ("ReceiveMessageWaitTimeSeconds", "0"),
            ("SqsManagedSseEnabled", "true"),
            ("VisibilityTimeout", "30"),
        ] {
            assert_eq!(attributes[name], value, "{name}");
        }
        assert_eq!(attributes.len(), 12, "{attributes:?}");
        assert_eq!(attributes["CreatedTimestamp"], attributes["LastModifiedTimestamp"]);
        assert_eq!(lab.done("GetQueueAttributes", json!({"QueueUrl": url})).await, json!({}));
        let some = json!({"QueueUrl": url, "AttributeNames": ["DelaySeconds", "FifoQueue", "Policy"]});
        assert_eq!(lab.done("GetQueueAttributes", some).await, json!({"Attributes": {"DelaySeconds": "0"}}));
    }
}

#[tokio::test]
async fn a_key_switches_the_managed_encryption_off_and_the_other_way_round() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        let set = |attributes: Value| json!({"QueueUrl": url, "Attributes": attributes});
        lab.done("SetQueueAttributes", set(json!({"KmsMasterKeyId": "alias/mine"}))).await;
        assert_eq!(lab.attribute(&url, "SqsManagedSseEnabled").await, "false");
        assert_eq!(lab.attribute(&url, "KmsDataKeyReusePeriodSeconds").await, "300");
        lab.done("SetQueueAttributes", set(json!({"SqsManagedSseEnabled": "true"}))).await;
        assert_eq!(lab.attribute(&url, "KmsMasterKeyId").await, Value::Null);
    }
}

#[tokio::test]
async fn what_is_set_to_nothing_is_reset() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("dead", json!({})).await;
        let redrive =
            json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 3});
        let allow = r#"{"redrivePermission":"denyAll"}"#;
        let all = json!({"Policy": "{}", "RedrivePolicy": redrive.to_string(), "RedriveAllowPolicy": allow});
        let url = lab.make("jobs", all).await;
        for name in ["Policy", "RedrivePolicy", "RedriveAllowPolicy"] {
            assert!(lab.attribute(&url, name).await.is_string(), "{name}");
            let empty: Value =
                [(name.to_owned(), json!(""))].into_iter().collect::<serde_json::Map<_, _>>().into();
            lab.done("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": empty})).await;
            assert_eq!(lab.attribute(&url, name).await, Value::Null, "{name}");
        }
    }
}

#[tokio::test]
async fn tags_are_added_replaced_and_removed() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let request = json!({"QueueName": "jobs", "tags": {"a": "1"}});
        let url = text(&lab.done("CreateQueue", request).await["QueueUrl"]);
        lab.done("TagQueue", json!({"QueueUrl": url, "Tags": {"a": "2", "b": "", "c": "3"}})).await;
        let all = lab.done("ListQueueTags", json!({"QueueUrl": url})).await;
        assert_eq!(all, json!({"Tags": {"a": "2", "b": "", "c": "3"}}));
        lab.done("UntagQueue", json!({"QueueUrl": url, "TagKeys": ["a", "b", "c", "x"]})).await;
        assert_eq!(lab.done("ListQueueTags", json!({"QueueUrl": url})).await, json!({}));
        let many: serde_json::Map<String, Value> = (0..51).map(|at| (format!("k{at}"), json!("v"))).collect();
        let (code, message) = lab.refused("TagQueue", json!({"QueueUrl": url, "Tags": many})).await;
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("InvalidParameterValue", "Too many tags added for queue jobs.")
        );
    }
}

#[tokio::test]
async fn permissions_are_statements_of_the_policy() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        let add = |label: &str, actions: Value| json!({"QueueUrl": url, "Label": label, "AWSAccountIds": ["123456789012"], "Actions": actions});
        lab.done("AddPermission", add("one", json!(["SendMessage"]))).await;
        lab.done("AddPermission", add("two", json!(["SendMessage", "ReceiveMessage"]))).await;
        let policy: Value = serde_json::from_str(&text(&lab.attribute(&url, "Policy").await)).unwrap();
        assert_eq!(policy["Id"], "arn:aws:sqs:us-east-1:000000000000:jobs/SQSDefaultPolicy");
        let first = &policy["Statement"][0];
        assert_eq!((&first["Sid"], &first["Action"]), (&json!("one"), &json!("SQS:SendMessage")));
        assert_eq!(first["Principal"]["AWS"], "arn:aws:iam::123456789012:root");
        assert_eq!(policy["Statement"][1]["Action"], json!(["SQS:SendMessage", "SQS:ReceiveMessage"]));
        for (request, code) in [
            (add("one", json!(["SendMessage"])), "InvalidParameterValue"),
            (add("a b", json!(["SendMessage"])), "InvalidParameterValue"),
            (add("three", json!(["CreateQueue"])), "InvalidParameterValue"),
            (add("three", json!(vec!["SendMessage"; 8])), "OverLimit"),
        ] {
            assert_eq!(lab.refused("AddPermission", request).await.0, code);
        }
        lab.done("RemovePermission", json!({"QueueUrl": url, "Label": "one"})).await;
        let again = lab.refused("RemovePermission", json!({"QueueUrl": url, "Label": "one"})).await;
        assert_eq!(again.0, "InvalidParameterValue");
        lab.done("RemovePermission", json!({"QueueUrl": url, "Label": "two"})).await;
        assert_eq!(lab.attribute(&url, "Policy").await, Value::Null);
    }
}
