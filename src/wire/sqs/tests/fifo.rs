//! FIFO queues: order, groups and deduplication.

use super::*;
use std::time::Duration;

impl Lab {
    /// Makes a FIFO queue that knows messages by their bodies.
    async fn make_fifo(&self, name: &str, visibility: &str) -> String {
        let attributes = json!({
            "FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": visibility,
        });
        self.make(name, attributes).await
    }

    async fn send_to(&self, url: &str, group: &str, body: &str) -> Value {
        let request = json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": group});
        self.done("SendMessage", request).await
    }
}

fn handles(messages: &[Value]) -> Vec<Value> {
    messages.iter().map(|message| message["ReceiptHandle"].clone()).collect()
}

#[tokio::test]
async fn one_group_comes_in_its_order_as_much_as_fits_and_then_the_next() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        for (group, body) in [("one", "1a"), ("two", "2a"), ("one", "1b"), ("one", "1c"), ("two", "2b")] {
            lab.send_to(&url, group, body).await;
        }
        assert_eq!(bodies(&lab.receive(&url, 2).await), ["1a", "1b"]);
        assert_eq!(bodies(&lab.receive(&url, 10).await), ["2a", "2b"], "group one is blocked");
        lab.send_to(&url, "three", "3a").await;
        assert_eq!(bodies(&lab.receive(&url, 10).await), ["3a"]);
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessages").await, "1");
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessagesNotVisible").await, "5");
    }
}

#[tokio::test]
async fn a_blocked_group_goes_on_after_a_deletion_and_begins_again_after_visibility_0_and_a_timeout() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        for body in ["1", "2", "3"] {
            lab.send_to(&url, "g", body).await;
        }
        let first = lab.receive(&url, 2).await;
        let handle = &handles(&first);
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle[0]})).await;
        assert_eq!(bodies(&lab.receive(&url, 10).await), [""; 0], "2 is in flight still");
        let change = |handle: &Value, seconds: u32| json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
        lab.done("ChangeMessageVisibility", change(&handle[1], 0)).await;
        let again = lab.receive(&url, 10).await;
        assert_eq!(bodies(&again), ["2", "3"]);
        assert_eq!(again[0]["Attributes"]["ApproximateReceiveCount"], "2");
        for handle in handles(&again) {
            lab.done("ChangeMessageVisibility", change(&handle, 1)).await;
        }
        let wait = json!({"QueueUrl": url, "WaitTimeSeconds": 20, "MaxNumberOfMessages": 10});
        let told = lab.done("ReceiveMessage", wait).await;
        let after = told["Messages"].as_array().unwrap();
        assert_eq!(bodies(after)[0], "2", "the group begins again where it was");
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handles(after)[0]})).await;
    }
}

#[tokio::test]
async fn messages_have_a_group_a_deduplication_id_and_an_ascending_number() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        let request = json!({
            "QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g!~", "MessageDeduplicationId": "id-1",
            "DelaySeconds": 0,
        });
        let sent = [lab.done("SendMessage", request).await, lab.send_to(&url, "g!~", "hello").await];
        let messages = lab.receive(&url, 10).await;
        for (sent, message) in sent.iter().zip(&messages) {
            let attributes = &message["Attributes"];
            assert_eq!(message["MessageId"], sent["MessageId"]);
            assert_eq!(attributes["SequenceNumber"], sent["SequenceNumber"]);
            assert_eq!(text(&sent["SequenceNumber"]).len(), 20);
            assert_eq!(attributes["MessageGroupId"], "g!~");
        }
        assert!(text(&sent[0]["SequenceNumber"]) < text(&sent[1]["SequenceNumber"]));
        assert_eq!(messages[0]["Attributes"]["MessageDeduplicationId"], "id-1");
        // SHA-256 of the body.
        let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(messages[1]["Attributes"]["MessageDeduplicationId"], digest);
        let standard = lab.make("standard", json!({})).await;
        lab.send(&standard, "x").await;
        let message = lab.receive(&standard, 1).await.remove(0);
        for name in ["SequenceNumber", "MessageDeduplicationId", "MessageGroupId"] {
            assert!(message["Attributes"][name].is_null(), "{name}");
        }
    }
}

#[tokio::test]
async fn what_was_sent_before_is_answered_as_the_first_time_even_after_it_was_deleted() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("a.fifo", json!({"FifoQueue": "true"})).await;
        let send = |group: &str, body: &str| json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": "same"});
        let first = lab.done("SendMessage", send("g", "one")).await;
        let second = lab.done("SendMessage", send("other", "two")).await;
        assert_eq!(second["MessageId"], first["MessageId"]);
        assert_eq!(second["SequenceNumber"], first["SequenceNumber"]);
        assert_ne!(second["MD5OfMessageBody"], first["MD5OfMessageBody"], "of what was sent now");
        let received = lab.receive(&url, 10).await;
        assert_eq!(bodies(&received), ["one"]);
        assert_eq!(received[0]["MessageId"], first["MessageId"]);
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handles(&received)[0]})).await;
        let third = lab.done("SendMessage", send("g", "three")).await;
        assert_eq!(third["MessageId"], first["MessageId"]);
        assert_eq!(lab.receive(&url, 10).await.len(), 0);
    }
}

#[tokio::test]
async fn content_counts_without_attributes_and_only_where_it_is_asked_for() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        let first = lab.send_to(&url, "g", "same").await;
        let attribute = json!({"a": {"DataType": "String", "StringValue": "1"}});
        let request = json!({"QueueUrl": url, "MessageBody": "same", "MessageGroupId": "g", "MessageAttributes": attribute});
        assert_eq!(lab.done("SendMessage", request).await["MessageId"], first["MessageId"]);
        let named = json!({"QueueUrl": url, "MessageBody": "same", "MessageGroupId": "g", "MessageDeduplicationId": "another"});
        assert_ne!(lab.done("SendMessage", named).await["MessageId"], first["MessageId"]);
        let set = |value: &str| json!({"QueueUrl": url, "Attributes": {"ContentBasedDeduplication": value}});
        lab.done("SetQueueAttributes", set("false")).await;
        let without = json!({"QueueUrl": url, "MessageBody": "same", "MessageGroupId": "g"});
        let (code, message) = lab.refused("SendMessage", without).await;
        assert_eq!(code, "InvalidParameterValue");
        assert_eq!(
            message,
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
             explicitly"
        );
    }
}

#[tokio::test]
async fn ids_count_in_the_whole_queue_or_in_their_group() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        lab.send_to(&url, "one", "same").await;
        lab.send_to(&url, "two", "same").await;
        let scope = json!({"QueueUrl": url, "Attributes": {"DeduplicationScope": "messageGroup"}});
        lab.done("SetQueueAttributes", scope).await;
        for _ in 0..2 {
            lab.send_to(&url, "three", "again").await;
            lab.send_to(&url, "four", "again").await;
        }
        assert_eq!(bodies(&lab.receive(&url, 10).await), ["same", "again", "again"]);
    }
}

#[tokio::test]
async fn a_batch_keeps_its_order_and_knows_what_it_repeats_itself() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        let entry = |id: &str, body: &str| json!({"Id": id, "MessageBody": body, "MessageGroupId": "g"});
        let mut bad = entry("bad", "x");
        bad["DelaySeconds"] = json!(5);
        let entries = json!([entry("a", "1"), entry("b", "2"), bad, entry("c", "1"), entry("d", "3")]);
        let told = lab.done("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries})).await;
        let sent = told["Successful"].as_array().unwrap();
        let of = |name: &str| sent.iter().map(|entry| text(&entry[name])).collect::<Vec<_>>();
        assert_eq!(of("Id"), ["a", "b", "c", "d"]);
        let (ids, numbers) = (of("MessageId"), of("SequenceNumber"));
        assert_eq!((&ids[2], &numbers[2]), (&ids[0], &numbers[0]), "c is what a was");
        assert!(numbers[0] < numbers[1] && numbers[1] < numbers[3]);
        let failed = &told["Failed"][0];
        assert_eq!((&failed["Id"], &failed["Code"]), (&json!("bad"), &json!("InvalidParameterValue")));
        let received = lab.receive(&url, 10).await;
        assert_eq!(bodies(&received), ["1", "2", "3"]);
        assert_eq!(received[2]["MessageId"], ids[3].as_str());
    }
}

#[tokio::test]
async fn a_receive_asked_again_gives_the_same_messages_with_the_same_handles_good_for_both() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        for body in ["1", "2", "3"] {
            lab.send_to(&url, "g", body).await;
        }
        let attempt = json!({"QueueUrl": url, "MaxNumberOfMessages": 2, "ReceiveRequestAttemptId": "try-1"});
        let told = lab.done("ReceiveMessage", attempt.clone()).await;
        let first = told["Messages"].as_array().unwrap();
        let told = lab.done("ReceiveMessage", attempt.clone()).await;
        let again = told["Messages"].as_array().unwrap();
        assert_eq!(
            (bodies(first), bodies(again)),
            (vec!["1".into(), "2".into()], vec!["1".into(), "2".into()])
        );
        let other = json!({"QueueUrl": url, "ReceiveRequestAttemptId": "try-2"});
        assert_eq!(lab.done("ReceiveMessage", other).await, json!({}), "the group is in flight");
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handles(first)[0]})).await;
        lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handles(again)[1]})).await;
        let told = lab.done("ReceiveMessage", attempt).await;
        assert_eq!(
            bodies(told["Messages"].as_array().unwrap()),
            ["3"],
            "what was deleted is not given again"
        );
    }
}

#[tokio::test]
async fn an_expired_handle_deletes_nothing_on_a_fifo_queue_and_does_on_a_standard_one() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        for (fifo, group) in [(true, json!("g")), (false, Value::Null)] {
            let (name, attributes) = match fifo {
                true => (
                    "a.fifo",
                    json!({"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "1"}),
                ),
                false => ("a", json!({"VisibilityTimeout": "1"})),
            };
            let url = lab.make(name, attributes).await;
            lab.done("SendMessage", json!({"QueueUrl": url, "MessageBody": "x", "MessageGroupId": group}))
                .await;
            let handle = text(&handles(&lab.receive(&url, 1).await)[0]);
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            let delete = json!({"QueueUrl": url, "ReceiptHandle": handle});
            if !fifo {
                lab.done("DeleteMessage", delete).await;
                continue;
            }
            let expired = format!(
                "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
            );
            let expired = ("InvalidParameterValue".to_owned(), expired);
            assert_eq!(lab.refused("DeleteMessage", delete.clone()).await, expired);
            let change = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 5});
            let (code, message) = lab.refused("ChangeMessageVisibility", change).await;
            assert_eq!(code, "InvalidParameterValue");
            assert!(
                message
                    .ends_with("Message does not exist or is not available for visibility timeout change.")
            );
            let new = handles(&lab.receive(&url, 1).await)[0].clone();
            assert_eq!(lab.refused("DeleteMessage", delete.clone()).await, expired, "another holds it");
            let entries =
                json!([{"Id": "old", "ReceiptHandle": handle}, {"Id": "new", "ReceiptHandle": new}]);
            let told = lab.done("DeleteMessageBatch", json!({"QueueUrl": url, "Entries": entries})).await;
            assert_eq!(told["Successful"], json!([{"Id": "new"}]));
            assert_eq!(told["Failed"][0]["Code"], "InvalidParameterValue");
            lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": new})).await;
        }
    }
}

#[tokio::test]
async fn a_delay_of_the_queue_holds_all_messages_back_those_already_sent_too() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make_fifo("a.fifo", "600").await;
        lab.send_to(&url, "g", "1").await;
        let set = |seconds: &str| json!({"QueueUrl": url, "Attributes": {"DelaySeconds": seconds}});
        lab.done("SetQueueAttributes", set("900")).await;
        lab.send_to(&url, "g", "2").await;
        assert_eq!(lab.receive(&url, 10).await.len(), 0);
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessagesDelayed").await, "2");
        lab.done("SetQueueAttributes", set("0")).await;
        assert_eq!(bodies(&lab.receive(&url, 10).await), ["1", "2"]);
    }
}

#[tokio::test]
async fn dead_letters_keep_their_id_their_group_and_their_order() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let dead = lab.make("dead.fifo", json!({"FifoQueue": "true"})).await;
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":1}"#;
        let url = lab.make_fifo("a.fifo", "0").await;
        lab.done("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": policy}}))
            .await;
        for body in ["1", "2"] {
            lab.send_to(&url, "g", body).await;
        }
        let received = lab.receive(&url, 10).await;
        assert_eq!(bodies(&received), ["1", "2"]);
        let mut moved = Vec::new();
        while moved.len() < 2 {
            let wait = json!({
                "QueueUrl": dead, "WaitTimeSeconds": 20, "MaxNumberOfMessages": 1, "AttributeNames": ["All"],
            });
            let told = lab.done("ReceiveMessage", wait).await;
            let message = told["Messages"][0].clone();
            lab.done("DeleteMessage", json!({"QueueUrl": dead, "ReceiptHandle": message["ReceiptHandle"]}))
                .await;
            moved.push(message);
        }
        assert_eq!(bodies(&moved), ["1", "2"]);
        for (before, after) in received.iter().zip(&moved) {
            assert_eq!(before["MessageId"], after["MessageId"]);
            assert_eq!(
                after["Attributes"]["MessageDeduplicationId"], after["MessageId"],
                "it takes its place"
            );
            let (before, after) = (&before["Attributes"], &after["Attributes"]);
            assert_eq!(before["MessageGroupId"], after["MessageGroupId"]);
            assert!(
                text(&before["SentTimestamp"]) < text(&after["SentTimestamp"]),
                "its retention begins anew"
            );
            assert_eq!(after["DeadLetterQueueSourceArn"], "arn:aws:sqs:us-east-1:000000000000:a.fifo");
        }
    }
}

#[tokio::test]
async fn a_restart_keeps_order_numbers_attributes_and_what_was_sent_before() {
    let folder = tempfile::tempdir().unwrap();
    let url = "http://localhost:4566/000000000000/a.fifo";
    let (first, held) = {
        let lab = Lab::at(folder.path(), Protocol::JsonOne).await;
        lab.make_fifo("a.fifo", "600").await;
        let scope = json!({"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"});
        lab.done("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": scope})).await;
        let first = lab.send_to(url, "g", "1").await;
        lab.send_to(url, "h", "held").await;
        lab.send_to(url, "g", "2").await;
        let mut held = lab.receive(url, 2).await;
        let back = json!({"QueueUrl": url, "ReceiptHandle": handles(&held)[0], "VisibilityTimeout": 0});
        lab.done("ChangeMessageVisibility", back).await;
        lab.sqs.directory.store().close().unwrap();
        (first, held.remove(1))
    };
    let lab = Lab::at(folder.path(), Protocol::JsonOne).await;
    for (name, value) in [
        ("FifoQueue", "true"),
        ("ContentBasedDeduplication", "true"),
        ("DeduplicationScope", "messageGroup"),
        ("FifoThroughputLimit", "perMessageGroupId"),
    ] {
        assert_eq!(lab.attribute(url, name).await, value, "{name}");
    }
    let again = lab.send_to(url, "g", "1").await;
    assert_eq!(
        (&again["MessageId"], &again["SequenceNumber"]),
        (&first["MessageId"], &first["SequenceNumber"])
    );
    assert_ne!(lab.send_to(url, "i", "1").await["MessageId"], first["MessageId"], "of another group");
    assert_eq!(bodies(&lab.receive(url, 10).await), ["held", "1"], "2 is in flight, and its group with it");
    lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": held["ReceiptHandle"]})).await;
    assert_eq!(bodies(&lab.receive(url, 10).await), ["1"]);
}

#[tokio::test]
async fn who_waits_is_woken_when_a_group_goes_on() {
    let lab = Arc::new(Lab::new(Protocol::JsonOne).await);
    let url = lab.make_fifo("a.fifo", "600").await;
    lab.send_to(&url, "g", "1").await;
    lab.send_to(&url, "g", "2").await;
    let handle = handles(&lab.receive(&url, 1).await)[0].clone();
    let (waiting, of) = (Arc::clone(&lab), url.clone());
    let wait = json!({"QueueUrl": of, "WaitTimeSeconds": 20});
    let waiting = tokio::spawn(async move { waiting.done("ReceiveMessage", wait).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    lab.done("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
    assert_eq!(waiting.await.unwrap()["Messages"][0]["Body"], "2");
}

#[tokio::test]
async fn a_noisy_tenant_of_a_standard_queue_does_not_starve_the_others() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("fair", json!({"VisibilityTimeout": "600"})).await;
        for at in 0..60 {
            lab.send_to(&url, "noisy", &format!("noisy {at}")).await;
        }
        lab.send_to(&url, "quiet", "quiet").await;
        lab.send(&url, "without").await;
        for _ in 0..3 {
            assert!(lab.receive(&url, 10).await.iter().all(|one| text(&one["Body"]).starts_with("noisy")));
        }
        let next = bodies(&lab.receive(&url, 3).await);
        assert_eq!(next[..2], ["quiet", "without"], "{next:?}");
        assert!(next[2].starts_with("noisy"), "{next:?}");
    }
}
