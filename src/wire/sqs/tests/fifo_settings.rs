//! How FIFO queues are made, described and refused, and those of topologies.

use super::*;
use crate::{
    pipeline::queue::{DeadLetter, QueueSection},
    storage::RecordBlock,
};

const NAME: &str = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must \
                    end with .fifo suffix and be 1 to 80 in length.";

fn all(url: &str) -> Value {
    json!({"QueueUrl": url, "AttributeNames": ["All"]})
}

#[tokio::test]
async fn a_name_ends_in_fifo_if_and_only_if_the_attribute_says_so() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let create = |name: &str, fifo: &str| json!({"QueueName": name, "Attributes": {"FifoQueue": fifo}});
        let long = format!("{}.fifo", "x".repeat(75));
        let too_long = format!("{}.fifo", "x".repeat(76));
        for name in ["a.fifo", &long] {
            let url = text(&lab.done("CreateQueue", create(name, "true")).await["QueueUrl"]);
            assert_eq!(url, format!("http://localhost:4566/000000000000/{name}"));
            assert_eq!(lab.done("GetQueueUrl", json!({"QueueName": name})).await["QueueUrl"], url.as_str());
        }
        for name in ["a", "a.fifo.fifo", ".fifo", "a b.fifo", "a.Fifo", &too_long] {
            let (code, message) = lab.refused("CreateQueue", create(name, "true")).await;
            assert_eq!((code.as_str(), message.as_str()), ("InvalidParameterValue", NAME), "{name}");
        }
        let (code, message) = lab.refused("CreateQueue", json!({"QueueName": "b.fifo"})).await;
        assert_eq!(code, "InvalidParameterValue");
        assert_eq!(
            message,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        );
        for (name, value) in [
            ("FifoQueue", "false"),
            ("FifoQueue", "nonsense"),
            ("ContentBasedDeduplication", "false"),
            ("DeduplicationScope", "queue"),
            ("FifoThroughputLimit", "perQueue"),
        ] {
            let create = json!({"QueueName": "b", "Attributes": {name: value}});
            let unknown = ("InvalidAttributeName".to_owned(), format!("Unknown Attribute {name}."));
            assert_eq!(lab.refused("CreateQueue", create).await, unknown);
        }
    }
}

#[tokio::test]
async fn a_fifo_queue_tells_its_own_attributes_beside_those_of_all_queues() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("a.fifo", json!({"FifoQueue": "true"})).await;
        let told = lab.done("GetQueueAttributes", all(&url)).await;
        let attributes = told["Attributes"].as_object().unwrap();
        assert_eq!(attributes.len(), 16, "{attributes:?}");
        for (name, value) in [
            ("FifoQueue", "true"),
            ("ContentBasedDeduplication", "false"),
            ("DeduplicationScope", "queue"),
            ("FifoThroughputLimit", "perQueue"),
            ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:a.fifo"),
        ] {
            assert_eq!(attributes[name], value, "{name}");
        }
    }
}

#[tokio::test]
async fn attributes_of_fifo_queues_are_set_compared_and_set_back() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("a.fifo", json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"})).await;
        assert_eq!(lab.make("a.fifo", json!({"FifoQueue": "true"})).await, url);
        let create = |name: &str, value: &str| json!({"QueueName": "a.fifo", "Attributes": {"FifoQueue": "true", name: value}});
        for (name, value) in [
            ("ContentBasedDeduplication", "false"),
            ("DeduplicationScope", "messageGroup"),
            ("FifoThroughputLimit", "perMessageGroupId"),
        ] {
            let (code, message) = lab.refused("CreateQueue", create(name, value)).await;
            assert_eq!(code, "QueueAlreadyExists");
            assert!(message.ends_with(&format!("different value for attribute {name}")), "{message}");
        }
        let set = |attributes: Value| json!({"QueueUrl": url, "Attributes": attributes});
        let high = json!({"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"});
        lab.done("SetQueueAttributes", set(high)).await;
        lab.done("SetQueueAttributes", set(json!({"ContentBasedDeduplication": "", "FifoQueue": "true"})))
            .await;
        assert_eq!(lab.attribute(&url, "ContentBasedDeduplication").await, "false");
        lab.done("CreateQueue", create("FifoThroughputLimit", "perMessageGroupId")).await;
        let modifying =
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.";
        let together = "Invalid value for the parameter FifoThroughputLimit. Reason: To set FifoThroughputLimit to \
                        perMessageGroupId, the DeduplicationScope must be messageGroup.";
        for (attributes, told) in [
            (json!({"FifoQueue": "false"}), modifying),
            (json!({"DeduplicationScope": "queue"}), together),
            (json!({"DeduplicationScope": "group"}), "Invalid value for the parameter DeduplicationScope."),
            (json!({"FifoThroughputLimit": "none"}), "Invalid value for the parameter FifoThroughputLimit."),
            (
                json!({"ContentBasedDeduplication": "1"}),
                "Invalid value for the parameter ContentBasedDeduplication.",
            ),
        ] {
            let refused = ("InvalidAttributeValue".to_owned(), told.to_owned());
            assert_eq!(lab.refused("SetQueueAttributes", set(attributes)).await, refused);
        }
        let both = json!({"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"});
        let (_, message) =
            lab.refused("CreateQueue", json!({"QueueName": "b.fifo", "Attributes": both})).await;
        assert_eq!(message, together);
        let standard = lab.make("a", json!({})).await;
        for name in ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"] {
            let set = json!({"QueueUrl": standard, "Attributes": {name: "true"}});
            let unknown = ("InvalidAttributeName".to_owned(), format!("Unknown Attribute {name}."));
            assert_eq!(lab.refused("SetQueueAttributes", set).await, unknown);
        }
    }
}

#[tokio::test]
async fn messages_that_nothing_can_place_are_refused_and_a_batch_with_one_whole() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("a.fifo", json!({"FifoQueue": "true"})).await;
        let missing = "The request must contain the parameter MessageGroupId.";
        let unknown = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId \
                       provided explicitly";
        let delayed = "Value 5 for parameter DelaySeconds is invalid. Reason: The request include parameter that is \
                       not valid for this queue type.";
        let invalid = |name: &str, value: &str| {
            format!(
                "Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and \
                 punctuation characters. 1 to 128 in length."
            )
        };
        let (group, id, long) = ("MessageGroupId", "MessageDeduplicationId", "x".repeat(129));
        for (members, code, told) in [
            (json!({id: "d"}), "MissingParameter", missing.to_owned()),
            (json!({group: "g"}), "InvalidParameterValue", unknown.to_owned()),
            (json!({group: "g", id: "d", "DelaySeconds": 5}), "InvalidParameterValue", delayed.to_owned()),
            (json!({group: "a b", id: "d"}), "InvalidParameterValue", invalid(group, "a b")),
            (json!({group: "", id: "d"}), "InvalidParameterValue", invalid(group, "")),
            (json!({group: "g", id: "\u{e9}"}), "InvalidParameterValue", invalid(id, "\u{e9}")),
            (json!({group: "g", id: long}), "InvalidParameterValue", invalid(id, &long)),
        ] {
            let mut request = members.clone();
            request["QueueUrl"] = json!(url);
            request["MessageBody"] = json!("x");
            assert_eq!(lab.refused("SendMessage", request).await, (code.to_owned(), told), "{members}");
        }
        let good = json!({"Id": "good", "MessageBody": "x", group: "g", id: "d"});
        for (lacking, told) in [(group, missing), (id, unknown)] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(lacking);
            bad["Id"] = json!("bad");
            let batch = json!({"QueueUrl": url, "Entries": [good, bad]});
            let refused = ("InvalidParameterValue".to_owned(), told.to_owned());
            assert_eq!(lab.refused("SendMessageBatch", batch).await, refused);
        }
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessages").await, "0");
        for attempt in ["a b", "", &long] {
            let request = json!({"QueueUrl": url, "ReceiveRequestAttemptId": attempt});
            let (code, message) = lab.refused("ReceiveMessage", request).await;
            assert_eq!(
                (code.as_str(), message),
                ("InvalidParameterValue", invalid("ReceiveRequestAttemptId", attempt))
            );
        }
    }
}

#[tokio::test]
async fn a_dead_letter_queue_is_of_the_kind_of_its_source() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("dead", json!({})).await;
        lab.make("dead.fifo", json!({"FifoQueue": "true"})).await;
        let policy = |name: &str| {
            format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{name}","maxReceiveCount":3}}"#
            )
        };
        for (name, attributes, dead) in
            [("a", json!({}), "dead.fifo"), ("a.fifo", json!({"FifoQueue": "true"}), "dead")]
        {
            let policy = policy(dead);
            let told = format!(
                "Value {policy} for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of \
                 queue as the source.."
            );
            let refused = ("InvalidParameterValue".to_owned(), told);
            let mut with = attributes.clone();
            with["RedrivePolicy"] = json!(policy);
            let create = json!({"QueueName": name, "Attributes": with});
            assert_eq!(lab.refused("CreateQueue", create).await, refused);
            let url = lab.make(name, attributes).await;
            let set = json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": policy}});
            assert_eq!(lab.refused("SetQueueAttributes", set).await, refused);
        }
        let with = json!({"FifoQueue": "true", "RedrivePolicy": policy("dead.fifo")});
        let url = lab.make("b.fifo", with).await;
        let dead = "http://localhost:4566/000000000000/dead.fifo";
        let sources = lab.done("ListDeadLetterSourceQueues", json!({"QueueUrl": dead})).await;
        assert_eq!(sources, json!({"queueUrls": [url]}));
    }
}

#[tokio::test]
async fn a_fifo_queue_of_a_topology_has_the_ending_and_its_messages_the_group_of_their_key() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let directory = &lab.sqs.directory;
        let letters = QueueSection { fifo: true, ..QueueSection::default() };
        directory.topology_queue("letters", &letters).await.unwrap();
        let dead_letter = Some(DeadLetter { queue: "letters".to_owned(), max_receives: 2 });
        let section = QueueSection { dead_letter, ..letters };
        let queue = directory.topology_queue("rides", &section).await.unwrap();
        let url = "http://localhost:4566/000000000000/rides.fifo";
        assert_eq!(
            lab.make("rides.fifo", json!({"FifoQueue": "true"})).await,
            url,
            "the same script finds it"
        );
        assert_eq!(
            lab.refused("GetQueueUrl", json!({"QueueName": "rides"})).await.0,
            "AWS.SimpleQueueService.NonExistentQueue"
        );
        let told = lab.done("GetQueueAttributes", all(url)).await;
        let attributes = &told["Attributes"];
        assert_eq!(
            (&attributes["FifoQueue"], &attributes["DeduplicationScope"]),
            (&json!("true"), &json!("queue"))
        );
        assert_eq!(attributes["QueueArn"], "arn:aws:sqs:us-east-1:000000000000:rides.fifo");
        let policy: Value = serde_json::from_str(attributes["RedrivePolicy"].as_str().unwrap()).unwrap();
        assert_eq!(policy["deadLetterTargetArn"], "arn:aws:sqs:us-east-1:000000000000:letters.fifo");
        let dead = "http://localhost:4566/000000000000/letters.fifo";
        let sources = lab.done("ListDeadLetterSourceQueues", json!({"QueueUrl": dead})).await;
        assert_eq!(sources, json!({"queueUrls": [url]}));
        let content = json!({"QueueUrl": url, "Attributes": {"ContentBasedDeduplication": "true"}});
        lab.done("SetQueueAttributes", content).await;
        let mut block = RecordBlock::new();
        block.push(1, b"cab-7", b"", b"from a stream");
        let mut batch = crate::storage::Batch::new();
        batch.send(queue.id(), block, 0);
        directory.store().commit(batch).await.unwrap();
        let sent = json!({"QueueUrl": url, "MessageBody": "from a client", "MessageGroupId": "cab-7"});
        lab.done("SendMessage", sent).await;
        let messages = lab.receive(url, 10).await;
        assert_eq!(bodies(&messages), ["from a stream", "from a client"]);
        for message in &messages {
            assert_eq!(message["Attributes"]["MessageGroupId"], "cab-7");
            assert!(message["Attributes"]["MessageDeduplicationId"].is_string());
            assert_eq!(text(&message["Attributes"]["SequenceNumber"]).len(), 20);
        }
    }
}

#[tokio::test]
async fn limits_hold_where_a_tag_or_the_topology_asks_for_them() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let url = lab.make("a.fifo", json!({"FifoQueue": "true"})).await;
        let limited = QueueSection { fifo: true, limits: Some(true), ..QueueSection::default() };
        lab.sqs.directory.topology_queue("rides", &limited).await.unwrap();
        let rides = "http://localhost:4566/000000000000/rides.fifo".to_owned();
        // A receive costs little, so that 300 a second are soon too many on any machine that is not dead slow.
        let receives = async |url: &str, most: usize| {
            for _ in 0..most {
                if let Err(error) = lab.ask("ReceiveMessage", json!({"QueueUrl": url})).await {
                    return Some((errors::told(error.code).code, error.message));
                }
            }
            None
        };
        let throttled = Some(("Throttling".to_owned(), "Rate exceeded".to_owned()));
        assert_eq!(receives(&url, 1_000).await, None, "off by default");
        let on = |url: &str, value: &str| json!({"QueueUrl": url, "Tags": {"caudal:limits": value}});
        lab.done("TagQueue", on(&url, "on")).await;
        assert_eq!(receives(&url, 100_000).await, throttled);
        assert_eq!(receives(&rides, 100_000).await, throttled);
        lab.done("TagQueue", on(&rides, "off")).await;
        assert_eq!(receives(&rides, 100_000).await, throttled, "the topology has the last word");
        lab.done("TagQueue", on(&url, "off")).await;
        assert_eq!(receives(&url, 1_000).await, None);
        let standard = lab.make("standard", json!({})).await;
        lab.done("TagQueue", on(&standard, "on")).await;
        assert_eq!(receives(&standard, 1_000).await, None);
    }
}
