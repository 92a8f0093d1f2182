//! Limits and settings of accounts.

use super::{Kinesis, errors};
use crate::{
    pipeline::{now_ms, stream::directory::Commitment},
    wire::{Caller, Content, Input, Output, Reply, ServiceError, Timestamp},
};

/// How long AWS holds an account to its commitment, in milliseconds: a day.
const HELD: i64 = 86_400_000;

pub(super) fn describe_limits(kinesis: &Kinesis, caller: &Caller) -> Result<Reply, ServiceError> {
    let usage = kinesis.directory.usage(&caller.account, &caller.region);
    let number = |count: u64| Content::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    let output = Output::new()
        .with("ShardLimit", number(usage.shard_limit))
        .with("OpenShardCount", number(usage.open_shards))
        .with("OnDemandStreamCount", number(usage.on_demand_streams))
        .with("OnDemandStreamCountLimit", number(usage.on_demand_limit));
    Ok(Reply::Whole(output))
}

fn tell(commitment: Commitment, now_ms: i64) -> Reply {
    let until = commitment.started_at_ms.map(|started| started.saturating_add(HELD));
    let is_held = until.is_some_and(|until| now_ms < until);
    let status = match (commitment.enabled, is_held) {
        (true, _) => "ENABLED",
        (false, true) => "ENABLED_UNTIL_EARLIEST_ALLOWED_END",
        (false, false) => "DISABLED",
    };
    let told = Output::new()
        .with("Status", status)
        .with_some("StartedAt", commitment.started_at_ms.map(Timestamp))
        .with_some("EndedAt", commitment.ended_at_ms.filter(|_| !is_held).map(Timestamp))
        .with_some("EarliestAllowedEndAt", until.map(Timestamp));
    Reply::Whole(Output::new().with("MinimumThroughputBillingCommitment", told))
}

pub(super) fn describe_settings(kinesis: &Kinesis, caller: &Caller) -> Result<Reply, ServiceError> {
    Ok(tell(kinesis.directory.commitment(&caller.account, &caller.region), now_ms()))
}

pub(super) async fn update_settings(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let asked = input.structure("MinimumThroughputBillingCommitment");
    let enabled = asked.and_then(|asked| asked.text("Status")) == Some("ENABLED");
    let now_ms = now_ms();
    let set = kinesis.directory.set_commitment(&caller.account, &caller.region, enabled, now_ms).await;
    set.map(|commitment| tell(commitment, now_ms)).map_err(|error| errors::refused(&error))
}
