//! SplitShard, MergeShards and UpdateShardCount.

use super::{Kinesis, choice, errors, shard_name::shard_index, streams::count};
use crate::{
    pipeline::{
        now_ms,
        stream::directory::{StreamIdentity, StreamResource},
    },
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use std::sync::Arc;

/// The stream and the shards that a request names. A name that can be no shard's is refused before the
/// stream is looked for, as AWS does.
fn named<const N: usize>(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
    fields: [&str; N],
) -> Result<(Arc<StreamResource>, [u32; N]), ServiceError> {
    let identity = choice::stream(kinesis, caller, input)?;
    let mut shards = [0; N];
    for (shard, field) in shards.iter_mut().zip(fields) {
        *shard = index(input, field, &identity)?;
    }
    Ok((kinesis.find(&identity)?, shards))
}

fn index(input: &Input, field: &str, identity: &StreamIdentity) -> Result<u32, ServiceError> {
    let name = input.text(field).unwrap_or_default();
    shard_index(name).ok_or_else(|| errors::no_shard(name, identity))
}

pub(super) async fn split(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let (resource, [shard]) = named(kinesis, caller, input, ["ShardToSplit"])?;
    let start = input.text("NewStartingHashKey").unwrap_or_default();
    let start = within(&resource, shard, start)?;
    let split = kinesis.directory.split(&resource, shard, start, now_ms()).await;
    split.map(|_| Reply::Empty).map_err(|error| errors::refused(&error))
}

/// Both halves have at least two hashes in AWS.
fn within(resource: &StreamResource, shard: u32, start: &str) -> Result<u128, ServiceError> {
    let identity = &resource.identity;
    let held = resource.stream.shard(shard);
    let held = held.ok_or_else(|| errors::no_shard(&super::shard_name::shard_name(shard), identity))?;
    let (first, last) = (held.first_hash, held.last_hash);
    let wanted: Option<u128> = start.parse().ok();
    wanted
        .filter(|wanted| *wanted > first.saturating_add(1) && *wanted < last)
        .ok_or_else(|| errors::hash_out_of_bounds(identity, shard, start, (first, last)))
}

pub(super) async fn merge(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let (resource, shards) = named(kinesis, caller, input, ["ShardToMerge", "AdjacentShardToMerge"])?;
    let [first, second] = shards;
    let mut held = Vec::with_capacity(2);
    for shard in shards {
        let found = resource.stream.shard(shard);
        let name = super::shard_name::shard_name(shard);
        held.push(found.ok_or_else(|| errors::no_shard(&name, &resource.identity))?);
    }
    // AWS takes the second only where it follows the first.
    if let [one, other] = held.as_slice()
        && one.last_hash.checked_add(1) != Some(other.first_hash)
    {
        let stream = resource.identity.clone();
        return Err(errors::refused(&crate::pipeline::stream::directory::DirectoryError::NotAdjacent {
            stream,
            first,
            second,
        }));
    }
    let merged = kinesis.directory.merge(&resource, first, second, now_ms()).await;
    merged.map(|_| Reply::Empty).map_err(|error| errors::refused(&error))
}

pub(super) async fn update_shard_count(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let resource = kinesis.meant(caller, input)?;
    let target = count(input, "TargetShardCount").unwrap_or_default();
    let current = kinesis.directory.update_shard_count(&resource, target, now_ms()).await;
    let current = current.map_err(|error| errors::refused(&error))?;
    let output = Output::new()
        .with("StreamName", resource.identity.name.clone())
        .with("CurrentShardCount", current)
        .with("TargetShardCount", target)
        .with("StreamARN", resource.arn());
    Ok(Reply::Whole(output))
}
