//! Committing while the disk may be full, and while shards may be split or merged.

use crate::{
    pipeline::stream::MOST_ROUTES,
    storage::{Batch, CommitError, Committed, Store},
};
use std::time::Duration;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Until the shape that closed a shard is the one that records are routed by.
const SHAPE_WAIT: Duration = Duration::from_millis(5);

/// Commits what `build` makes. While the disk has no room it waits and tries again, as long as
/// `may_wait` says so. When a shard has closed meanwhile, records are routed again.
///
/// # Errors
/// See [`CommitError`]; [`CommitError::DiskFull`] once it may not wait any more.
pub async fn commit_when_room(
    store: &Store,
    build: impl Fn() -> Batch,
    may_wait: impl Fn() -> bool,
) -> Result<Committed, CommitError> {
    let (mut wait, mut routes) = (FIRST_WAIT, 0);
    loop {
        match store.commit(build()).await {
            Err(CommitError::DiskFull) if may_wait() => tokio::time::sleep(wait).await,
            Err(CommitError::ShardClosed(_)) if routes < MOST_ROUTES => {
                routes += 1;
                tokio::time::sleep(SHAPE_WAIT).await;
                continue;
            }
            answer => return answer,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
