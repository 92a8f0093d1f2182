//! Care for a table's files: small ones are joined, those no longer needed removed.

use super::{section::Compact, table::Table};
use datafusion::arrow::temporal_conversions::duration_us_to_duration;
use deltalake_core::{
    DeltaTable, DeltaTableError, checkpoints, delta_datafusion::create_session,
    kernel::transaction::CommitProperties,
};
use std::{collections::HashSet, num::NonZeroU64, sync::Arc};

/// What one round of care did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cared {
    pub joined: u64,
    pub removed: usize,
}

/// Joins small files, removes files that have not belonged to the table for `vacuum_after`, and
/// shortens the log. Every step is a commit of its own: an end in between loses nothing, and a commit
/// of another writer only means that the step is taken at the next round.
///
/// # Errors
/// The first step's that failed; the table is to be read again then.
pub async fn care(table: &mut Table, compact: &Compact) -> Result<Cared, DeltaTableError> {
    let mut cared = Cared::default();
    let Some(delta) = table.delta.clone() else { return Ok(cared) };
    let kept = CommitProperties::default().with_cleanup_expired_logs(Some(false));
    // An engine of its own would read local files past the checksums beside them.
    let (session, log) = (create_session().state(), delta.log_store());
    session.runtime_env().register_object_store(log.root_url(), log.root_object_store(None));
    let mut optimize = delta
        .optimize()
        .with_session_state(Arc::new(session))
        .with_max_concurrent_tasks(1)
        .with_writer_properties(table.writer_properties())
        .with_commit_properties(kept.clone());
    if let Some(target) = NonZeroU64::new(compact.target.0) {
        optimize = optimize.with_target_size(target);
    }
    let (delta, metrics) = optimize.await?;
    cared.joined = metrics.num_files_removed;
    table.delta = Some(delta.clone());
    let (delta, removed) = vacuum(delta, compact, kept, &mut table.vacuumed).await?;
    cared.removed = removed;
    table.delta = Some(delta.clone());
    checkpoints::create_checkpoint(&delta, None).await?;
    checkpoints::cleanup_metadata(&delta, None).await?;
    Ok(cared)
}

/// Only files that the log names as removed are looked at, so that one being written is never taken.
async fn vacuum(
    delta: DeltaTable,
    compact: &Compact,
    properties: CommitProperties,
    vacuumed: &mut HashSet<String>,
) -> Result<(DeltaTable, usize), DeltaTableError> {
    let age = i64::try_from(compact.vacuum_after.0.as_micros()).unwrap_or(i64::MAX);
    let age = duration_us_to_duration(age);
    let looked = delta.clone().vacuum().with_retention_period(age).with_enforce_retention_duration(false);
    let (_, found) = looked.with_dry_run(true).await?;
    // The log names removed files for a while after they have gone.
    let found: HashSet<String> = found.files_deleted.into_iter().collect();
    if found.is_subset(vacuumed) {
        return Ok((delta, 0));
    }
    let vacuum = delta.vacuum().with_retention_period(age).with_enforce_retention_duration(false);
    let (delta, _) = vacuum.with_commit_properties(properties).await?;
    let removed = found.difference(vacuumed).count();
    *vacuumed = found;
    Ok((delta, removed))
}
