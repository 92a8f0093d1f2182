//! What is set for, and used by, an account in a region.

use super::{Directory, DirectoryError, StreamMode, StreamResource, attributes::Attributes};
use crate::{pipeline::stream::StreamError, storage::Batch};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Begins the registry's keys of account settings.
const ACCOUNT: &str = "kinesis-account/";

/// Limits of an account and what it uses of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountUsage {
    pub shard_limit: u64,
    /// Open shards of provisioned streams.
    pub open_shards: u64,
    pub on_demand_limit: u64,
    pub on_demand_streams: u64,
}

/// Whether an account has committed to a minimum throughput, and when. AWS holds one to it for 24 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    pub enabled: bool,
    pub started_at_ms: Option<i64>,
    pub ended_at_ms: Option<i64>,
}

impl Directory {
    pub fn usage(&self, account: &str, region: &str) -> AccountUsage {
        let all = self.all_of(account, region);
        let on_demand = all.iter().filter(|resource| resource.mode() == StreamMode::OnDemand).count();
        AccountUsage {
            shard_limit: self.settings.shard_limit.into(),
            open_shards: self.open_shards(account, region),
            on_demand_limit: self.settings.on_demand_stream_limit.into(),
            on_demand_streams: on_demand as u64,
        }
    }

    fn account_key(account: &str, region: &str) -> String {
        format!("{ACCOUNT}{account}/{region}")
    }

    pub fn commitment(&self, account: &str, region: &str) -> Commitment {
        let kept = self.store.get(&Self::account_key(account, region));
        kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Commits an account to a minimum throughput, or ends that.
    ///
    /// # Errors
    /// What hinders the store.
    pub async fn set_commitment(
        &self,
        account: &str,
        region: &str,
        enabled: bool,
        now_ms: i64,
    ) -> Result<Commitment, DirectoryError> {
        let before = self.commitment(account, region);
        let next = match (enabled, before.enabled) {
            (true, false) => Commitment { enabled, started_at_ms: Some(now_ms), ended_at_ms: None },
            (false, true) => Commitment { enabled, ended_at_ms: Some(now_ms), ..before },
            _ => return Ok(before),
        };
        let key = Self::account_key(account, region);
        let damaged = |cause| StreamError::Definition { name: key.clone(), cause };
        let value = serde_json::to_vec(&next).map_err(damaged)?;
        let mut batch = Batch::new();
        batch.put(key, value, None);
        self.store.commit(batch).await?;
        Ok(next)
    }

    /// Sets the writes that an on-demand stream is to be ready for, in MiB a second; it gets as many shards.
    ///
    /// # Errors
    /// [`DirectoryError::Provisioned`], [`DirectoryError::NotCommitted`], [`DirectoryError::NotActive`].
    pub async fn set_warm_throughput(
        self: &Arc<Self>,
        resource: &Arc<StreamResource>,
        mibps: u32,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        if resource.mode() == StreamMode::Provisioned {
            return Err(DirectoryError::Provisioned(resource.identity.clone()));
        }
        let identity = &resource.identity;
        if !self.commitment(&identity.account, &identity.region).enabled {
            return Err(DirectoryError::NotCommitted(identity.account.clone()));
        }
        let set = move |attributes: &mut Attributes| {
            attributes.warm_throughput_mibps = Some(mibps);
            Ok(())
        };
        let open = u32::try_from(resource.stream.layout().open().len()).unwrap_or(u32::MAX);
        // Capacity that is asked for is there at once; what is released goes when the load lets it.
        let target = mibps.max(open);
        let scale = move |stream: Arc<crate::pipeline::stream::Stream>, batch| async move {
            stream.scale_to(target, now_ms, batch).await
        };
        self.reshape(resource, now_ms, set, scale).await
    }
}
