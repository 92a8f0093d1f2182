//! Verbs that change how many shards a stream has.

use super::{
    Directory, DirectoryError, StreamMode, StreamResource,
    attributes::{Attributes, Phase, note_within_a_day, until},
    whole,
};
use crate::{
    pipeline::stream::{ReshapeError, ReshardError, Stream},
    storage::Batch,
};
use std::{future::Future, sync::Arc};

impl Directory {
    /// Splits an open shard in two, of which the second begins at hash `at`; gives their numbers.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn split(
        self: &Arc<Self>,
        resource: &Arc<StreamResource>,
        shard: u32,
        at: u128,
        now_ms: i64,
    ) -> Result<[u32; 2], DirectoryError> {
        self.require_provisioned(resource)?;
        self.allow_shards(&resource.identity, 1)?;
        let split =
            move |stream: Arc<Stream>, batch| async move { stream.split(shard, at, now_ms, batch).await };
        self.reshape(resource, now_ms, |_| Ok(()), split).await
    }

    /// Merges two open shards that lie side by side; gives the number of the new one.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn merge(
        self: &Arc<Self>,
        resource: &Arc<StreamResource>,
        one: u32,
        other: u32,
        now_ms: i64,
    ) -> Result<u32, DirectoryError> {
        self.require_provisioned(resource)?;
        let merge =
            move |stream: Arc<Stream>, batch| async move { stream.merge(one, other, now_ms, batch).await };
        self.reshape(resource, now_ms, |_| Ok(()), merge).await
    }

    /// Scales a provisioned stream to `target` shards of about equal size; gives how many it had. One call
    /// goes to between half and twice of that.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn update_shard_count(
        self: &Arc<Self>,
        resource: &Arc<StreamResource>,
        target: u32,
        now_ms: i64,
    ) -> Result<u32, DirectoryError> {
        self.require_provisioned(resource)?;
        resource.require_active(now_ms)?;
        let stream = resource.identity.clone();
        let current = u32::try_from(resource.stream.layout().open().len()).unwrap_or(u32::MAX);
        let (least, most) = (current.div_ceil(2).max(1), current.saturating_mul(2));
        if target < least || target > most {
            return Err(DirectoryError::ScalingOutOfBounds { stream, current, target, least, most });
        }
        if target == current {
            return Err(DirectoryError::NothingToScale { stream, current });
        }
        self.allow_shards(&stream, target.saturating_sub(current))?;
        let limit = self.settings.scalings_per_day;
        let note = move |attributes: &mut Attributes| match note_within_a_day(
            &mut attributes.scaled_at_ms,
            limit,
            now_ms,
        ) {
            true => Ok(()),
            false => Err(DirectoryError::ScaledTooOften { stream, limit }),
        };
        let scale =
            move |stream: Arc<Stream>, batch| async move { stream.scale_to(target, now_ms, batch).await };
        self.reshape(resource, now_ms, note, scale).await?;
        Ok(current)
    }

    fn require_provisioned(&self, resource: &StreamResource) -> Result<(), DirectoryError> {
        match resource.mode() {
            StreamMode::Provisioned => Ok(()),
            StreamMode::OnDemand => Err(DirectoryError::OnDemand(resource.identity.clone())),
        }
    }

    /// Reshapes an active stream, which is UPDATING from then on for as long as the settings say: shape
    /// and status change in one batch.
    pub(super) async fn reshape<T, F>(
        self: &Arc<Self>,
        resource: &Arc<StreamResource>,
        now_ms: i64,
        note: impl FnOnce(&mut Attributes) -> Result<(), DirectoryError> + Send + 'static,
        reshape: impl FnOnce(Arc<Stream>, Batch) -> F + Send + 'static,
    ) -> Result<T, DirectoryError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ReshapeError>> + Send + 'static,
    {
        let ends = until(now_ms, self.settings.update_delay);
        let resource = Arc::clone(resource);
        whole(async move {
            let _alone = resource.changing().lock().await;
            resource.require_active(now_ms)?;
            let ((), next, batch) = resource.draft(|attributes| {
                attributes.phase = Phase::Updating(ends);
                note(attributes)
            })?;
            let reshaped = reshape(Arc::clone(&resource.stream), batch).await;
            let made = reshaped.map_err(|error| refused(&resource, error))?;
            resource.settle(next);
            Ok(made)
        })
        .await
    }
}

fn refused(resource: &StreamResource, error: ReshapeError) -> DirectoryError {
    let stream = resource.identity.clone();
    match error {
        ReshapeError::Reshard(ReshardError::NotFound(shard)) => {
            DirectoryError::ShardNotFound { stream, shard }
        }
        ReshapeError::Reshard(ReshardError::Closed(shard)) => DirectoryError::ShardClosed { stream, shard },
        ReshapeError::Reshard(ReshardError::NotAdjacent(first, second)) => {
            DirectoryError::NotAdjacent { stream, first, second }
        }
        ReshapeError::Reshard(ReshardError::OutOfBounds { shard, hash, first, last }) => {
            DirectoryError::HashOutOfBounds { stream, shard, hash, first, last }
        }
        ReshapeError::Stream(error) => DirectoryError::Stream(error),
        ReshapeError::Commit(error) => DirectoryError::Commit(error),
    }
}
