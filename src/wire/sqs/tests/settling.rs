//! Deleting, hiding, and messages that were received too often.

use super::*;
use std::time::Duration;

#[tokio::test]
async fn a_deleted_message_is_gone_and_may_be_deleted_again() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "0"})).await;
        lab.send(&url, "a").await;
        let handle = lab.receive(&url, 1).await[0]["ReceiptHandle"].clone();
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
        assert_eq!(lab.receive(&url, 1).await.len(), 0);
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
        lab.send(&url, "b").await;
        let old = lab.receive(&url, 1).await[0]["ReceiptHandle"].clone();
        let new = lab.receive(&url, 1).await[0]["ReceiptHandle"].clone();
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": old})).await;
        assert_eq!(lab.receive(&url, 1).await.len(), 1, "an old handle deletes nothing that another holds");
        let entries = json!([{"Id": "old", "ReceiptHandle": new}, {"Id": "bad", "ReceiptHandle": "x"}]);
        let told = lab.done("DeleteMessageBatch", json!({"QueueUrl": url, "Entries": entries})).await;
        assert_eq!(
            (&told["Successful"], &told["Failed"][0]["Code"]),
            (&json!([{"Id": "old"}]), &json!("ReceiptHandleIsInvalid"))
        );
    }
}

#[tokio::test]
async fn a_holder_hides_its_message_longer_or_shows_it_at_once() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "600"})).await;
        lab.send(&url, "a").await;
        let handle = lab.receive(&url, 1).await[0]["ReceiptHandle"].clone();
        let change =
            |seconds: i64| json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
        lab.done("ChangeMessageVisibility", change(900)).await;
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessagesNotVisible").await, "1");
        lab.done("ChangeMessageVisibility", change(0)).await;
        let again = lab.receive(&url, 1).await;
        assert_eq!(again[0]["Attributes"]["ApproximateReceiveCount"], "2");
        let (code, message) = lab.refused("ChangeMessageVisibility", change(5)).await;
        assert_eq!(code, "InvalidParameterValue");
        assert!(
            message.ends_with(
                "Reason: Message does not exist or is not available for visibility timeout change."
            ),
            "{message}"
        );
        let now = again[0]["ReceiptHandle"].clone();
        let entries = json!([
            {"Id": "a", "ReceiptHandle": now, "VisibilityTimeout": 0},
            {"Id": "b", "ReceiptHandle": now, "VisibilityTimeout": 43201},
            {"Id": "c", "ReceiptHandle": "nonsense", "VisibilityTimeout": 1},
        ]);
        let told =
            lab.done("ChangeMessageVisibilityBatch", json!({"QueueUrl": url, "Entries": entries})).await;
        assert_eq!(told["Successful"], json!([{"Id": "a"}]));
        let codes: Vec<&Value> = told["Failed"].as_array().unwrap().iter().map(|one| &one["Code"]).collect();
        assert_eq!(codes, ["InvalidParameterValue", "ReceiptHandleIsInvalid"]);
    }
}

#[tokio::test]
async fn a_purge_takes_what_is_there_and_is_not_repeated_within_a_minute() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "600"})).await;
        for body in ["held", "waiting", "too"] {
            lab.send(&url, body).await;
        }
        lab.done("SendMessage", json!({"QueueUrl": url, "MessageBody": "later", "DelaySeconds": 900})).await;
        let handle = lab.receive(&url, 1).await[0]["ReceiptHandle"].clone();
        lab.done("PurgeQueue", json!({"QueueUrl": url})).await;
        for name in ["", "NotVisible", "Delayed"] {
            let name = format!("ApproximateNumberOfMessages{name}");
            assert_eq!(lab.attribute(&url, &name).await, "0", "{name}");
        }
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
        let (code, message) = lab.refused("PurgeQueue", json!({"QueueUrl": url})).await;
        assert_eq!(code, "AWS.SimpleQueueService.PurgeQueueInProgress");
        assert_eq!(message, "Only one PurgeQueue operation on jobs is allowed every 60 seconds.");
        lab.send(&url, "new").await;
        assert_eq!(bodies(&lab.receive(&url, 10).await), ["new"]);
    }
}

#[tokio::test]
async fn who_waits_is_woken_when_a_message_is_given_back() {
    let lab = Arc::new(Lab::new(Protocol::JsonOne).await);
    let url = lab.make("jobs", json!({"VisibilityTimeout": "600"})).await;
    lab.send(&url, "a").await;
    let handle = lab.receive(&url, 1).await[0]["ReceiptHandle"].clone();
    let (waiting, of) = (Arc::clone(&lab), url.clone());
    let wait = json!({"QueueUrl": of, "WaitTimeSeconds": 20});
    let waiting = tokio::spawn(async move { waiting.done("ReceiveMessage", wait).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let back = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 0});
    lab.done("ChangeMessageVisibility", back).await;
    assert_eq!(waiting.await.unwrap()["Messages"][0]["Body"], "a");
}

#[tokio::test]
async fn a_message_received_too_often_moves_as_it_is() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let dead = lab.make("dead", json!({})).await;
        let policy =
            json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": "2"});
        let attributes = json!({"VisibilityTimeout": "0", "RedrivePolicy": policy.to_string()});
        let url = lab.make("jobs", attributes).await;
        let told = text(&lab.attribute(&url, "RedrivePolicy").await);
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["maxReceiveCount"], 2);
        let sources = lab.done("ListDeadLetterSourceQueues", json!({"QueueUrl": dead})).await;
        assert_eq!(sources, json!({"queueUrls": [url]}));
        let attribute = json!({"a": {"DataType": "String", "StringValue": "1"}});
        let sent = json!({"QueueUrl": url, "MessageBody": "poison", "MessageAttributes": attribute});
        let sent = lab.done("SendMessage", sent).await;
        let before = lab.receive(&url, 1).await.remove(0);
        assert_eq!(lab.receive(&url, 1).await.len(), 1);
        assert_eq!(lab.receive(&url, 1).await.len(), 0);
        let wait = json!({
            "QueueUrl": dead, "WaitTimeSeconds": 20, "AttributeNames": ["All"], "MessageAttributeNames": ["All"],
        });
        let moved = lab.done("ReceiveMessage", wait).await["Messages"][0].clone();
        assert_eq!((&moved["MessageId"], &moved["Body"]), (&sent["MessageId"], &json!("poison")));
        assert_eq!(moved["MessageAttributes"], before["MessageAttributes"]);
        assert_eq!(moved["Attributes"]["SentTimestamp"], before["Attributes"]["SentTimestamp"]);
        assert_eq!(
            moved["Attributes"]["DeadLetterQueueSourceArn"],
            "arn:aws:sqs:us-east-1:000000000000:jobs"
        );
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessages").await, "0");
    }
}
