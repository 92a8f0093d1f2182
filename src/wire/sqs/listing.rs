//! Lists of queues, in pages when a page's size is given.

use super::{Sqs, address, errors};
use crate::{
    pipeline::queue::directory::QueueResource,
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use std::sync::Arc;

/// Most queues of one answer.
const MOST: usize = 1_000;
/// What tokens are sealed for.
const PURPOSE: &str = "sqs-list";

pub(super) fn list(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let prefix = input.text("QueueNamePrefix").unwrap_or_default();
    let mut queues = sqs.directory.all_of(&caller.account, &caller.region);
    queues.retain(|queue| queue.identity.name.starts_with(prefix));
    let (urls, next) = page(sqs, caller, input, queues)?;
    let output = Output::new();
    let output = if urls.is_empty() { output } else { output.with_list("QueueUrls", urls) };
    Ok(Reply::Whole(output.with_some("NextToken", next)))
}

pub(super) fn list_sources(sqs: &Sqs, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let letters = sqs.meant(caller, input)?;
    let (urls, next) = page(sqs, caller, input, sqs.directory.sources_of(&letters))?;
    Ok(Reply::Whole(Output::new().with_list("queueUrls", urls).with_some("NextToken", next)))
}

/// The URLs of a page, and the token of the next.
fn page(
    sqs: &Sqs,
    caller: &Caller,
    input: &Input,
    queues: Vec<Arc<QueueResource>>,
) -> Result<(Vec<String>, Option<String>), ServiceError> {
    let asked = input.integer("MaxResults");
    let most = match asked.map(usize::try_from) {
        None => MOST,
        Some(Ok(most)) if (1..=MOST).contains(&most) => most,
        Some(_) => {
            let value = asked.unwrap_or_default().to_string();
            let reason = "MaxResults must be an integer between 1 and 1000.";
            return Err(errors::invalid_value("MaxResults", &value, reason));
        }
    };
    let after = input.text("NextToken").map(|token| {
        let name = sqs.seal.open(PURPOSE, token).and_then(|name| String::from_utf8(name).ok());
        name.ok_or_else(|| errors::invalid_parameter("Invalid or expired next token."))
    });
    let after = after.transpose()?;
    let is_after =
        |queue: &Arc<QueueResource>| after.as_ref().is_none_or(|after| queue.identity.name > *after);
    let mut rest = queues.into_iter().filter(is_after);
    let page: Vec<Arc<QueueResource>> = rest.by_ref().take(most).collect();
    // Without a size there is one page only, as in AWS.
    let more = asked.is_some() && rest.next().is_some();
    let last = page.last().filter(|_| more);
    let next = last.map(|queue| sqs.seal.close(PURPOSE, queue.identity.name.as_bytes(), 0));
    Ok((page.iter().map(|queue| address::url_of(&queue.identity, caller)).collect(), next))
}
