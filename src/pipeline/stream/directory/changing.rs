//! Verbs that change what a stream goes by, its shape apart.

use super::{
    Directory, DirectoryError, Distribution, LEAST_RETENTION_HOURS, MOST_RETENTION_HOURS, MOST_TAGS,
    StreamMode, StreamResource,
    attributes::{Attributes, Phase, note_within_a_day, until},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl Directory {
    /// Changes attributes of an active stream, which is UPDATING from then on for as long as the settings say.
    async fn update<T: Send + 'static>(
        &self,
        resource: &Arc<StreamResource>,
        now_ms: i64,
        change: impl FnOnce(&mut Attributes) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let ends = until(now_ms, self.settings.update_delay);
        let held = Arc::clone(resource);
        let updating = resource.change(move |attributes| {
            held.require_active(now_ms)?;
            attributes.phase = Phase::Updating(ends);
            change(attributes)
        });
        updating.await
    }

    /// Keeps records for another number of hours from now on: more when `increase`, else fewer.
    ///
    /// # Errors
    /// [`DirectoryError::RetentionOutOfBounds`], [`DirectoryError::RetentionDirection`].
    pub async fn set_retention(
        &self,
        resource: &Arc<StreamResource>,
        hours: u32,
        increase: bool,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let (stream, held) = (resource.identity.clone(), Arc::clone(resource));
        let (least, most) = (LEAST_RETENTION_HOURS, MOST_RETENTION_HOURS);
        if !(least..=most).contains(&hours) {
            return Err(DirectoryError::RetentionOutOfBounds { stream, wanted: hours, least, most });
        }
        let changing = resource.change(move |attributes| {
            held.require_active(now_ms)?;
            let current = held.retention_hours();
            if (increase && hours < current) || (!increase && hours > current) {
                return Err(DirectoryError::RetentionDirection { stream, current, wanted: hours, increase });
            }
            attributes.retention_hours = Some(hours);
            Ok(())
        });
        changing.await
    }

    /// Adds tags to a stream, or gives tags it has other values.
    ///
    /// # Errors
    /// [`DirectoryError::TagLimit`].
    pub async fn add_tags(
        &self,
        resource: &Arc<StreamResource>,
        tags: BTreeMap<String, String>,
    ) -> Result<(), DirectoryError> {
        let arn = resource.arn();
        resource.change(move |attributes| merged(&mut attributes.tags, tags, &arn)).await
    }

    /// Removes tags from a stream; those it does not have are left out.
    ///
    /// # Errors
    /// What hinders the store.
    pub async fn remove_tags(
        &self,
        resource: &Arc<StreamResource>,
        keys: Vec<String>,
    ) -> Result<(), DirectoryError> {
        let remove = move |attributes: &mut Attributes| {
            attributes.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        };
        resource.change(remove).await
    }

    /// Switches shard-level metrics on and off by name; gives those that were on and those that are.
    ///
    /// # Errors
    /// [`DirectoryError::NotActive`].
    pub async fn set_monitoring(
        &self,
        resource: &Arc<StreamResource>,
        on: BTreeSet<String>,
        off: BTreeSet<String>,
        now_ms: i64,
    ) -> Result<(BTreeSet<String>, BTreeSet<String>), DirectoryError> {
        let switch = move |attributes: &mut Attributes| {
            let before = attributes.monitoring.clone();
            attributes.monitoring.extend(on);
            attributes.monitoring.retain(|metric| !off.contains(metric));
            Ok((before, attributes.monitoring.clone()))
        };
        self.update(resource, now_ms, switch).await
    }

    /// Says with which key records are encrypted, or that they are not. Nothing is: it is told only.
    ///
    /// # Errors
    /// [`DirectoryError::NotActive`].
    pub async fn set_encryption(
        &self,
        resource: &Arc<StreamResource>,
        key: Option<String>,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let set = move |attributes: &mut Attributes| {
            attributes.encryption_key = key;
            Ok(())
        };
        self.update(resource, now_ms, set).await
    }

    /// Sets the policy of a stream, or removes it.
    ///
    /// # Errors
    /// [`DirectoryError::PolicyNotFound`] when there is none to remove.
    pub async fn set_policy(
        &self,
        resource: &Arc<StreamResource>,
        policy: Option<String>,
    ) -> Result<(), DirectoryError> {
        let arn = resource.arn();
        let set = move |attributes: &mut Attributes| {
            if policy.is_none() && attributes.policy.is_none() {
                return Err(DirectoryError::PolicyNotFound(arn));
            }
            attributes.policy = policy;
            Ok(())
        };
        resource.change(set).await
    }

    /// Sets the KiB that a record may have.
    ///
    /// # Errors
    /// [`DirectoryError::NotActive`].
    pub async fn set_max_record(
        &self,
        resource: &Arc<StreamResource>,
        kib: u32,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let set = move |attributes: &mut Attributes| {
            attributes.max_record_kib = Some(kib);
            Ok(())
        };
        self.update(resource, now_ms, set).await
    }

    /// Sets how records are spread over the shards of an on-demand stream.
    ///
    /// # Errors
    /// [`DirectoryError::Provisioned`], [`DirectoryError::NotActive`].
    pub async fn set_distribution(
        &self,
        resource: &Arc<StreamResource>,
        distribution: Distribution,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let stream = resource.identity.clone();
        let set = move |attributes: &mut Attributes| {
            if attributes.mode == StreamMode::Provisioned && distribution == Distribution::Auto {
                return Err(DirectoryError::Provisioned(stream));
            }
            attributes.distribution = distribution;
            Ok(())
        };
        self.update(resource, now_ms, set).await
    }

    /// Switches a stream between modes; it keeps its shards. AWS has it UPDATING for a while.
    ///
    /// # Errors
    /// [`DirectoryError::SwitchedTooOften`], a limit, [`DirectoryError::NotActive`].
    pub async fn set_mode(
        &self,
        resource: &Arc<StreamResource>,
        mode: StreamMode,
        warm_throughput_mibps: Option<u32>,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let stream = resource.identity.clone();
        if mode == StreamMode::Provisioned && resource.mode() == StreamMode::OnDemand {
            let open = resource.stream.layout().open().len();
            self.allow_shards(&stream, u32::try_from(open).unwrap_or(u32::MAX))?;
        }
        let limit = self.settings.mode_switches_per_day;
        let set = move |attributes: &mut Attributes| {
            if attributes.mode != mode && !note_within_a_day(&mut attributes.switched_at_ms, limit, now_ms) {
                return Err(DirectoryError::SwitchedTooOften { stream, limit });
            }
            attributes.mode = mode;
            attributes.warm_throughput_mibps = warm_throughput_mibps;
            if mode == StreamMode::Provisioned {
                attributes.distribution = Distribution::default();
            }
            Ok(())
        };
        self.update(resource, now_ms, set).await
    }
}

/// Adds tags to those there are, within the limit.
pub(super) fn merged(
    tags: &mut BTreeMap<String, String>,
    more: BTreeMap<String, String>,
    resource: &str,
) -> Result<(), DirectoryError> {
    tags.extend(more);
    match tags.len() <= MOST_TAGS {
        true => Ok(()),
        false => Err(DirectoryError::TagLimit {
            resource: resource.to_owned(),
            count: tags.len(),
            limit: MOST_TAGS,
        }),
    }
}
