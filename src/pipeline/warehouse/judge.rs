//! Filter and rules over the records of one shard.

use super::{error::LoadError, quarantine::Reject};
use crate::{
    pipeline::rules::{Filter, InputRecord, RejectRule, RuleError, Rulebook, Verdict},
    storage::StoredRecord,
};
use datafusion::arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

/// Rules as text, such as are recorded with what is being committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleText {
    pub sql: String,
    pub reject: Vec<RejectRule>,
    pub condition: Option<String>,
}

/// Compiled rules behind a compiled filter.
#[derive(Debug)]
pub struct Judge {
    pub text: RuleText,
    rules: Rulebook,
    filter: Option<Filter>,
}

/// Consecutive records of one shard, judged.
#[derive(Debug)]
pub struct Part {
    pub shard: u32,
    /// In ascending order of sequence, without those that were filtered.
    pub records: Vec<InputRecord>,
    pub rows: Vec<RecordBatch>,
    pub rejects: Vec<Reject>,
    pub filtered: u64,
}

impl Judge {
    /// # Errors
    /// [`RuleError`] when the rules cannot be used.
    pub fn new(sql: &str, reject: &[RejectRule], filter: Option<Filter>) -> Result<Self, RuleError> {
        let condition = filter.as_ref().map(|filter| filter.condition().to_owned());
        let text = RuleText { sql: sql.to_owned(), reject: reject.to_vec(), condition };
        Ok(Self { rules: Rulebook::compile(sql, reject)?, text, filter })
    }

    /// Compiles recorded rules.
    ///
    /// # Errors
    /// [`RuleError`] when this build cannot use them any more.
    pub fn recorded(text: RuleText) -> Result<Self, RuleError> {
        let filter = text.condition.as_deref().map(Filter::compile).transpose()?;
        Self::new(&text.sql, &text.reject, filter)
    }

    pub fn version(&self) -> &str {
        self.rules.version()
    }

    /// Judges consecutive records of one shard.
    ///
    /// # Errors
    /// When the engine fails at more than a record.
    pub async fn judge(&self, shard: u32, records: Vec<StoredRecord>) -> Result<Part, LoadError> {
        let records: Vec<InputRecord> = records.into_iter().map(|record| input(shard, record)).collect();
        let verdicts = match &self.filter {
            Some(filter) => filter.apply(&records).await?,
            None => vec![Verdict::Keep; records.len()],
        };
        let (mut kept, mut rejects, mut filtered) = (Vec::with_capacity(records.len()), Vec::new(), 0);
        for (record, verdict) in records.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Keep => kept.push(record),
                Verdict::Drop => filtered += 1,
                Verdict::Fault(reason) => rejects.push(Reject { record, reason }),
            }
        }
        let outcome = self.rules.apply_apart(&kept).await?;
        filtered += u64::try_from(outcome.filtered).unwrap_or(u64::MAX);
        rejects.extend(outcome.rejected.into_iter().filter_map(|rejected| {
            Some(Reject { record: kept.get(rejected.index)?.clone(), reason: rejected.reason })
        }));
        Ok(Part { shard, records: kept, rows: outcome.rows, rejects, filtered })
    }
}

impl Part {
    /// The record that a row came from.
    pub fn record(&self, sequence: u64) -> Option<&InputRecord> {
        let index = self.records.binary_search_by_key(&sequence, |record| record.sequence).ok()?;
        self.records.get(index)
    }
}

fn input(shard: u32, record: StoredRecord) -> InputRecord {
    InputRecord {
        shard,
        sequence: record.sequence,
        arrived_at_ms: record.arrived_at_ms,
        key: record.key,
        payload: record.payload,
    }
}
