//! FIFO queues.

use crate::{Outcome, equal, refused, standard::receive};
use aws_sdk_sqs::{
    Client,
    operation::send_message::SendMessageOutput,
    types::{MessageSystemAttributeName, QueueAttributeName},
};

pub async fn tour(sqs: &Client) -> Outcome {
    let queue =
        sqs.create_queue().queue_name("tickets.fifo").attributes(QueueAttributeName::FifoQueue, "true");
    let queue = queue.attributes(QueueAttributeName::ContentBasedDeduplication, "true");
    let url = queue.send().await?.queue_url.ok_or("no URL")?;
    let send = async |body: &str, group: &str| -> Outcome<SendMessageOutput> {
        Ok(sqs.send_message().queue_url(&url).message_body(body).message_group_id(group).send().await?)
    };
    let mut sent = Vec::new();
    for body in ["seat 1", "seat 2", "seat 2", "seat 3"] {
        sent.push(send(body, "concert").await?);
    }
    let [_, second, same, third] = &sent[..] else { return Err("four were sent".into()) };
    equal(same.message_id(), second.message_id(), "what was sent twice")?;
    equal(same.sequence_number(), second.sequence_number(), "its number")?;
    let number = |sent: &SendMessageOutput| sent.sequence_number().and_then(|text| text.parse::<u128>().ok());
    equal(number(second) < number(third), true, "numbers grow")?;
    send("other", "opera").await?;
    let asked =
        sqs.receive_message().queue_url(&url).max_number_of_messages(3).receive_request_attempt_id("one");
    let first = asked.clone().send().await?.messages.unwrap_or_default();
    let again = asked.send().await?.messages.unwrap_or_default();
    let bodies = |messages: &[aws_sdk_sqs::types::Message]| -> Vec<String> {
        messages.iter().filter_map(|message| message.body().map(str::to_owned)).collect()
    };
    equal(bodies(&first), ["seat 1", "seat 2", "seat 3"].map(str::to_owned).to_vec(), "the order")?;
    equal(bodies(&again), bodies(&first), "a receive that is asked for again")?;
    let other = receive(sqs, &url, 1).await?.remove(0);
    equal(other.body(), Some("other"), "another group does not wait")?;
    let group = other.attributes().and_then(|told| told.get(&MessageSystemAttributeName::MessageGroupId));
    equal(group.map(String::as_str), Some("opera"), "its group")?;
    for message in again.iter().chain([&other]) {
        let handle = message.receipt_handle().ok_or("no handle")?;
        sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await?;
    }
    refused(sqs.send_message().queue_url(&url).message_body("x").send().await, "MissingParameter")?;
    sqs.delete_queue().queue_url(&url).send().await?;
    Ok(())
}
