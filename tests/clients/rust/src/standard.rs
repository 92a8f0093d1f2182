//! Standard queues.

use crate::{Outcome, counts, equal, refused};
use aws_sdk_sqs::{
    Client,
    primitives::Blob,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
        MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
    },
};

pub async fn tour(sqs: &Client) -> Outcome {
    let url = queues(sqs).await?;
    lists(sqs).await?;
    messages(sqs, &url).await?;
    batches(sqs, &url).await?;
    dead_letters(sqs).await?;
    sqs.purge_queue().queue_url(&url).send().await?;
    let refusal = refused(
        sqs.purge_queue().queue_url(&url).send().await,
        "AWS.SimpleQueueService.PurgeQueueInProgress",
    )?;
    equal(refusal.is_purge_queue_in_progress(), true, "the type of a refused purge")?;
    sqs.delete_queue().queue_url(&url).send().await?;
    let gone = sqs.send_message().queue_url(&url).message_body("x").send().await;
    let gone = refused(gone, "AWS.SimpleQueueService.NonExistentQueue")?;
    equal(gone.is_queue_does_not_exist(), true, "the type of an error for a queue that is gone")
}

async fn queues(sqs: &Client) -> Outcome<String> {
    use QueueAttributeName::{QueueArn, ReceiveMessageWaitTimeSeconds, VisibilityTimeout};
    let make = |seconds: &str| {
        sqs.create_queue().queue_name("jobs").attributes(VisibilityTimeout, seconds).tags("team", "lab")
    };
    let url = make("30").send().await?.queue_url.ok_or("no URL")?;
    equal(make("30").send().await?.queue_url.as_ref(), Some(&url), "the same queue")?;
    let exists = refused(make("31").send().await, "QueueAlreadyExists")?;
    equal(exists.is_queue_name_exists(), true, "the type of a refused queue")?;
    equal(sqs.get_queue_url().queue_name("jobs").send().await?.queue_url.as_ref(), Some(&url), "its URL")?;
    sqs.set_queue_attributes().queue_url(&url).attributes(ReceiveMessageWaitTimeSeconds, "1").send().await?;
    let told =
        sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All).send().await?;
    let told = told.attributes.ok_or("no attributes")?;
    equal(told.get(&VisibilityTimeout).map(String::as_str), Some("30"), "an attribute")?;
    equal(
        told.get(&QueueArn).map(String::as_str),
        Some("arn:aws:sqs:us-east-1:000000000000:jobs"),
        "the ARN",
    )?;
    sqs.tag_queue().queue_url(&url).tags("tier", "one").send().await?;
    sqs.untag_queue().queue_url(&url).tag_keys("team").send().await?;
    let tags = sqs.list_queue_tags().queue_url(&url).send().await?.tags.unwrap_or_default();
    equal(tags.into_iter().collect(), vec![("tier".to_owned(), "one".to_owned())], "tags")?;
    let grant = sqs.add_permission().queue_url(&url).label("reader").aws_account_ids("123456789012");
    grant.actions("ReceiveMessage").send().await?;
    sqs.remove_permission().queue_url(&url).label("reader").send().await?;
    Ok(url)
}

async fn lists(sqs: &Client) -> Outcome {
    let mut made = Vec::new();
    for number in 0..5 {
        let queue = sqs.create_queue().queue_name(format!("page-{number}")).send().await?;
        made.push(queue.queue_url.ok_or("no URL")?);
    }
    let pages = sqs.list_queues().queue_name_prefix("page-").max_results(2).into_paginator();
    let mut found = Vec::new();
    let mut pages = pages.send();
    while let Some(page) = pages.next().await {
        found.extend(page?.queue_urls.unwrap_or_default());
    }
    equal(&found, &made, "queues in pages")?;
    for url in made {
        sqs.delete_queue().queue_url(url).send().await?;
    }
    Ok(())
}

/// Receives until so many messages are there.
pub async fn receive(sqs: &Client, url: &str, count: usize) -> Outcome<Vec<Message>> {
    let mut found = Vec::new();
    for _ in 0..20 {
        let most = i32::try_from((count - found.len()).min(10))?;
        let asked = sqs.receive_message().queue_url(url).max_number_of_messages(most).wait_time_seconds(2);
        let asked = asked.message_system_attribute_names(MessageSystemAttributeName::All);
        found.extend(asked.message_attribute_names("All").send().await?.messages.unwrap_or_default());
        if found.len() == count {
            return Ok(found);
        }
    }
    Err(format!("{} messages of {count} came", found.len()).into())
}

async fn messages(sqs: &Client, url: &str) -> Outcome {
    let text = MessageAttributeValue::builder().data_type("String").string_value("n\u{e9}w").build()?;
    let bytes =
        MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([0, 255])).build()?;
    let body = "a <b> & \"c\" \u{1f6b2}";
    let sent = sqs.send_message().queue_url(url).message_body(body).message_attributes("kind", text);
    let sent = sent.message_attributes("blob", bytes.clone()).send().await?;
    let found = receive(sqs, url, 1).await?.remove(0);
    equal(found.message_id(), sent.message_id(), "the message's id")?;
    equal(found.body(), Some(body), "the body")?;
    equal(found.md5_of_message_attributes(), sent.md5_of_message_attributes(), "the digest of attributes")?;
    let attributes = found.message_attributes().ok_or("no attributes")?;
    equal(attributes.get("blob"), Some(&bytes), "an attribute")?;
    let handle = found.receipt_handle().ok_or("no handle")?;
    sqs.change_message_visibility()
        .queue_url(url)
        .receipt_handle(handle)
        .visibility_timeout(0)
        .send()
        .await?;
    let again = receive(sqs, url, 1).await?.remove(0);
    let received =
        again.attributes().and_then(|told| told.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    equal(received.map(String::as_str), Some("2"), "receives")?;
    sqs.delete_message()
        .queue_url(url)
        .receipt_handle(again.receipt_handle().ok_or("no handle")?)
        .send()
        .await?;
    let nonsense = sqs.delete_message().queue_url(url).receipt_handle("nonsense").send().await;
    let refusal = refused(nonsense, "ReceiptHandleIsInvalid")?;
    equal(refusal.is_receipt_handle_is_invalid(), true, "the type of a refused handle")?;
    let bad = sqs.send_message().queue_url(url).message_body("a\u{1}").send().await;
    let refusal = refused(bad, "InvalidMessageContents")?;
    equal(refusal.is_invalid_message_contents(), true, "the type of a refused body")
}

async fn batches(sqs: &Client, url: &str) -> Outcome {
    let mut request = sqs.send_message_batch().queue_url(url);
    for number in 0..10 {
        let body = if number == 3 { "bad \u{1}".to_owned() } else { format!("batch {number}") };
        let entry = SendMessageBatchRequestEntry::builder().id(format!("e{number}")).message_body(body);
        request = request.entries(entry.delay_seconds(i32::from(number == 5)).build()?);
    }
    let sent = request.send().await?;
    equal(sent.successful().len(), 9, "what was sent")?;
    let failed: Vec<_> =
        sent.failed().iter().map(|entry| (entry.id(), entry.code(), entry.sender_fault())).collect();
    equal(failed, vec![("e3", "InvalidMessageContents", true)], "what was not")?;
    let found = receive(sqs, url, 9).await?;
    let (mut hide, mut delete) = (sqs.change_message_visibility_batch(), sqs.delete_message_batch());
    for (place, message) in found.iter().enumerate() {
        let handle = message.receipt_handle().ok_or("no handle")?;
        let hidden = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
        hide = hide.entries(hidden.receipt_handle(handle).visibility_timeout(60).build()?);
        let deleted = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
        delete = delete.entries(deleted.receipt_handle(handle).build()?);
    }
    equal(hide.queue_url(url).send().await?.successful().len(), 9, "a batch of timeouts")?;
    equal(counts(sqs, url).await?, ["0", "9", "0"].map(str::to_owned).to_vec(), "counts")?;
    equal(delete.queue_url(url).send().await?.successful().len(), 9, "a batch of deletions")?;
    equal(counts(sqs, url).await?, ["0", "0", "0"].map(str::to_owned).to_vec(), "counts")?;
    let empty = sqs.send_message_batch().queue_url(url).set_entries(Some(Vec::new())).send().await;
    let refusal = refused(empty, "AWS.SimpleQueueService.EmptyBatchRequest")?;
    equal(refusal.is_empty_batch_request(), true, "the type of a refused batch")
}

async fn dead_letters(sqs: &Client) -> Outcome {
    let dead = sqs.create_queue().queue_name("dead").send().await?.queue_url.ok_or("no URL")?;
    let policy =
        "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":\"1\"}";
    let source = sqs.create_queue().queue_name("poison");
    let source = source.attributes(QueueAttributeName::RedrivePolicy, policy);
    let source = source.attributes(QueueAttributeName::VisibilityTimeout, "0");
    let source = source.send().await?.queue_url.ok_or("no URL")?;
    let sources = sqs.list_dead_letter_source_queues().queue_url(&dead).send().await?;
    equal(sources.queue_urls().to_vec(), vec![source.clone()], "sources")?;
    let sent = sqs.send_message().queue_url(&source).message_body("poison").send().await?;
    receive(sqs, &source, 1).await?;
    let letter = receive(sqs, &dead, 1).await?.remove(0);
    equal(letter.message_id(), sent.message_id(), "the dead letter's id")?;
    moved(sqs, &dead).await?;
    for url in [source, dead] {
        sqs.delete_queue().queue_url(url).send().await?;
    }
    Ok(())
}

/// Dead letters on their way back, slowly, and a task that is ended.
async fn moved(sqs: &Client, dead: &str) -> Outcome {
    for number in 0..3 {
        sqs.send_message().queue_url(dead).message_body(format!("back {number}")).send().await?;
    }
    let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
    let start = sqs.start_message_move_task().source_arn(arn).max_number_of_messages_per_second(1);
    let start = start.destination_arn(arn.replace("dead", "poison"));
    let task = start.clone().send().await?.task_handle.ok_or("no handle")?;
    refused(start.send().await, "InvalidParameterValue")?;
    sqs.cancel_message_move_task().task_handle(&task).send().await?;
    let told = sqs.list_message_move_tasks().source_arn(arn).send().await?;
    let status = told.results().first().and_then(|task| task.status()).unwrap_or_default();
    equal(status.starts_with("CANCELL"), true, "the task's state")?;
    let none = sqs.list_message_move_tasks().source_arn(format!("{arn}-none")).send().await;
    let none = refused(none, "ResourceNotFoundException")?;
    equal(none.is_resource_not_found_exception(), true, "the type of an error for a queue that is not there")
}
