//! Committing while the disk may be full.

use crate::storage::{Batch, CommitError, Committed, Store};
use std::time::Duration;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Commits what `build` makes. While the disk has no room it waits and tries again, as long as
/// `may_wait` says so.
///
/// # Errors
/// See [`CommitError`]; [`CommitError::DiskFull`] once it may not wait any more.
pub async fn commit_when_room(
    store: &Store,
    build: impl Fn() -> Batch,
    may_wait: impl Fn() -> bool,
) -> Result<Committed, CommitError> {
    let mut wait = FIRST_WAIT;
    loop {
        match store.commit(build()).await {
            Err(CommitError::DiskFull) if may_wait() => tokio::time::sleep(wait).await,
            answer => return answer,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
