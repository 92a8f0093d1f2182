//! Messages that workers of a topology put aside, as clients of the API see them.

use super::*;
use crate::{
    pipeline::{
        now_ms,
        queue::{MovedMessage, PutAside, Queue, directory::QueueIdentity, envelope_of, origin_of},
    },
    storage::Batch,
};
use std::time::Duration;

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

impl Lab {
    fn queue(&self, name: &str) -> Arc<Queue> {
        let identity = QueueIdentity::of_arn(&arn(name)).unwrap();
        Arc::clone(&self.sqs.directory.get(&identity).unwrap().queue)
    }

    /// What the workers `review` do with a message that they give up; when it was sent.
    async fn put_aside(&self, from: &str, to: &str) -> i64 {
        let (from, to) = (self.queue(from), self.queue(to));
        let message = from.receive(1, Duration::ZERO).await.unwrap().remove(0);
        let why = PutAside {
            origin: origin_of(&message.record, from.name(), 0),
            reason: "no seat",
            node: "review",
            queue: Some(from.name()),
            receives: Some(1),
            rules: None,
            envelope: envelope_of(&message.record.attributes),
        };
        let mut batch = Batch::new();
        MovedMessage::new(&message, from.is_fifo(), &why).post(&mut batch, to.id(), now_ms());
        from.store().commit(batch).await.unwrap();
        message.record.arrived_at_ms
    }
}

#[tokio::test]
async fn what_workers_put_aside_stays_who_it_is_and_knows_the_way_back() {
    for (dead, jobs, fifo) in [("dead", "jobs", false), ("dead.fifo", "jobs.fifo", true)] {
        let lab = Lab::new(Protocol::JsonOne).await;
        let kind = if fifo { json!({"FifoQueue": "true"}) } else { json!({}) };
        let letters = lab.make(dead, kind.clone()).await;
        let url = lab.make(jobs, kind).await;
        let policy = json!({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 9}).to_string();
        let set = json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": policy}});
        lab.done("SetQueueAttributes", set).await;
        let mut send = json!({"QueueUrl": url, "MessageBody": "seat 12", "MessageGroupId": "g"});
        if fifo {
            send["MessageDeduplicationId"] = json!("own");
        }
        let sent = lab.done("SendMessage", send).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let sent_at_ms = lab.put_aside(jobs, dead).await;
        assert_eq!(lab.queue(dead).depth().active_groups, 1, "it is of a group there too");
        let letter = lab.receive(&letters, 1).await.remove(0);
        let system = &letter["Attributes"];
        assert_eq!((&letter["MessageId"], &system["MessageGroupId"]), (&sent["MessageId"], &json!("g")));
        assert_eq!(system["DeadLetterQueueSourceArn"], arn(jobs));
        let told: i64 = text(&system["SentTimestamp"]).parse().unwrap();
        assert_eq!(told == sent_at_ms, !fifo, "as young as its move on a FIFO queue only");
        let known_by = if fifo { sent["MessageId"].clone() } else { Value::Null };
        assert_eq!(system["MessageDeduplicationId"], known_by);
        let shown =
            json!({"QueueUrl": letters, "ReceiptHandle": letter["ReceiptHandle"], "VisibilityTimeout": 0});
        lab.done("ChangeMessageVisibility", shown).await;
        lab.done("StartMessageMoveTask", json!({"SourceArn": arn(dead)})).await;
        let wait = json!({"QueueUrl": url, "WaitTimeSeconds": 20});
        let back = lab.done("ReceiveMessage", wait).await;
        assert_eq!(bodies(back["Messages"].as_array().unwrap()), ["seat 12"]);
    }
}
