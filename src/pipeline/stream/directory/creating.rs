//! Making a stream at run time.

use super::{
    Directory, DirectoryError, Distribution, ON_DEMAND_SHARDS, StreamIdentity, StreamMode, StreamResource,
    StreamStatus,
    attributes::{Attributes, Phase, until},
    opening::run_time_terms,
    resource, whole,
};
use crate::{
    pipeline::stream::{
        Stream,
        definition::{Definition, fresh_id, fresh_prefix},
    },
    storage::Batch,
};
use std::{collections::BTreeMap, sync::Arc};

/// A stream to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStream {
    pub identity: StreamIdentity,
    /// Open shards of a provisioned stream; an on-demand stream begins with four unless it is told more.
    pub shards: Option<u32>,
    pub mode: StreamMode,
    pub tags: BTreeMap<String, String>,
    pub max_record_kib: Option<u32>,
    pub warm_throughput_mibps: Option<u32>,
    pub distribution: Distribution,
}

impl NewStream {
    /// A provisioned stream, everything else by default.
    pub fn provisioned(identity: StreamIdentity, shards: u32) -> Self {
        Self {
            identity,
            shards: Some(shards),
            mode: StreamMode::Provisioned,
            tags: BTreeMap::new(),
            max_record_kib: None,
            warm_throughput_mibps: None,
            distribution: Distribution::default(),
        }
    }

    fn shards(&self) -> u32 {
        match self.mode {
            StreamMode::Provisioned => self.shards.unwrap_or(1).max(1),
            // A shard takes 1 MiB a second.
            StreamMode::OnDemand => self.warm_throughput_mibps.unwrap_or(0).max(ON_DEMAND_SHARDS),
        }
    }
}

impl Directory {
    /// Makes a stream. It is CREATING for as long as the settings say, and takes records all the same.
    ///
    /// # Errors
    /// [`DirectoryError::StreamExists`], a limit, or what hinders the store.
    pub async fn create(
        self: &Arc<Self>,
        new: NewStream,
        now_ms: i64,
    ) -> Result<Arc<StreamResource>, DirectoryError> {
        let directory = Arc::clone(self);
        whole(async move { directory.create_now(new, now_ms).await }).await
    }

    async fn create_now(&self, new: NewStream, now_ms: i64) -> Result<Arc<StreamResource>, DirectoryError> {
        let _alone = self.numbering.lock().await;
        // One that is to be gone by now has its name until it is.
        if self.reading().contains_key(&new.identity) {
            return Err(DirectoryError::StreamExists(new.identity));
        }
        self.allow(&new, now_ms)?;
        let (name, id) = (new.identity.key(&self.home), fresh_id());
        // Streams that had the name before lie under other prefixes.
        let definition = Definition::even(fresh_prefix(&name, &id), id, new.shards(), now_ms);
        let attributes = Attributes {
            phase: Phase::Creating(until(now_ms, self.settings.create_delay)),
            mode: new.mode,
            max_record_kib: new.max_record_kib,
            warm_throughput_mibps: new.warm_throughput_mibps,
            distribution: new.distribution,
            tags: new.tags,
            ..Attributes::default()
        };
        let mut batch = Batch::new();
        let key = resource::attributes_key(&name);
        batch.put(key.as_str(), attributes.encode(&key)?, None);
        let terms = run_time_terms(self.meters(), self.settings.limits);
        let stream = Stream::make(&name, definition, terms, self.store.clone(), batch).await?;
        let resource = StreamResource::new(new.identity, stream, attributes, false).await;
        self.insert(&resource);
        Ok(resource)
    }

    fn allow(&self, new: &NewStream, now_ms: i64) -> Result<(), DirectoryError> {
        let StreamIdentity { account, region, .. } = &new.identity;
        let all = self.all_of(account, region);
        let creating = all.iter().filter(|other| other.status(now_ms) == StreamStatus::Creating).count();
        let (account, region) = (account.clone(), region.clone());
        if creating >= usize::try_from(self.settings.creating_limit).unwrap_or(usize::MAX) {
            return Err(DirectoryError::CreatingLimit {
                account,
                region,
                limit: self.settings.creating_limit,
            });
        }
        match new.mode {
            StreamMode::Provisioned => self.allow_shards(&new.identity, new.shards()),
            StreamMode::OnDemand => {
                let limit = self.settings.on_demand_stream_limit;
                let on_demand = all.iter().filter(|other| other.mode() == StreamMode::OnDemand).count();
                match on_demand < usize::try_from(limit).unwrap_or(usize::MAX) {
                    true => Ok(()),
                    false => Err(DirectoryError::OnDemandLimit { account, region, limit }),
                }
            }
        }
    }

    /// Refuses `more` open shards for provisioned streams than the account may have.
    pub(super) fn allow_shards(&self, identity: &StreamIdentity, more: u32) -> Result<(), DirectoryError> {
        let StreamIdentity { account, region, .. } = identity;
        let open = self.open_shards(account, region);
        let (wanted, limit) = (u64::from(more), u64::from(self.settings.shard_limit));
        match open + wanted <= limit {
            true => Ok(()),
            false => Err(DirectoryError::ShardLimit {
                account: account.clone(),
                region: region.clone(),
                open,
                wanted,
                limit,
            }),
        }
    }

    /// Open shards of provisioned streams.
    pub(super) fn open_shards(&self, account: &str, region: &str) -> u64 {
        let all = self.all_of(account, region);
        let provisioned = all.iter().filter(|resource| resource.mode() == StreamMode::Provisioned);
        provisioned.map(|resource| resource.stream.layout().open().len() as u64).sum()
    }
}
