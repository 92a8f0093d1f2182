//! Judged records on their way into the tables.

use super::{
    error::LoadError,
    fitting::{fitted, gathered, widened},
    judge::Part,
    quarantine::Reject,
    table::Covered,
};
use crate::pipeline::{Tally, rules::SEQUENCE_COLUMN};
use datafusion::arrow::{
    array::AsArray,
    datatypes::{Fields, Int64Type},
    record_batch::RecordBatch,
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// What is held between two commits.
#[derive(Debug, Default)]
pub struct Held {
    pub parts: Vec<Part>,
    /// For each shard the next sequence to read.
    pub next: BTreeMap<u32, u64>,
    /// Payload bytes read.
    pub bytes: usize,
    /// Records read.
    pub records: u64,
    since: Option<Instant>,
}

/// Rows for the table, rejects for its quarantine, and the counts of both.
#[derive(Debug)]
pub struct Sorted {
    pub rows: Vec<RecordBatch>,
    pub rejects: Vec<Reject>,
    pub counts: BTreeMap<u32, Tally>,
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.next.is_empty()
    }

    pub fn age(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub fn add(&mut self, part: Part, next: u64, records: u64, bytes: usize) {
        self.since.get_or_insert_with(Instant::now);
        self.next.insert(part.shard, next);
        self.records += records;
        self.bytes += bytes;
        self.parts.push(part);
    }

    /// The last sequence covered of each shard.
    pub fn covered(&self) -> Covered {
        self.next.iter().filter_map(|(shard, next)| Some((*shard, next.checked_sub(1)?))).collect()
    }

    /// Fits rows to the table's columns; those that do not fit become rejects.
    ///
    /// # Errors
    /// Only when arrow contradicts itself.
    pub fn sorted(&self, columns: &Fields, table: &str) -> Result<Sorted, LoadError> {
        let columns = widened(columns, &gathered(self.parts.iter().flat_map(|part| &part.rows)));
        let (mut rows, mut rejects, mut counts) = (Vec::new(), Vec::new(), BTreeMap::<u32, Tally>::new());
        for part in &self.parts {
            let tally = counts.entry(part.shard).or_default();
            let before = rejects.len();
            rejects.extend(part.rejects.iter().cloned());
            for batch in &part.rows {
                let fit = fitted(batch, &columns);
                let fit = fit.map_err(|source| LoadError::Arrow { table: table.to_owned(), source })?;
                rejects.extend(fit.misfits.into_iter().filter_map(|misfit| reject(part, batch, misfit)));
                tally.finished += count(fit.rows.num_rows());
                if fit.rows.num_rows() > 0 {
                    rows.push(fit.rows);
                }
            }
            tally.quarantined += count(rejects.len() - before);
            tally.filtered += part.filtered;
        }
        Ok(Sorted { rows, rejects, counts })
    }
}

/// The record of a row that does not fit the table.
fn reject(part: &Part, rows: &RecordBatch, (row, reason): (usize, String)) -> Option<Reject> {
    let sequences = rows.column_by_name(SEQUENCE_COLUMN)?.as_primitive_opt::<Int64Type>()?;
    let sequence = (row < sequences.len()).then(|| sequences.value(row))?;
    let record = part.record(u64::try_from(sequence).ok()?)?.clone();
    Some(Reject { record, reason })
}

pub fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
