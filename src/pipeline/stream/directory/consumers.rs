//! Registered consumers of a stream: they read with fan-out.

use super::{
    ConsumerDescription, Directory, DirectoryError, StreamResource,
    attributes::{Attributes, KeptConsumer, Phase, until},
    changing::merged,
};
use std::{collections::BTreeMap, sync::Arc};

/// A consumer to be registered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewConsumer {
    pub name: String,
    pub tags: BTreeMap<String, String>,
}

impl StreamResource {
    fn describe_consumer(&self, consumer: &KeptConsumer, now_ms: i64) -> ConsumerDescription {
        ConsumerDescription {
            stream: self.identity.clone(),
            name: consumer.name.clone(),
            arn: self.identity.consumer_arn(&consumer.name, consumer.created_at_ms),
            status: consumer.phase.status(now_ms),
            created_at_ms: consumer.created_at_ms,
            tags: consumer.tags.clone(),
            policy: consumer.policy.clone(),
        }
    }

    /// Its consumers by name.
    pub fn consumers(&self, now_ms: i64) -> Vec<ConsumerDescription> {
        let attributes = self.attributes();
        let there = attributes.consumers.iter().filter(|consumer| !consumer.phase.is_over(now_ms));
        let mut all: Vec<_> = there.map(|consumer| self.describe_consumer(consumer, now_ms)).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// One of its consumers.
    ///
    /// # Errors
    /// [`DirectoryError::ConsumerNotFound`].
    pub fn consumer(&self, name: &str, now_ms: i64) -> Result<ConsumerDescription, DirectoryError> {
        let attributes = self.attributes();
        let found = attributes.consumer(name, now_ms);
        let found = found.map(|consumer| self.describe_consumer(consumer, now_ms));
        found.ok_or_else(|| self.no_consumer(name))
    }

    fn no_consumer(&self, name: &str) -> DirectoryError {
        DirectoryError::ConsumerNotFound { stream: self.identity.clone(), consumer: name.to_owned() }
    }
}

impl Directory {
    /// Registers a consumer; it is CREATING for as long as the settings say.
    ///
    /// # Errors
    /// [`DirectoryError::ConsumerExists`], [`DirectoryError::ConsumerLimit`].
    pub async fn register_consumer(
        &self,
        resource: &Arc<StreamResource>,
        new: NewConsumer,
        now_ms: i64,
    ) -> Result<ConsumerDescription, DirectoryError> {
        let limit = self.settings.consumer_limit;
        let ends = until(now_ms, self.settings.consumer_delay);
        let held = Arc::clone(resource);
        let registering = resource.change(move |attributes| {
            let stream = held.identity.clone();
            attributes.forget_consumers(now_ms);
            if attributes.consumer(&new.name, now_ms).is_some() {
                return Err(DirectoryError::ConsumerExists { stream, consumer: new.name });
            }
            if attributes.consumers.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                return Err(DirectoryError::ConsumerLimit { stream, limit });
            }
            let mut tags = BTreeMap::new();
            merged(&mut tags, new.tags, &held.identity.consumer_arn(&new.name, now_ms))?;
            let phase = Phase::Creating(ends);
            let consumer = KeptConsumer { name: new.name, created_at_ms: now_ms, phase, tags, policy: None };
            let described = held.describe_consumer(&consumer, now_ms);
            attributes.consumers.push(consumer);
            Ok(described)
        });
        registering.await
    }

    /// Deregisters a consumer; it is DELETING for as long as the settings say, then gone.
    ///
    /// # Errors
    /// [`DirectoryError::ConsumerNotFound`].
    pub async fn deregister_consumer(
        &self,
        resource: &Arc<StreamResource>,
        name: &str,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let ends = until(now_ms, self.settings.consumer_delay);
        let deregister = move |consumer: &mut KeptConsumer| {
            consumer.phase = Phase::Deleting(ends);
            Ok(())
        };
        self.change_consumer(resource, name, now_ms, deregister).await
    }

    /// Adds tags to a consumer.
    ///
    /// # Errors
    /// [`DirectoryError::ConsumerNotFound`], [`DirectoryError::TagLimit`].
    pub async fn add_consumer_tags(
        &self,
        resource: &Arc<StreamResource>,
        name: &str,
        tags: BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let arn = resource.consumer(name, now_ms)?.arn;
        let add = move |consumer: &mut KeptConsumer| merged(&mut consumer.tags, tags, &arn);
        self.change_consumer(resource, name, now_ms, add).await
    }

    /// Removes tags from a consumer.
    ///
    /// # Errors
    /// [`DirectoryError::ConsumerNotFound`].
    pub async fn remove_consumer_tags(
        &self,
        resource: &Arc<StreamResource>,
        name: &str,
        keys: Vec<String>,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let remove = move |consumer: &mut KeptConsumer| {
            consumer.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        };
        self.change_consumer(resource, name, now_ms, remove).await
    }

    /// Sets the policy of a consumer, or removes it.
    ///
    /// # Errors
    /// [`DirectoryError::ConsumerNotFound`], [`DirectoryError::PolicyNotFound`].
    pub async fn set_consumer_policy(
        &self,
        resource: &Arc<StreamResource>,
        name: &str,
        policy: Option<String>,
        now_ms: i64,
    ) -> Result<(), DirectoryError> {
        let arn = resource.consumer(name, now_ms)?.arn;
        let set = move |consumer: &mut KeptConsumer| {
            if policy.is_none() && consumer.policy.is_none() {
                return Err(DirectoryError::PolicyNotFound(arn));
            }
            consumer.policy = policy;
            Ok(())
        };
        self.change_consumer(resource, name, now_ms, set).await
    }

    async fn change_consumer(
        &self,
        resource: &Arc<StreamResource>,
        name: &str,
        now_ms: i64,
        change: impl FnOnce(&mut KeptConsumer) -> Result<(), DirectoryError> + Send + 'static,
    ) -> Result<(), DirectoryError> {
        let (held, name) = (Arc::clone(resource), name.to_owned());
        let changing = move |attributes: &mut Attributes| {
            attributes.forget_consumers(now_ms);
            let consumer = attributes.consumer_mut(&name).ok_or_else(|| held.no_consumer(&name))?;
            change(consumer)
        };
        resource.change(changing).await
    }
}
