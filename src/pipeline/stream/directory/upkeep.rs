//! What the directory does by itself: one task for all streams.

use super::{
    Directory, DirectoryError, ON_DEMAND_SHARDS, StreamMode, StreamResource, StreamStatus,
    on_demand::{Step, Taken},
};
use crate::pipeline::{now_ms, stream::Shard};
use std::{sync::Arc, time::Duration};

/// How often it looks after its streams.
const EVERY: Duration = Duration::from_secs(10);

impl Directory {
    /// Looks after all streams until the directory is let go.
    pub(super) fn watch(self: &Arc<Self>) {
        let directory = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(directory) = directory.upgrade() else { return };
                directory.look_after(now_ms()).await;
            }
        });
    }

    /// Forgets closed shards whose time is over, and scales on-demand streams by their load.
    pub(super) async fn look_after(self: &Arc<Self>, now_ms: i64) {
        let all: Vec<Arc<StreamResource>> = self.reading().values().cloned().collect();
        for resource in all {
            if let Err(error) = resource.stream.prune(now_ms).await {
                tracing::warn!(stream = %resource.identity, %error, "closed shards are forgotten later");
            }
            if resource.mode() == StreamMode::OnDemand
                && let Err(error) = self.scale_by_load(&resource, now_ms).await
            {
                tracing::warn!(stream = %resource.identity, %error, "an on-demand stream is scaled later");
            }
        }
    }

    async fn scale_by_load(
        self: &Arc<Self>,
        resource: &Arc<StreamResource>,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let warm = resource.attributes().warm_throughput_mibps.unwrap_or(0);
        let least = usize::try_from(warm.max(ON_DEMAND_SHARDS)).unwrap_or(usize::MAX);
        let open: Vec<Taken> =
            resource.stream.layout().open().iter().map(|shard| self.taken(shard)).collect();
        let steps = resource.load().decide(&open, least, now_ms);
        for step in steps {
            if resource.status(now_ms) != StreamStatus::Active {
                break;
            }
            let scale = move |stream: Arc<crate::pipeline::stream::Stream>, batch| async move {
                match step {
                    Step::Split { shard, at } => stream.split(shard, at, now_ms, batch).await.map(drop),
                    Step::Merge { one, other } => stream.merge(one, other, now_ms, batch).await.map(drop),
                }
            };
            self.reshape(resource, now_ms, |_| Ok(()), scale).await?;
            tracing::info!(stream = %resource.identity, ?step, "an on-demand stream was scaled by its load");
        }
        Ok(())
    }

    fn taken(&self, shard: &Shard) -> Taken {
        let range = self.store.range(shard.id);
        Taken {
            shard: shard.index,
            first_hash: shard.first_hash,
            last_hash: shard.last_hash,
            bytes: range.map_or(0, |range| range.appended_bytes),
            records: range.map_or(0, |range| range.next),
        }
    }
}
