//! Amazon Kinesis Data Streams: streams of the directory behind the API of 2013-12-02.

mod account;
mod call_rates;
mod choice;
mod consumers;
mod describing;
mod errors;
mod list_token;
mod listing_shards;
mod model;
mod outflow;
mod policies;
mod polling;
mod position;
mod reading;
mod resharding;
mod sequence_number;
mod settings;
mod shard_iterator;
mod shard_name;
mod streams;
mod subscribing;
mod subscriptions;
mod tags;
mod writing;

#[cfg(test)]
mod tests;

pub use model::OPERATIONS;

use super::{Answer, Caller, Input, Reply, Service, ServiceError, seal, secret::kept_seal};
use crate::{
    pipeline::{
        now_ms,
        stream::{
            Shard,
            directory::{Directory, StreamIdentity, StreamResource, StreamStatus},
        },
    },
    storage::CommitError,
};
use call_rates::CallRates;
use outflow::Outflows;
use seal::Seal;
use std::{sync::Arc, time::Instant};
use subscriptions::Subscriptions;

/// Where the secret of tokens is kept.
const SECRET: &str = "kinesis-secret";

/// Who shares what flows out of a shard: all who poll it, or one registered consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Reader {
    shard: crate::storage::ShardId,
    consumer: Option<String>,
}

/// The service's state: everything but meters and running subscriptions is in the directory.
#[derive(Debug)]
pub struct Kinesis {
    directory: Arc<Directory>,
    seal: Seal,
    outflows: Outflows<Reader>,
    calls: CallRates,
    subscriptions: Arc<Subscriptions>,
}

impl Kinesis {
    /// Opens the service; the secret of its tokens is made once and kept.
    ///
    /// # Errors
    /// When a new secret cannot be stored.
    pub async fn open(directory: Arc<Directory>) -> Result<Arc<Self>, CommitError> {
        let seal = kept_seal(directory.store(), SECRET).await?;
        let (outflows, calls, subscriptions) = (Outflows::default(), CallRates::default(), Arc::default());
        Ok(Arc::new(Self { directory, seal, outflows, calls, subscriptions }))
    }

    /// The service as the endpoint knows it.
    pub fn service(self: &Arc<Self>) -> Service {
        let kinesis = Arc::clone(self);
        let answer: Answer = Box::new(move |caller, operation, input| {
            let kinesis = Arc::clone(&kinesis);
            Box::pin(async move { kinesis.answer(caller, operation, input).await })
        });
        Service {
            target: "Kinesis_20131202",
            signing_name: "kinesis",
            operations: &model::OPERATIONS,
            query: None,
            brief: &[],
            answer,
        }
    }

    async fn answer(
        &self,
        caller: Caller,
        operation: &'static str,
        input: Input,
    ) -> Result<Reply, ServiceError> {
        if self.directory.settings().limits {
            let stream = choice::wording(&input);
            self.calls.admit(&caller, operation, stream, Instant::now())?;
        }
        match operation {
            "PutRecord" => writing::put_record(self, caller, input).await,
            "PutRecords" => writing::put_records(self, caller, input).await,
            "GetRecords" => polling::get_records(self, caller, input).await,
            "GetShardIterator" => polling::get_shard_iterator(self, caller, input).await,
            "SubscribeToShard" => subscribing::subscribe_to_shard(self, input).await,
            "ListShards" => listing_shards::list_shards(self, &caller, &input),
            "SplitShard" => resharding::split(self, &caller, &input).await,
            "MergeShards" => resharding::merge(self, &caller, &input).await,
            "UpdateShardCount" => resharding::update_shard_count(self, &caller, &input).await,
            other => self.administer(&caller, other, &input).await,
        }
    }

    /// Everything that is about streams rather than records and shards.
    async fn administer(
        &self,
        caller: &Caller,
        operation: &str,
        input: &Input,
    ) -> Result<Reply, ServiceError> {
        match operation {
            "CreateStream" => streams::create(self, caller, input).await,
            "DeleteStream" => streams::delete(self, caller, input).await,
            "DescribeStream" => streams::describe(self, caller, input),
            "DescribeStreamSummary" => streams::describe_summary(self, caller, input),
            "ListStreams" => streams::list(self, caller, input),
            "RegisterStreamConsumer" => consumers::register(self, caller, input).await,
            "DeregisterStreamConsumer" => consumers::deregister(self, input).await,
            "DescribeStreamConsumer" => consumers::describe(self, input),
            "ListStreamConsumers" => consumers::list(self, caller, input),
            "AddTagsToStream" => tags::add_to_stream(self, caller, input).await,
            "RemoveTagsFromStream" => tags::remove_from_stream(self, caller, input).await,
            "ListTagsForStream" => tags::list_for_stream(self, caller, input),
            "TagResource" => tags::tag_resource(self, input).await,
            "UntagResource" => tags::untag_resource(self, input).await,
            "ListTagsForResource" => tags::list_for_resource(self, input),
            "PutResourcePolicy" => policies::put(self, input).await,
            "GetResourcePolicy" => policies::get(self, input),
            "DeleteResourcePolicy" => policies::delete(self, input).await,
            "DescribeLimits" => account::describe_limits(self, caller),
            "DescribeAccountSettings" => account::describe_settings(self, caller),
            "UpdateAccountSettings" => account::update_settings(self, caller, input).await,
            other => settings::change(self, caller, other, input).await,
        }
    }

    /// # Errors
    /// `ResourceNotFoundException`.
    fn find(&self, identity: &StreamIdentity) -> Result<Arc<StreamResource>, ServiceError> {
        self.directory.get(identity).ok_or_else(|| errors::stream_not_found(identity))
    }

    /// The stream that a request means.
    ///
    /// # Errors
    /// See [`choice::stream`]; `ResourceNotFoundException`.
    fn meant(&self, caller: &Caller, input: &Input) -> Result<Arc<StreamResource>, ServiceError> {
        self.find(&choice::stream(self, caller, input)?)
    }

    /// The stream that a request means, if it can be written and read: not while it is being made.
    fn usable(&self, identity: &StreamIdentity) -> Result<Arc<StreamResource>, ServiceError> {
        let resource = self.find(identity)?;
        match resource.status(now_ms()) {
            StreamStatus::Creating => Err(errors::stream_not_found(identity)),
            _ => Ok(resource),
        }
    }
}

/// A shard that a reader names, by its number.
fn shard_to_read(resource: &StreamResource, index: u32) -> Result<Arc<Shard>, ServiceError> {
    let shard = resource.stream.shard(index);
    shard.ok_or_else(|| errors::shard_does_not_exist(index, &resource.identity))
}
