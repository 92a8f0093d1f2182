//! Sending and receiving.

use super::*;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_message_comes_back_as_it_was_sent() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        let request = json!({
            "QueueUrl": url,
            "MessageBody": "h\u{e9}llo <&>\r\n\u{1f600}",
            "MessageAttributes": {
                "bar.one": {"DataType": "String", "StringValue": "1"},
                "bar.two": {"DataType": "Number.int", "StringValue": "2"},
                "foo": {"DataType": "Binary", "BinaryValue": "aGVsbG8="},
            },
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}},
            "MessageGroupId": "tenant",
        });
        let sent = lab.done("SendMessage", request).await;
        assert!(sent["MD5OfMessageSystemAttributes"].is_string());
        let message = lab.receive(&url, 10).await.remove(0);
        assert_eq!(message["Body"], "h\u{e9}llo <&>\r\n\u{1f600}");
        assert_eq!(
            (&message["MessageId"], &message["MD5OfBody"]),
            (&sent["MessageId"], &sent["MD5OfMessageBody"])
        );
        assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
        let attributes = &message["MessageAttributes"];
        assert_eq!(attributes["foo"], json!({"BinaryValue": "aGVsbG8=", "DataType": "Binary"}));
        assert_eq!(attributes["bar.two"], json!({"StringValue": "2", "DataType": "Number.int"}));
        let system = &message["Attributes"];
        assert_eq!(
            (&system["SenderId"], &system["ApproximateReceiveCount"]),
            (&json!("000000000000"), &json!("1"))
        );
        assert_eq!(
            (&system["AWSTraceHeader"], &system["MessageGroupId"]),
            (&json!("Root=1"), &json!("tenant"))
        );
        let time = |name: &str| text(&system[name]).parse::<i64>().unwrap();
        assert!(time("ApproximateFirstReceiveTimestamp") >= time("SentTimestamp"));
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "0"})).await;
        let attribute = |value: &str| json!({"DataType": "String", "StringValue": value});
        let attributes = json!({"bar.one": attribute("1"), "bar.two": attribute("2"), "foo": attribute("3")});
        lab.done(
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "MessageAttributes": attributes}),
        )
        .await;
        let mut digests = Vec::new();
        for (filters, names) in [
            (json!([]), vec![]),
            (json!(["nothing"]), vec![]),
            (json!(["bar.*"]), vec!["bar.one", "bar.two"]),
            (json!(["foo", "bar.one"]), vec!["bar.one", "foo"]),
            (json!([".*"]), vec!["bar.one", "bar.two", "foo"]),
            (json!(["All"]), vec!["bar.one", "bar.two", "foo"]),
        ] {
            let told =
                lab.done("ReceiveMessage", json!({"QueueUrl": url, "MessageAttributeNames": filters})).await;
            let message = &told["Messages"][0];
            let found: Vec<&String> =
                message["MessageAttributes"].as_object().map(|map| map.keys().collect()).unwrap_or_default();
            assert_eq!(found, names, "{filters}");
            assert_eq!(message["MD5OfMessageAttributes"].is_null(), names.is_empty());
            assert!(message["Attributes"].is_null());
            digests.push(message["MD5OfMessageAttributes"].clone());
        }
        assert_eq!(digests[4], digests[5]);
        assert_ne!(digests[2], digests[4], "the digest is of what is told");
        let names = json!({"QueueUrl": url, "MessageSystemAttributeNames": ["SentTimestamp"]});
        let told = lab.done("ReceiveMessage", names).await;
        assert_eq!(told["Messages"][0]["Attributes"].as_object().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_message_is_hidden_while_it_is_held_and_counted_where_it_is() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "1"})).await;
        for body in ["a", "b", "c"] {
            lab.send(&url, body).await;
        }
        let delayed = json!({"QueueUrl": url, "MessageBody": "later", "DelaySeconds": 600});
        lab.done("SendMessage", delayed).await;
        assert_eq!(bodies(&lab.receive(&url, 2).await), ["a", "b"]);
        let counts = |name: &'static str| lab.attribute(&url, name);
        assert_eq!(counts("ApproximateNumberOfMessages").await, "1");
        assert_eq!(counts("ApproximateNumberOfMessagesNotVisible").await, "2");
        assert_eq!(counts("ApproximateNumberOfMessagesDelayed").await, "1");
        assert_eq!(bodies(&lab.receive(&url, 10).await), ["c"]);
        let wait =
            json!({"QueueUrl": url, "WaitTimeSeconds": 20, "AttributeNames": ["ApproximateReceiveCount"]});
        let again = lab.done("ReceiveMessage", wait).await;
        assert_eq!(
            again["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "2",
            "it came back by itself"
        );
    }
}

#[tokio::test]
async fn who_waits_is_woken_by_a_send_and_waits_no_longer_than_it_said() {
    let lab = Arc::new(Lab::new(Protocol::JsonOne).await);
    let url = lab.make("jobs", json!({"ReceiveMessageWaitTimeSeconds": "20"})).await;
    let (waiting, of) = (Arc::clone(&lab), url.clone());
    let begun = Instant::now();
    let waiting = tokio::spawn(async move { waiting.done("ReceiveMessage", json!({"QueueUrl": of})).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    lab.send(&url, "wake").await;
    assert_eq!(waiting.await.unwrap()["Messages"][0]["Body"], "wake");
    assert!(begun.elapsed() < Duration::from_secs(15), "it did not wait to the end");
    let short = json!({"QueueUrl": url, "WaitTimeSeconds": 0});
    assert_eq!(lab.done("ReceiveMessage", short).await, json!({}));
}

#[tokio::test]
async fn batches_are_answered_entry_by_entry() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({})).await;
        let entries = json!([
            {"Id": "one", "MessageBody": "1"},
            {"Id": "bad", "MessageBody": "a\u{1}"},
            {"Id": "late", "MessageBody": "2", "DelaySeconds": 900},
            {"Id": "later", "MessageBody": "3", "DelaySeconds": 901},
        ]);
        let told = lab.done("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries})).await;
        let ids = |kind: &str| {
            told[kind].as_array().unwrap().iter().map(|one| text(&one["Id"])).collect::<Vec<_>>()
        };
        assert_eq!(
            (ids("Successful"), ids("Failed")),
            (vec!["one".into(), "late".into()], vec!["bad".into(), "later".into()])
        );
        assert_eq!(
            (&told["Failed"][0]["Code"], &told["Failed"][0]["SenderFault"]),
            (&json!("InvalidMessageContents"), &json!(true))
        );
        let messages = lab.receive(&url, 10).await;
        assert_eq!(bodies(&messages), ["1"]);
        assert_eq!(messages[0]["MessageId"], told["Successful"][0]["MessageId"]);
    }
}

#[tokio::test]
async fn bodies_and_attributes_count_together() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("jobs", json!({"MaximumMessageSize": "1024"})).await;
        let attribute = json!({"n": {"DataType": "String", "StringValue": "v".repeat(93)}});
        let request = |length: usize| json!({"QueueUrl": url, "MessageBody": "x".repeat(length), "MessageAttributes": attribute});
        lab.done("SendMessage", request(924)).await;
        let (code, message) = lab.refused("SendMessage", request(925)).await;
        assert_eq!(code, "InvalidParameterValue");
        assert_eq!(
            message,
            "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
        );
        let large = lab.make("large", json!({})).await;
        lab.send(&large, &"x".repeat(1 << 20)).await;
        let two = json!([
            {"Id": "a", "MessageBody": "x".repeat(600_000)}, {"Id": "b", "MessageBody": "x".repeat(600_000)}
        ]);
        let (code, _) = lab.refused("SendMessageBatch", json!({"QueueUrl": large, "Entries": two})).await;
        assert_eq!(code, "AWS.SimpleQueueService.BatchRequestTooLong");
        assert_eq!(lab.attribute(&large, "ApproximateNumberOfMessages").await, "1", "nothing of it was sent");
    }
}
