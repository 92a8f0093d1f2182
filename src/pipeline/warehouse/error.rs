//! Why rows are not in the warehouse yet.

use crate::{
    pipeline::{object_stores::StoreError, rules::RuleError},
    storage::{CommitError, ReadError},
};
use deltalake_core::DeltaTableError;

/// Why a loader cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    #[error(transparent)]
    Rules(#[from] RuleError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("vacuum_after = \"{given}\" is below {least}: readers of the table may still need its files")]
    VacuumTooSoon { given: crate::units::Span, least: crate::units::Span },
    #[error("{what} {name:?} cannot name a table's folder; use letters, digits, `_` and `-`")]
    TableName { what: &'static str, name: String },
}

/// Why a batch could not be loaded. Nothing is lost: it is loaded again from the checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("table {table}: {source}")]
    Table { table: String, source: DeltaTableError },
    #[error("table {table}: {source}")]
    Arrow { table: String, source: datafusion::arrow::error::ArrowError },
    #[error(transparent)]
    Rules(#[from] RuleError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Checkpoint(#[from] CommitError),
    #[error("judging stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
    #[error("counts of {key} cannot be read: {source}")]
    Tally { key: String, source: serde_json::Error },
    #[error(
        "shard {shard} ends before sequence {sequence}, whose load was begun; run `caudal doctor` on the data folder"
    )]
    Missing { shard: u32, sequence: u64 },
    #[error("sequence {0} is beyond what a table's position can hold")]
    Position(u64),
}
