//! Durable counts of what a node did, one for each shard it reads or worker it runs.

use crate::{
    pipeline::{Tally, TaskError},
    storage::{Batch, Store},
};
use std::fmt::Display;

/// Where the count of one part of a node lies in the registry.
pub fn tally_key(node: &str, part: impl Display) -> String {
    format!("tally/{node}/{part}")
}

/// The count so far; zero when there is none.
///
/// # Errors
/// When the stored count cannot be read: counting on from zero would hide a loss.
pub fn read_tally(store: &Store, key: &str) -> Result<Tally, TaskError> {
    let Some(bytes) = store.get(key) else { return Ok(Tally::default()) };
    serde_json::from_slice(&bytes).map_err(|error| TaskError::new("reading the tally", error))
}

/// Adds the new count to the batch that stores what is counted.
pub fn put_tally(batch: &mut Batch, key: &str, tally: &Tally) {
    batch.put(key, serde_json::to_vec(tally).unwrap_or_default(), None);
}

pub fn add_tally(left: Tally, right: Tally) -> Tally {
    Tally {
        finished: left.finished.saturating_add(right.finished),
        quarantined: left.quarantined.saturating_add(right.quarantined),
        filtered: left.filtered.saturating_add(right.filtered),
    }
}

/// The counts of all parts of a node together.
pub fn sum_tallies(store: &Store, node: &str) -> Tally {
    let parts = store.list(&tally_key(node, ""));
    let read = parts.iter().filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok());
    read.fold(Tally::default(), add_tally)
}
