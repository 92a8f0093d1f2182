//! Message-move tasks, long polls that a drain ends, and messages in flight.

use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::Duration;

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn dying(max_receives: u32) -> Value {
    let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": max_receives}).to_string();
    json!({"VisibilityTimeout": "0", "RedrivePolicy": policy})
}

impl Lab {
    /// A dead-letter queue `dead` and a queue `jobs` whose letters it takes: their URLs.
    async fn pair(&self) -> (String, String) {
        (self.make("dead", json!({})).await, self.make("jobs", dying(1)).await)
    }

    async fn start(&self, request: Value) -> String {
        text(&self.done("StartMessageMoveTask", request).await["TaskHandle"])
    }

    async fn tasks(&self, most: u32) -> Vec<Value> {
        let request = json!({"SourceArn": arn("dead"), "MaxResults": most});
        self.done("ListMessageMoveTasks", request).await["Results"].as_array().unwrap().clone()
    }

    /// The latest task once it is over.
    async fn ended(&self) -> Value {
        for _ in 0..600 {
            let task = self.tasks(1).await.remove(0);
            if task["Status"] != "RUNNING" && task["Status"] != "CANCELLING" {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the task does not end: {:?}", self.tasks(1).await)
    }

    async fn holds(&self, url: &str, count: u32) {
        let count = json!(count.to_string());
        for _ in 0..600 {
            if self.attribute(url, "ApproximateNumberOfMessages").await == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{url} does not come to hold {count}");
    }
}

#[tokio::test]
async fn dead_letters_go_back_to_where_each_came_from_as_new_messages() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let (dead, jobs) = lab.pair().await;
        let tasks = lab.make("tasks", dying(1)).await;
        let attribute = json!({"a": {"DataType": "String", "StringValue": "1"}});
        let trace = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5"}});
        let sent = json!({
            "QueueUrl": jobs, "MessageBody": "of jobs", "MessageAttributes": attribute,
            "MessageSystemAttributes": trace, "MessageGroupId": "g",
        });
        let sent = lab.done("SendMessage", sent).await;
        lab.send(&tasks, "of tasks").await;
        for url in [&jobs, &tasks] {
            lab.receive(url, 1).await;
        }
        lab.holds(&dead, 2).await;
        let letters = lab.receive(&dead, 10).await;
        let letter = letters.iter().find(|letter| letter["Body"] == "of jobs").unwrap();
        assert_eq!(letter["MessageId"], sent["MessageId"]);
        assert_eq!(letter["Attributes"]["DeadLetterQueueSourceArn"], arn("jobs"));
        assert_eq!(letter["Attributes"]["AWSTraceHeader"], "Root=1-5");
        for letter in &letters {
            let back =
                json!({"QueueUrl": dead, "ReceiptHandle": letter["ReceiptHandle"], "VisibilityTimeout": 0});
            lab.done("ChangeMessageVisibility", back).await;
        }
        lab.start(json!({"SourceArn": arn("dead")})).await;
        let task = lab.ended().await;
        let started = task["StartedTimestamp"].as_i64().unwrap();
        let told = json!({
            "Status": "COMPLETED", "SourceArn": arn("dead"), "ApproximateNumberOfMessagesMoved": 2,
            "ApproximateNumberOfMessagesToMove": 2, "StartedTimestamp": started,
        });
        assert_eq!(task, told);
        assert_eq!(bodies(&lab.receive(&tasks, 10).await), ["of tasks"]);
        let back = lab.receive(&jobs, 10).await.remove(0);
        assert_eq!((&back["Body"], &back["MessageAttributes"]), (&json!("of jobs"), &attribute));
        assert_ne!(back["MessageId"], sent["MessageId"]);
        let system = back["Attributes"].as_object().unwrap();
        assert_eq!(
            (&system["ApproximateReceiveCount"], &system["MessageGroupId"]),
            (&json!("1"), &json!("g"))
        );
        assert_eq!(system["AWSTraceHeader"], "Root=1-5");
        assert!(text(&system["SentTimestamp"]).parse::<i64>().unwrap() >= started);
        assert!(!system.contains_key("DeadLetterQueueSourceArn"));
        lab.holds(&dead, 2).await;
        lab.start(json!({"SourceArn": arn("dead")})).await;
        assert_eq!(lab.ended().await["ApproximateNumberOfMessagesMoved"], 2, "died again, moved again");
    }
}

#[tokio::test]
async fn a_task_keeps_its_rate_and_is_the_only_one_until_it_is_cancelled() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let (dead, _) = lab.pair().await;
        let other = lab.make("other", json!({})).await;
        for number in 0..5 {
            lab.send(&dead, &number.to_string()).await;
        }
        let begun = std::time::Instant::now();
        let order = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1});
        let handle = lab.start(order.clone()).await;
        let read: Value = serde_json::from_slice(&STANDARD.decode(&handle).unwrap()).unwrap();
        assert_eq!((&read["sourceArn"], read.as_object().unwrap().len()), (&json!(arn("dead")), 2));
        lab.holds(&other, 2).await;
        assert!(begun.elapsed() >= Duration::from_secs(1), "one a second");
        let task = lab.tasks(10).await.remove(0);
        assert_eq!((&task["Status"], &task["TaskHandle"]), (&json!("RUNNING"), &json!(handle)));
        assert_eq!(
            (&task["MaxNumberOfMessagesPerSecond"], &task["DestinationArn"]),
            (&json!(1), &json!(arn("other")))
        );
        let (code, message) = lab.refused("StartMessageMoveTask", order).await;
        let told = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
        assert_eq!((code.as_str(), message.as_str()), ("InvalidParameterValue", told));
        let moved = lab.done("CancelMessageMoveTask", json!({"TaskHandle": handle})).await;
        let moved = moved["ApproximateNumberOfMessagesMoved"].as_u64().unwrap();
        let task = lab.ended().await;
        assert_eq!((&task["Status"], &task["TaskHandle"]), (&json!("CANCELLED"), &Value::Null));
        assert_eq!(
            (&task["ApproximateNumberOfMessagesMoved"], &task["ApproximateNumberOfMessagesToMove"]),
            (&json!(moved), &json!(5))
        );
        let code = lab.refused("CancelMessageMoveTask", json!({"TaskHandle": handle})).await.0;
        assert_eq!(code, "InvalidParameterValue");
        lab.holds(&dead, 5 - u32::try_from(moved).unwrap()).await;
        lab.holds(&other, u32::try_from(moved).unwrap()).await;
    }
}

#[tokio::test]
async fn a_task_that_cannot_go_on_has_failed_and_what_it_did_not_move_stays() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let (dead, jobs) = lab.pair().await;
        lab.send(&jobs, "letter").await;
        lab.receive(&jobs, 1).await;
        lab.holds(&dead, 1).await;
        lab.send(&dead, "sent here").await;
        lab.start(json!({"SourceArn": arn("dead")})).await;
        let task = lab.ended().await;
        assert_eq!(
            (&task["Status"], &task["FailureReason"]),
            (&json!("FAILED"), &json!("CouldNotDetermineMessageSource"))
        );
        assert_eq!(
            (&task["ApproximateNumberOfMessagesMoved"], &task["ApproximateNumberOfMessagesToMove"]),
            (&json!(1), &json!(2))
        );
        lab.holds(&jobs, 1).await;
        let other = lab.make("other", json!({})).await;
        for _ in 0..4 {
            lab.send(&dead, "more").await;
        }
        let order = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 2});
        lab.start(order).await;
        lab.holds(&other, 1).await;
        lab.done("DeleteQueue", json!({"QueueUrl": other})).await;
        let task = lab.ended().await;
        let reason = "AWS.SimpleQueueService.NonExistentQueue";
        assert_eq!((&task["Status"], &task["FailureReason"]), (&json!("FAILED"), &json!(reason)));
        let moved = u32::try_from(task["ApproximateNumberOfMessagesMoved"].as_u64().unwrap()).unwrap();
        lab.holds(&dead, 5 - moved).await;
        assert_eq!(lab.tasks(10).await.len(), 2);
    }
}

/// What AWS says of an ARN that names no queue, and of what is no ARN.
fn missing(name: &str) -> String {
    format!("The resource that you specified for the {name} parameter doesn't exist.")
}

fn misshapen(name: &str) -> String {
    let form = "arn:<partition>:<service>:<region>:<account-id>:<resource-id>";
    format!("You must use this format to specify the {name}: {form}")
}

const WRONG: &str = "InvalidParameterValue";
const GONE: &str = "ResourceNotFoundException";

#[tokio::test]
async fn a_wrong_task_is_refused_in_the_words_of_aws() {
    let rate = "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500.";
    let letters = "Source queue must be configured as a Dead Letter Queue.";
    let same = "Source queue arn and destination queue arn cannot be the same.";
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.pair().await;
        let source = arn("dead");
        let elsewhere = "arn:aws:sqs:eu-west-1:000000000000:dead";
        for (request, code, message) in [
            (json!({"SourceArn": "dead"}), WRONG, misshapen("SourceArn")),
            (json!({"SourceArn": arn("none")}), GONE, missing("SourceArn")),
            (json!({"SourceArn": elsewhere}), GONE, missing("SourceArn")),
            (json!({"SourceArn": arn("jobs")}), WRONG, letters.to_owned()),
            (json!({"SourceArn": source, "DestinationArn": "x"}), WRONG, misshapen("DestinationArn")),
            (json!({"SourceArn": source, "DestinationArn": arn("none")}), GONE, missing("DestinationArn")),
            (json!({"SourceArn": source, "DestinationArn": source}), WRONG, same.to_owned()),
            (json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 0}), WRONG, rate.to_owned()),
            (json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 501}), WRONG, rate.to_owned()),
        ] {
            assert_eq!(lab.refused("StartMessageMoveTask", request).await, (code.to_owned(), message));
        }
    }
}

#[tokio::test]
async fn a_handle_of_no_task_and_a_list_of_no_queue_are_refused() {
    let invalid = "Value for parameter TaskHandle is invalid.";
    let handle =
        |task: &str, source: &str| STANDARD.encode(json!({"taskId": task, "sourceArn": source}).to_string());
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.pair().await;
        for (handle, code, message) in [
            ("foobared".to_owned(), WRONG, invalid.to_owned()),
            (STANDARD.encode("{}"), WRONG, invalid.to_owned()),
            (handle("x", &arn("none")), GONE, missing("SourceArn")),
            (handle("x", &arn("dead")), GONE, "Task does not exist.".to_owned()),
        ] {
            let refused = lab.refused("CancelMessageMoveTask", json!({"TaskHandle": handle})).await;
            assert_eq!(refused, (code.to_owned(), message));
        }
        for most in [0, 11] {
            let request = json!({"SourceArn": arn("dead"), "MaxResults": most});
            assert_eq!(lab.refused("ListMessageMoveTasks", request).await.0, WRONG);
        }
        let refused = lab.refused("ListMessageMoveTasks", json!({"SourceArn": arn("none")})).await;
        assert_eq!(refused, (GONE.to_owned(), missing("SourceArn")));
        let told = lab.done("ListMessageMoveTasks", json!({"SourceArn": arn("dead")})).await;
        assert_eq!(told, json!({"Results": []}));
    }
}

#[tokio::test]
async fn the_ten_latest_tasks_are_kept_and_go_with_their_queue() {
    let lab = Lab::new(Protocol::Query).await;
    let (dead, jobs) = lab.pair().await;
    let mut handles = Vec::new();
    for _ in 0..12 {
        lab.send(&dead, "x").await;
        handles.push(lab.start(json!({"SourceArn": arn("dead"), "DestinationArn": arn("jobs")})).await);
        lab.ended().await;
    }
    let tasks = lab.tasks(10).await;
    let started: Vec<i64> = tasks.iter().map(|task| task["StartedTimestamp"].as_i64().unwrap()).collect();
    assert_eq!(started.len(), 10);
    assert!(started.is_sorted_by(|left, right| left >= right), "{started:?}");
    assert_eq!(lab.tasks(3).await, tasks[..3]);
    let of_one = json!({"SourceArn": arn("dead")});
    assert_eq!(lab.done("ListMessageMoveTasks", of_one).await["Results"], json!([tasks[0]]));
    let code = lab.refused("CancelMessageMoveTask", json!({"TaskHandle": handles[1]})).await.0;
    assert_eq!(code, "ResourceNotFoundException", "the oldest are forgotten");
    lab.done("DeleteQueue", json!({"QueueUrl": dead})).await;
    lab.make("dead", json!({})).await;
    assert_eq!(lab.tasks(10).await, Vec::<Value>::new());
    assert!(lab.sqs.directory.store().list("sqs-move/").is_empty());
    lab.done("DeleteQueue", json!({"QueueUrl": jobs})).await;
}

#[tokio::test]
async fn a_task_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::at(folder.path(), Protocol::JsonOne).await;
    let (dead, _) = lab.pair().await;
    lab.make("other", json!({})).await;
    for number in 0..6 {
        lab.send(&dead, &number.to_string()).await;
    }
    let order =
        json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 2});
    let handle = lab.start(order).await;
    lab.drain.send(true).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    lab.sqs.directory.store().close().unwrap();
    drop(lab);
    let lab = Lab::at(folder.path(), Protocol::JsonOne).await;
    let task = lab.tasks(1).await.remove(0);
    assert_eq!((&task["Status"], &task["TaskHandle"]), (&json!("RUNNING"), &json!(handle)));
    let task = lab.ended().await;
    assert_eq!(
        (&task["Status"], &task["ApproximateNumberOfMessagesMoved"]),
        (&json!("COMPLETED"), &json!(6))
    );
    let other = lab.make("other", json!({})).await;
    let mut all = bodies(&lab.receive(&other, 10).await);
    all.sort_unstable();
    assert_eq!(all, ["0", "1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_receive_that_waits_ends_empty_with_a_drain_or_when_its_client_hangs_up() {
    for (protocol, by_drain) in BOTH.into_iter().flat_map(|protocol| [(protocol, true), (protocol, false)]) {
        let lab = Arc::new(Lab::new(protocol).await);
        let url = lab.make("jobs", json!({})).await;
        let begun = std::time::Instant::now();
        let (waiting, wait) = (Arc::clone(&lab), json!({"QueueUrl": url, "WaitTimeSeconds": 20}));
        let waiting = tokio::spawn(async move { waiting.done("ReceiveMessage", wait).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        if by_drain { &lab.drain } else { &lab.hang_up }.send_replace(true);
        assert_eq!(waiting.await.unwrap(), json!({}));
        assert!(begun.elapsed() < Duration::from_secs(15));
        lab.send(&url, "later").await;
        assert_eq!(lab.attribute(&url, "ApproximateNumberOfMessages").await, "1", "nobody has taken it");
    }
}

#[tokio::test]
async fn at_the_limit_of_messages_in_flight_only_a_short_poll_is_refused() {
    for protocol in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let settings = SqsSettings { in_flight_limit: 12, ..SqsSettings::default() };
        let lab = Lab::with(folder.path(), protocol, settings).await;
        let url = lab.make("jobs", json!({"VisibilityTimeout": "600"})).await;
        for number in 0..14 {
            lab.send(&url, &number.to_string()).await;
        }
        let held = lab.receive(&url, 10).await;
        assert_eq!((held.len(), lab.receive(&url, 10).await.len()), (10, 2), "no more than twelve");
        let code = lab.refused("ReceiveMessage", json!({"QueueUrl": url})).await.0;
        assert_eq!(code, "OverLimit");
        let long = json!({"QueueUrl": url, "WaitTimeSeconds": 1, "MaxNumberOfMessages": 10});
        assert_eq!(lab.done("ReceiveMessage", long.clone()).await, json!({}));
        let delete = json!({"QueueUrl": url, "ReceiptHandle": held[0]["ReceiptHandle"]});
        lab.done("DeleteMessage", delete).await;
        let told = lab.done("ReceiveMessage", long).await;
        assert_eq!(told["Messages"].as_array().unwrap().len(), 1);
    }
}
