//! How streams, shards and consumers are told in answers.

use super::{sequence_number::Origin, shard_name::shard_name};
use crate::{
    pipeline::stream::directory::{
        ConsumerDescription, ShardDescription, StreamDescription, StreamMode, StreamResource,
    },
    wire::{Output, Timestamp},
};

/// Which numbers a shard's records have.
pub(super) fn origin(shard: &ShardDescription) -> Origin {
    Origin::new(shard.opened_at_ms, shard.index, shard.parent.is_some())
}

fn hash_key_range(shard: &ShardDescription) -> Output {
    Output::new()
        .with("StartingHashKey", shard.first_hash.to_string())
        .with("EndingHashKey", shard.last_hash.to_string())
}

pub(super) fn shard(shard: &ShardDescription) -> Output {
    let numbers =
        Output::new().with("StartingSequenceNumber", origin(shard).starting().to_string()).with_some(
            "EndingSequenceNumber",
            shard.closed_at_ms.map(|closed| origin(shard).ending(closed).to_string()),
        );
    Output::new()
        .with("ShardId", shard_name(shard.index))
        .with_some("ParentShardId", shard.parent.map(shard_name))
        .with_some("AdjacentParentShardId", shard.adjacent_parent.map(shard_name))
        .with("HashKeyRange", hash_key_range(shard))
        .with("SequenceNumberRange", numbers)
}

/// The shards that a closed shard's records go to now, as readers are told at its end.
pub(super) fn children(stream: &StreamResource, parent: u32) -> Vec<Output> {
    let tell = |shard: &ShardDescription| {
        let parents = shard.parents().map(shard_name);
        Output::new()
            .with("ShardId", shard_name(shard.index))
            .with_list("ParentShards", parents)
            .with("HashKeyRange", hash_key_range(shard))
    };
    stream.children(parent).iter().map(tell).collect()
}

fn mode(mode: StreamMode) -> Output {
    Output::new().with("StreamMode", mode.name())
}

/// What all descriptions of a stream tell.
fn outline(stream: &StreamDescription) -> Output {
    Output::new()
        .with("StreamName", stream.identity.name.clone())
        .with("StreamARN", stream.identity.arn())
        .with("StreamStatus", stream.status.name())
        .with("StreamModeDetails", mode(stream.mode))
}

fn details(stream: &StreamDescription, told: Output) -> Output {
    let monitoring =
        Output::new().with_list("ShardLevelMetrics", stream.monitoring.iter().map(String::as_str));
    let encryption = if stream.encryption_key.is_some() { "KMS" } else { "NONE" };
    told.with("RetentionPeriodHours", stream.retention_hours)
        .with("StreamCreationTimestamp", whole_second(stream.created_at_ms))
        .with_list("EnhancedMonitoring", [monitoring])
        .with("EncryptionType", encryption)
        .with_some("KeyId", stream.encryption_key.clone())
}

/// Times of creation are told to the second.
pub(super) fn whole_second(at_ms: i64) -> Timestamp {
    Timestamp(at_ms.div_euclid(1_000) * 1_000)
}

/// `DescribeStream`: with one page of its shards.
pub(super) fn stream(stream: &StreamDescription, page: &[ShardDescription], has_more: bool) -> Output {
    let told = outline(stream).with_list("Shards", page.iter().map(shard)).with("HasMoreShards", has_more);
    details(stream, told)
}

/// `DescribeStreamSummary`.
pub(super) fn summary(stream: &StreamDescription) -> Output {
    let is_on_demand = stream.mode == StreamMode::OnDemand;
    let warm = stream
        .warm_throughput_mibps
        .map(|rate| Output::new().with("TargetMiBps", rate).with("CurrentMiBps", rate));
    details(stream, outline(stream).with("StreamId", stream.id.clone()))
        .with("OpenShardCount", stream.open_shards)
        .with("ConsumerCount", stream.consumers)
        .with_some("WarmThroughput", warm)
        .with("MaxRecordSizeInKiB", stream.max_record_kib)
        .with_some("RecordDistributionStrategy", is_on_demand.then(|| stream.distribution.name()))
}

/// As `ListStreams` tells it.
pub(super) fn listed(stream: &StreamResource, now_ms: i64) -> Output {
    Output::new()
        .with("StreamName", stream.identity.name.clone())
        .with("StreamARN", stream.arn())
        .with("StreamStatus", stream.status(now_ms).name())
        .with("StreamModeDetails", mode(stream.mode()))
        .with("StreamCreationTimestamp", whole_second(stream.created_at_ms))
}

pub(super) fn consumer(consumer: &ConsumerDescription) -> Output {
    Output::new()
        .with("ConsumerName", consumer.name.clone())
        .with("ConsumerARN", consumer.arn.clone())
        .with("ConsumerStatus", consumer.status.name())
        .with("ConsumerCreationTimestamp", whole_second(consumer.created_at_ms))
}
