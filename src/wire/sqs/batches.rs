//! What holds for the entries of every batch, and how each is answered.

use super::{characters, errors};
use crate::wire::{Content, Input, Output, Reply, ServiceError};
use std::collections::HashSet;

const MOST: usize = 10;

/// The entries of a batch, each with an id of its own.
///
/// # Errors
/// `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`, `BatchEntryIdsNotDistinct`.
pub(super) fn entries<'i>(input: &'i Input, entry: &str) -> Result<Vec<(String, &'i Input)>, ServiceError> {
    let entries: Vec<&Input> = input.structures("Entries").collect();
    if entries.is_empty() {
        return Err(ServiceError::bad_request(
            "EmptyBatchRequest",
            format!("There should be at least one {entry} in the request."),
        ));
    }
    if entries.len() > MOST {
        return Err(ServiceError::bad_request(
            "TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are {MOST}. You have sent {}.", entries.len()),
        ));
    }
    let mut seen = HashSet::new();
    for entry in &entries {
        let id = entry.text("Id").unwrap_or_default();
        if !characters::are_of_a_name(id) {
            return Err(ServiceError::bad_request(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                 most 80 letters long.",
            ));
        }
        if !seen.insert(id) {
            return Err(ServiceError::bad_request("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")));
        }
    }
    Ok(entries.into_iter().map(|entry| (entry.text("Id").unwrap_or_default().to_owned(), entry)).collect())
}

/// The answer to a batch, in the order of its entries.
pub(super) fn answer(results: Vec<(String, Result<Output, ServiceError>)>) -> Reply {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, result) in results {
        match result {
            Ok(output) => successful.push(Content::Structure(output)),
            Err(error) => {
                let told = Output::new()
                    .with("Id", id)
                    .with("SenderFault", error.status < 500)
                    .with("Code", errors::told(error.code).code)
                    .with("Message", error.message);
                failed.push(Content::Structure(told));
            }
        }
    }
    let output = Output::new().with("Successful", Content::List(successful));
    Reply::Whole(if failed.is_empty() { output } else { output.with("Failed", Content::List(failed)) })
}
