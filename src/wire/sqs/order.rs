//! What messages of FIFO queues have and others have not: a group, a deduplication id, a sequence number.

use super::{characters, errors};
use crate::{
    pipeline::queue::directory::QueueTerms,
    wire::{Input, ServiceError, signing::sha256_hex},
};

pub(super) const GROUP: &str = "MessageGroupId";
const DEDUPLICATION: &str = "MessageDeduplicationId";
const ATTEMPT: &str = "ReceiveRequestAttemptId";
/// Sequence numbers have twenty digits, as AWS's: the least of them.
const LEAST_SEQUENCE: u64 = 10_000_000_000_000_000_000;

/// The group of a message and what it is known by for five minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub group: Option<String>,
    pub deduplication: Option<String>,
}

impl Order {
    /// # Errors
    /// What the queue's kind does not allow, or wants and does not get.
    pub(super) fn read(terms: &QueueTerms, input: &Input, body: &str) -> Result<Self, ServiceError> {
        let group = input.text(GROUP).map(|group| id(GROUP, group)).transpose()?;
        if !terms.fifo {
            return match input.text(DEDUPLICATION) {
                Some(given) => Err(errors::of_the_other_kind(DEDUPLICATION, given)),
                None => Ok(Self { group, deduplication: None }),
            };
        }
        if let Some(delay) = input.integer("DelaySeconds").filter(|delay| *delay != 0) {
            return Err(errors::of_the_other_kind("DelaySeconds", &delay.to_string()));
        }
        if group.is_none() {
            return Err(errors::missing(GROUP));
        }
        let deduplication = match input.text(DEDUPLICATION) {
            Some(given) => id(DEDUPLICATION, given)?,
            None if terms.deduplicate_by_content => sha256_hex(body.as_bytes()),
            None => return Err(not_known()),
        };
        Ok(Self { group, deduplication: Some(deduplication) })
    }
}

/// A batch with a message that nothing can place is refused whole, unlike for any other fault of one.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn check_batch(terms: &QueueTerms, entries: &[(String, &Input)]) -> Result<(), ServiceError> {
    if !terms.fifo {
        return Ok(());
    }
    if entries.iter().any(|(_, entry)| !entry.has(GROUP)) {
        return Err(errors::invalid_parameter(errors::missing(GROUP).message));
    }
    match !terms.deduplicate_by_content && entries.iter().any(|(_, entry)| !entry.has(DEDUPLICATION)) {
        true => Err(not_known()),
        false => Ok(()),
    }
}

fn not_known() -> ServiceError {
    errors::invalid_parameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    )
}

fn id(parameter: &str, given: &str) -> Result<String, ServiceError> {
    match characters::are_of_an_id(given) {
        true => Ok(given.to_owned()),
        false => {
            let told = "can only include alphanumeric and punctuation characters. 1 to 128 in length.";
            Err(errors::invalid_value(parameter, given, &format!("{parameter} {told}")))
        }
    }
}

/// The id under which a receive may be asked again.
///
/// # Errors
/// `InvalidParameterValue` for one that cannot be, and for any on a standard queue.
pub(super) fn attempt(terms: &QueueTerms, input: &Input) -> Result<Option<String>, ServiceError> {
    match input.text(ATTEMPT) {
        None => Ok(None),
        Some(given) if terms.fifo => id(ATTEMPT, given).map(Some),
        Some(given) => Err(errors::of_the_other_kind(ATTEMPT, given)),
    }
}

/// A sequence as it is told.
pub(super) fn sequence_number(sequence: u64) -> String {
    LEAST_SEQUENCE.saturating_add(sequence).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_have_twenty_digits_and_ascend() {
        let numbers: Vec<String> = [0, 1, 9, 10, 1 << 40].into_iter().map(sequence_number).collect();
        assert!(numbers.iter().all(|number| number.len() == 20), "{numbers:?}");
        assert!(numbers.is_sorted());
    }
}
