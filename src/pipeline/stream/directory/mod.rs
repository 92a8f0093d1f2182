//! All streams by account, region and name: those of the topology and those made at run time. What is
//! changed here is durable when a verb returns.

mod accounts;
mod attributes;
mod changing;
mod consumers;
mod creating;
mod deleting;
mod description;
mod error;
mod identity;
mod looking;
mod on_demand;
mod opening;
mod resource;
mod scaling;
mod settings;
mod upkeep;

pub use accounts::{AccountUsage, Commitment};
pub use attributes::{LIMITS_TAG, limits_by_tag};
pub use consumers::NewConsumer;
pub use creating::NewStream;
pub use description::{
    ConsumerDescription, Distribution, ShardDescription, StreamDescription, StreamMode, StreamStatus,
};
pub use error::{DirectoryError, RefusalKind};
pub use identity::{Home, StreamIdentity, partition};
pub use looking::Selector;
pub use resource::StreamResource;
pub use settings::KinesisSettings;

use crate::{
    storage::{CommitError, Store},
    telemetry::ShardMetrics,
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use tokio::sync::Mutex;

#[cfg(test)]
mod ageing_tests;
#[cfg(test)]
mod tests;

/// Longest period that records are kept, in hours (365 days), and the shortest that can be asked for.
pub const MOST_RETENTION_HOURS: u32 = 8_760;
pub const LEAST_RETENTION_HOURS: u32 = 24;
/// Most tags of a stream or a consumer.
pub const MOST_TAGS: usize = 50;
/// Open shards of an on-demand stream when it is made.
pub const ON_DEMAND_SHARDS: u32 = 4;

type Streams = BTreeMap<StreamIdentity, Arc<StreamResource>>;

/// All streams there are; share it by `Arc`.
#[derive(Debug)]
pub struct Directory {
    store: Store,
    settings: KinesisSettings,
    home: Home,
    /// Where shards of all run-time streams are counted together.
    shown: ShardMetrics,
    streams: RwLock<Streams>,
    /// Held while a stream is made or deleted, so that limits and names are seen by one at a time.
    numbering: Mutex<()>,
}

impl Directory {
    pub fn settings(&self) -> &KinesisSettings {
        &self.settings
    }

    /// Where streams of the topology live.
    pub fn home(&self) -> &Home {
        &self.home
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    fn reading(&self) -> RwLockReadGuard<'_, Streams> {
        self.streams.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Streams> {
        self.streams.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does the whole of it even when nobody waits for it any more, so that what is on disk and what is in
/// memory never part.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, DirectoryError>> + Send + 'static,
) -> Result<T, DirectoryError> {
    tokio::spawn(work).await.unwrap_or(Err(DirectoryError::Commit(CommitError::Closed)))
}
