//! Settings of streams: retention, monitoring, encryption, modes, sizes, throughput, distribution.

use super::{
    Kinesis, errors,
    streams::{count, distribution, mode},
};
use crate::{
    pipeline::{
        now_ms,
        stream::directory::{DirectoryError, StreamIdentity, StreamMode, StreamResource},
    },
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use std::{collections::BTreeSet, sync::Arc};

/// The shard-level metrics that `ALL` stands for.
const METRICS: [&str; 7] = [
    "IncomingBytes",
    "IncomingRecords",
    "IteratorAgeMilliseconds",
    "OutgoingBytes",
    "OutgoingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
];
/// Most MiB a second that a stream can be made ready for: 10 GiB.
const MOST_WARM_MIBPS: u32 = 10_240;

/// Answers the operations that set one thing of a stream.
pub(super) async fn change(
    kinesis: &Kinesis,
    caller: &Caller,
    operation: &str,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let resource = kinesis.meant(caller, input)?;
    match operation {
        "IncreaseStreamRetentionPeriod" => done(retention(kinesis, &resource, input, true).await),
        "DecreaseStreamRetentionPeriod" => done(retention(kinesis, &resource, input, false).await),
        "EnableEnhancedMonitoring" => monitoring(kinesis, &resource, input, true).await,
        "DisableEnhancedMonitoring" => monitoring(kinesis, &resource, input, false).await,
        "StartStreamEncryption" => encryption(kinesis, &resource, input, true).await,
        "StopStreamEncryption" => encryption(kinesis, &resource, input, false).await,
        "UpdateMaxRecordSize" => {
            let kib = count(input, "MaxRecordSizeInKiB").unwrap_or_default();
            done(kinesis.directory.set_max_record(&resource, kib, now_ms()).await)
        }
        "UpdateStreamMode" => update_mode(kinesis, &resource, input).await,
        "UpdateStreamWarmThroughput" => warm_throughput(kinesis, &resource, input).await,
        "UpdateStreamRecordDistributionStrategy" => {
            let strategy = distribution(input).unwrap_or_default();
            let set = kinesis.directory.set_distribution(&resource, strategy, now_ms()).await;
            // AWS names this one an invalid argument.
            set.map(|()| Reply::Empty).map_err(|error| match error {
                DirectoryError::Provisioned(_) => errors::invalid_argument(errors::refused(&error).message),
                other => errors::refused(&other),
            })
        }
        // The endpoint hands on only operations of the model.
        _ => Err(ServiceError::internal()),
    }
}

fn done(outcome: Result<(), DirectoryError>) -> Result<Reply, ServiceError> {
    outcome.map(|()| Reply::Empty).map_err(|error| errors::refused(&error))
}

async fn retention(
    kinesis: &Kinesis,
    resource: &Arc<StreamResource>,
    input: &Input,
    increase: bool,
) -> Result<(), DirectoryError> {
    let hours = input.integer("RetentionPeriodHours").unwrap_or_default();
    // Less than nothing is as short as nothing.
    let hours = u32::try_from(hours.max(0)).unwrap_or(u32::MAX);
    kinesis.directory.set_retention(resource, hours, increase, now_ms()).await
}

async fn monitoring(
    kinesis: &Kinesis,
    resource: &Arc<StreamResource>,
    input: &Input,
    enable: bool,
) -> Result<Reply, ServiceError> {
    let is_all = input.texts("ShardLevelMetrics").any(|name| name == "ALL");
    let named: BTreeSet<String> = match is_all {
        true => METRICS.iter().map(|name| (*name).to_owned()).collect(),
        false => input.texts("ShardLevelMetrics").map(str::to_owned).collect(),
    };
    let (on, off) = if enable { (named, BTreeSet::new()) } else { (BTreeSet::new(), named) };
    let set = kinesis.directory.set_monitoring(resource, on, off, now_ms()).await;
    let (before, now) = set.map_err(|error| errors::refused(&error))?;
    let output = Output::new()
        .with("StreamName", resource.identity.name.clone())
        .with_list("CurrentShardLevelMetrics", before)
        .with_list("DesiredShardLevelMetrics", now)
        .with("StreamARN", resource.arn());
    Ok(Reply::Whole(output))
}

async fn encryption(
    kinesis: &Kinesis,
    resource: &Arc<StreamResource>,
    input: &Input,
    start: bool,
) -> Result<Reply, ServiceError> {
    if input.text("EncryptionType") != Some("KMS") {
        return Err(errors::invalid_argument("EncryptionType must be KMS."));
    }
    let key = input.text("KeyId").filter(|_| start).map(str::to_owned);
    done(kinesis.directory.set_encryption(resource, key, now_ms()).await)
}

async fn update_mode(
    kinesis: &Kinesis,
    resource: &Arc<StreamResource>,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let wanted = mode(input).unwrap_or_default();
    let warm = warm(input)?;
    if warm.is_some() {
        if wanted == StreamMode::Provisioned {
            return Err(errors::refused(&DirectoryError::Provisioned(resource.identity.clone())));
        }
        require_commitment(kinesis, &resource.identity)?;
    }
    done(kinesis.directory.set_mode(resource, wanted, warm, now_ms()).await)
}

/// Warm throughput is for accounts that have committed to a minimum.
pub(super) fn require_commitment(kinesis: &Kinesis, identity: &StreamIdentity) -> Result<(), ServiceError> {
    let StreamIdentity { account, region, .. } = identity;
    match kinesis.directory.commitment(account, region).enabled {
        true => Ok(()),
        false => Err(errors::refused(&DirectoryError::NotCommitted(account.clone()))),
    }
}

/// The warm throughput that a request asks for.
pub(super) fn warm(input: &Input) -> Result<Option<u32>, ServiceError> {
    match count(input, "WarmThroughputMiBps") {
        Some(mibps) if mibps > MOST_WARM_MIBPS => Err(errors::limit_exceeded(format!(
            "WarmThroughputMiBps {mibps} is above the limit of {MOST_WARM_MIBPS} MiB per second."
        ))),
        warm => Ok(warm),
    }
}

async fn warm_throughput(
    kinesis: &Kinesis,
    resource: &Arc<StreamResource>,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let before = resource.describe(now_ms()).warm_throughput_mibps.unwrap_or_default();
    let target = warm(input)?.unwrap_or_default();
    let set = kinesis.directory.set_warm_throughput(resource, target, now_ms()).await;
    set.map_err(|error| errors::refused(&error))?;
    let told = Output::new().with("TargetMiBps", target).with("CurrentMiBps", before);
    let output = Output::new()
        .with("StreamARN", resource.arn())
        .with("StreamName", resource.identity.name.clone())
        .with("WarmThroughput", told);
    Ok(Reply::Whole(output))
}
