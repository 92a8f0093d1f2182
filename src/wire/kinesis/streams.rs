//! Making, describing, listing and deleting streams.

use super::{Kinesis, choice, describing, errors, list_token, shard_name::shard_index, tags};
use crate::{
    pipeline::{
        now_ms,
        stream::{
            OpenDuring,
            directory::{Distribution, NewStream, StreamIdentity, StreamMode, StreamStatus},
        },
    },
    wire::{Caller, Input, Output, Reply, ServiceError},
};

/// Most shards that DescribeStream tells at once, and most streams of one page.
const PAGE: usize = 100;
const LISTING: &str = "ListStreams";

/// How many results a page has: what is asked for, but at most `most`.
pub(super) fn page(input: &Input, name: &str, most: usize) -> usize {
    let asked = input.integer(name).and_then(|asked| usize::try_from(asked).ok());
    asked.unwrap_or(most).min(most)
}

/// A number that its constraints keep within 32 bits.
pub(super) fn count(input: &Input, name: &str) -> Option<u32> {
    input.integer(name).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// The mode that a request names.
pub(super) fn mode(input: &Input) -> Option<StreamMode> {
    let mode = input.structure("StreamModeDetails")?.text("StreamMode")?;
    Some(if mode == StreamMode::OnDemand.name() { StreamMode::OnDemand } else { StreamMode::Provisioned })
}

/// The distribution strategy that a request names.
pub(super) fn distribution(input: &Input) -> Option<Distribution> {
    let strategy = input.text("RecordDistributionStrategy")?;
    let is_auto = strategy == Distribution::Auto.name();
    Some(if is_auto { Distribution::Auto } else { Distribution::PartitionKey })
}

pub(super) async fn create(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let name = input.text("StreamName").unwrap_or_default();
    let mode = mode(input).unwrap_or(StreamMode::Provisioned);
    let shards = count(input, "ShardCount");
    let distribution = distribution(input).unwrap_or_default();
    let warm_throughput_mibps = super::settings::warm(input)?;
    match mode {
        StreamMode::Provisioned if shards.is_none() => {
            return Err(ServiceError::validation(
                "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: Member \
                 must not be null",
            ));
        }
        StreamMode::Provisioned if distribution == Distribution::Auto => {
            return Err(errors::invalid_argument(
                "RecordDistributionStrategy AUTO is not supported for a stream in PROVISIONED mode.",
            ));
        }
        StreamMode::Provisioned if warm_throughput_mibps.is_some() => {
            return Err(ServiceError::validation(
                "WarmThroughputMiBps is not supported for a stream in PROVISIONED mode.",
            ));
        }
        StreamMode::OnDemand if shards.is_some() => {
            return Err(ServiceError::validation(
                "ShardCount must not be specified for a stream in ON_DEMAND mode.",
            ));
        }
        _ => {}
    }
    let identity = StreamIdentity::new(&caller.account, &caller.region, name);
    if warm_throughput_mibps.is_some() {
        super::settings::require_commitment(kinesis, &identity)?;
    }
    let tags = tags::read(input, &format!("stream {}", errors::under_account(&identity)))?;
    let max_record_kib = count(input, "MaxRecordSizeInKiB");
    let new = NewStream { identity, shards, mode, tags, max_record_kib, warm_throughput_mibps, distribution };
    let made = kinesis.directory.create(new, now_ms()).await;
    made.map(|_| Reply::Empty).map_err(|error| errors::refused(&error))
}

pub(super) async fn delete(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let resource = kinesis.meant(caller, input)?;
    let enforced = input.boolean("EnforceConsumerDeletion").unwrap_or(false);
    let deleted = kinesis.directory.delete(&resource, enforced, now_ms()).await;
    deleted.map(|()| Reply::Empty).map_err(|error| errors::refused(&error))
}

pub(super) fn describe(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let identity = choice::stream(kinesis, caller, input)?;
    let start = input.text("ExclusiveStartShardId");
    let after = start.map(|name| shard_index(name).ok_or_else(|| errors::no_shard(name, &identity)));
    let after = after.transpose()?;
    let (resource, now_ms) = (kinesis.find(&identity)?, now_ms());
    let stream = resource.describe(now_ms);
    let (shown, has_more) = match stream.status {
        StreamStatus::Creating => (Vec::new(), false),
        _ => resource.page(OpenDuring::EVER, after, page(input, "Limit", PAGE), now_ms),
    };
    let told = describing::stream(&stream, &shown, has_more);
    Ok(Reply::Whole(Output::new().with("StreamDescription", told)))
}

pub(super) fn describe_summary(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let stream = kinesis.meant(caller, input)?.describe(now_ms());
    Ok(Reply::Whole(Output::new().with("StreamDescriptionSummary", describing::summary(&stream))))
}

pub(super) fn list(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let now_ms = now_ms();
    let token = input.text("NextToken");
    let start = input.text("ExclusiveStartStreamName").map(str::to_owned);
    if token.is_some() && start.is_some() {
        return Err(errors::invalid_argument(
            "NextToken and ExclusiveStartStreamName cannot be provided together.",
        ));
    }
    let resumed = token.map(|token| list_token::open::<String>(&kinesis.seal, LISTING, token, now_ms));
    let after = resumed.transpose()?.or(start);
    let most = page(input, "Limit", PAGE);
    let (found, has_more) = kinesis.directory.list(&caller.account, &caller.region, after.as_deref(), most);
    let last = found.last().filter(|_| has_more).map(|resource| resource.identity.name.clone());
    let next = last.map(|name| list_token::close(&kinesis.seal, LISTING, name, now_ms));
    let output = Output::new()
        .with_list("StreamNames", found.iter().map(|resource| resource.identity.name.clone()))
        .with("HasMoreStreams", has_more)
        .with_some("NextToken", next)
        .with_list("StreamSummaries", found.iter().map(|resource| describing::listed(resource, now_ms)));
    Ok(Reply::Whole(output))
}
