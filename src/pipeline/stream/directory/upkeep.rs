//! What the directory does by itself: one task for all streams.

use super::{Directory, StreamResource};
use crate::pipeline::now_ms;
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

    /// Forgets closed shards whose time is over.
    pub(super) async fn look_after(self: &Arc<Self>, now_ms: i64) {
        let all: Vec<Arc<StreamResource>> = self.reading().values().cloned().collect();
        for resource in all {
            if let Err(error) = resource.stream.prune(now_ms).await {
                tracing::warn!(stream = %resource.identity, %error, "closed shards are forgotten later");
            }
        }
    }
}
