//! Refusals in AWS's words.

use super::shard_name::shard_name;
use crate::{
    pipeline::stream::directory::{DirectoryError, RefusalKind, StreamIdentity},
    storage::{CommitError, ReadError},
    wire::ServiceError,
};

pub(super) fn invalid_argument(message: impl Into<String>) -> ServiceError {
    ServiceError::bad_request("InvalidArgumentException", message)
}

pub(super) fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::bad_request("ResourceNotFoundException", message)
}

pub(super) fn in_use(message: impl Into<String>) -> ServiceError {
    ServiceError::bad_request("ResourceInUseException", message)
}

pub(super) fn limit_exceeded(message: impl Into<String>) -> ServiceError {
    ServiceError::bad_request("LimitExceededException", message)
}

/// `NAME under account 000000000000`, as most texts name a stream.
pub(super) fn under_account(stream: &StreamIdentity) -> String {
    format!("{} under account {}", stream.name, stream.account)
}

pub(super) fn stream_not_found(stream: &StreamIdentity) -> ServiceError {
    not_found(format!("Stream {} not found.", under_account(stream)))
}

/// A shard that a change of the stream cannot find; `shard` as the request has it.
pub(super) fn no_shard(shard: &str, stream: &StreamIdentity) -> ServiceError {
    not_found(format!("Could not find shard {shard} in stream {}.", under_account(stream)))
}

/// A shard that a reader cannot find.
pub(super) fn shard_does_not_exist(shard: u32, stream: &StreamIdentity) -> ServiceError {
    let shard = shard_name(shard);
    not_found(format!("Shard {shard} in stream {} does not exist", under_account(stream)))
}

/// A shard whose limits are used up.
pub(super) fn throttled(shard: u32, stream: &StreamIdentity) -> ServiceError {
    ServiceError::bad_request("ProvisionedThroughputExceededException", rate_exceeded(shard, stream))
}

pub(super) fn rate_exceeded(shard: u32, stream: &StreamIdentity) -> String {
    format!("Rate exceeded for shard {} in stream {}.", shard_name(shard), under_account(stream))
}

/// A request that would have succeeded, and was not to be done.
pub(super) fn dry_run() -> ServiceError {
    ServiceError::bad_request(
        "DryRunOperationException",
        "The request was rejected because the DryRun parameter was specified.",
    )
}

/// Why a batch was not stored.
pub(super) fn not_committed(error: &CommitError) -> ServiceError {
    match error {
        CommitError::DiskFull => ServiceError::unavailable("The disk of this server is full."),
        CommitError::Closed => ServiceError::unavailable("This server is shutting down."),
        other => {
            tracing::error!(error = %other, "a change of a stream was not stored");
            ServiceError::internal()
        }
    }
}

/// Why records cannot be read.
pub(super) fn not_read(error: &ReadError) -> ServiceError {
    match error {
        ReadError::Closed => ServiceError::unavailable("This server is shutting down."),
        other => {
            tracing::error!(error = %other, "records of a stream cannot be read");
            ServiceError::internal()
        }
    }
}

/// A refusal of the directory in the words that AWS has for it.
pub(super) fn refused(error: &DirectoryError) -> ServiceError {
    use DirectoryError as Refused;
    match error {
        Refused::StreamNotFound(stream) => stream_not_found(stream),
        Refused::StreamExists(stream) => in_use(format!("Stream {} already exists.", under_account(stream))),
        Refused::NotActive { stream, status } => {
            in_use(format!("Stream {} not ACTIVE, instead in state {}", under_account(stream), status.name()))
        }
        Refused::HasConsumers(stream) => in_use(format!(
            "DeleteStream can't delete {} because there are consumers associated with this data stream. To \
             delete {} anyway, set the EnforceConsumerDeletion parameter to true to force the deletion of all \
             the consumers that are associated with it.",
            stream.arn(),
            stream.name
        )),
        Refused::ShardNotFound { stream, shard } => no_shard(&shard_name(*shard), stream),
        Refused::ShardClosed { stream, shard } => invalid_argument(format!(
            "Shard {} in stream {} has already been merged or split, and thus is not eligible for merging or \
             splitting.",
            shard_name(*shard),
            under_account(stream)
        )),
        Refused::NotAdjacent { stream, first, second } => invalid_argument(format!(
            "Shards {} and {} in stream {} are not an adjacent pair of shards eligible for merging",
            shard_name(*first),
            shard_name(*second),
            under_account(stream)
        )),
        Refused::HashOutOfBounds { stream, shard, hash, first, last } => {
            hash_out_of_bounds(stream, *shard, &hash.to_string(), (*first, *last))
        }
        Refused::ConsumerNotFound { stream, consumer } => not_found(format!(
            "Consumer {consumer} under stream {} and account {} not found.",
            stream.name, stream.account
        )),
        Refused::ConsumerExists { stream, consumer } => in_use(format!(
            "Consumer {consumer} under stream {} already exists for account {}.",
            stream.name, stream.account
        )),
        Refused::PolicyNotFound(resource) => {
            not_found(format!("No resource policy found for resource ARN {resource}"))
        }
        // More shards than one definition holds.
        Refused::Commit(_) | Refused::Stream(_) if error.kind() == RefusalKind::LimitExceeded => {
            limit_exceeded(error.to_string())
        }
        Refused::Commit(cause) => not_committed(cause),
        Refused::Stream(cause) => {
            tracing::error!(error = %cause, "a stream cannot be opened");
            ServiceError::internal()
        }
        Refused::RetentionDirection { .. } | Refused::RetentionOutOfBounds { .. } => retention(error),
        Refused::OnDemand(_) | Refused::Provisioned(_) | Refused::NotCommitted(_) => unsupported(error),
        limit => limited(limit),
    }
}

/// `bounds` are the first and last hash of the shard.
pub(super) fn hash_out_of_bounds(
    stream: &StreamIdentity,
    shard: u32,
    hash: &str,
    bounds: (u128, u128),
) -> ServiceError {
    let (first, last) = bounds;
    invalid_argument(format!(
        "NewStartingHashKey {hash} used in SplitShard() on shard {} in stream {} is not both greater than one \
         plus the shard's StartingHashKey {first} and less than the shard's EndingHashKey {last}.",
        shard_name(shard),
        under_account(stream)
    ))
}

/// What a stream's mode does not allow.
fn unsupported(error: &DirectoryError) -> ServiceError {
    use DirectoryError as Refused;
    match error {
        Refused::OnDemand(stream) => ServiceError::validation(format!(
            "Stream {} is in ON_DEMAND mode: the number of its shards cannot be set.",
            under_account(stream)
        )),
        Refused::Provisioned(stream) => ServiceError::validation(format!(
            "Stream {} is in PROVISIONED mode: this needs the ON_DEMAND mode.",
            under_account(stream)
        )),
        Refused::NotCommitted(account) => ServiceError::validation(format!(
            "Warm throughput needs MinimumThroughputBillingCommitment enabled for account {account}."
        )),
        other => limited(other),
    }
}

fn retention(error: &DirectoryError) -> ServiceError {
    invalid_argument(match error {
        DirectoryError::RetentionDirection { stream, current, wanted, increase } => {
            let (relation, other) = if *increase { ("shorter", "Decrease") } else { ("longer", "Increase") };
            format!(
                "Requested retention period ({wanted} hours) for stream {} can not be {relation} than existing \
                 retention period ({current} hours). Use {other}RetentionPeriod API.",
                stream.name
            )
        }
        DirectoryError::RetentionOutOfBounds { wanted, least, .. } if wanted < least => format!(
            "Minimum allowed retention period is {least} hours. Requested retention period ({wanted} hours) is \
             too short."
        ),
        DirectoryError::RetentionOutOfBounds { wanted, most, .. } => format!(
            "Maximum allowed retention period is {most} hours. Requested retention period ({wanted} hours) is \
             too long."
        ),
        other => other.to_string(),
    })
}

/// Limits of accounts and streams.
fn limited(error: &DirectoryError) -> ServiceError {
    use DirectoryError as Limit;
    match error {
        Limit::ShardLimit { account, region, open, wanted, limit } => limit_exceeded(format!(
            "This request would exceed the shard limit for the account {account} in {region}. Current shard \
             count for the account: {open}. Limit: {limit}. Number of additional shards that would have resulted \
             from this request: {wanted}. Refer to the AWS Service Limits page \
             (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how \
             to request higher limits."
        )),
        Limit::ScalingOutOfBounds { current, target, least, most, .. } => {
            let (direction, bound) =
                if target < least { ("down below half", least) } else { ("up over double", most) };
            let is_halved_or_doubled = *bound == current.div_ceil(2) || *bound == current.saturating_mul(2);
            let rule = if is_halved_or_doubled {
                format!("UpdateShardCount cannot scale {direction} your current open shard count.")
            } else {
                format!("Target shard count or number of open shards cannot be greater than {bound}.")
            };
            limit_exceeded(format!(
                "{rule} Current open shard count: {current}, Target shard count: {target}"
            ))
        }
        Limit::NothingToScale { current, .. } => invalid_argument(format!(
            "Target shard count must differ from the current open shard count: {current}."
        )),
        Limit::TagLimit { resource, limit, .. } => invalid_argument(format!(
            "Failed to add tags to {resource} because a given resource cannot have more than {limit} tags \
             associated with it."
        )),
        Limit::ConsumerLimit { stream, limit } => limit_exceeded(format!(
            "Stream {} has reached the limit of {limit} registered consumers.",
            under_account(stream)
        )),
        Limit::OfTheTopology(_) => in_use(error.to_string()),
        other => limit_exceeded(other.to_string()),
    }
}
