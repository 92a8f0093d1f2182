//! Where in a shard reading begins: the five ways to say it.

use super::{
    errors::{self, under_account},
    sequence_number::{Malformed, Origin, SequenceNumber},
    shard_name::shard_name,
};
use crate::{
    pipeline::stream::directory::StreamIdentity,
    storage::{ShardId, Store},
    wire::{ServiceError, Timestamp},
};

/// A place as a request says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'r> {
    /// Such as `AT_SEQUENCE_NUMBER`.
    pub kind: &'r str,
    pub number: Option<&'r str>,
    pub time: Option<Timestamp>,
}

/// The shard that is spoken of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'s> {
    pub stream: &'s StreamIdentity,
    pub origin: Origin,
    pub id: ShardId,
    /// The operation that asks, for errors.
    pub operation: &'static str,
}

/// The next sequence to read.
///
/// # Errors
/// `InvalidArgumentException` in AWS's words; what AWS fails at is an internal failure.
pub(super) async fn resolve(
    place: Place<'_>,
    shard: Shown<'_>,
    store: &Store,
    now_ms: i64,
) -> Result<u64, ServiceError> {
    let range = store.range(shard.id);
    let (first, next) = range.map_or((0, 0), |range| (range.first, range.next));
    match (place.kind, place.number) {
        ("AT_SEQUENCE_NUMBER", Some(number)) => Ok(read(number, shard)?.at().max(first)),
        ("AFTER_SEQUENCE_NUMBER", Some(number)) => Ok(read(number, shard)?.after().max(first)),
        ("TRIM_HORIZON", None) => Ok(first),
        ("LATEST", None) => Ok(next),
        ("AT_TIMESTAMP", None) => at_time(place.time, shard.id, store, now_ms).await,
        (kind, number) => Err(contradiction(kind, number.is_some())),
    }
}

fn contradiction(kind: &str, has_number: bool) -> ServiceError {
    let said = if has_number { "also a" } else { "no" };
    errors::invalid_argument(format!(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) \
         TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {kind} and {said} \
         StartingSequenceNumber."
    ))
}

/// Reads a sequence number that has to be of this shard.
fn read(text: &str, shard: Shown<'_>) -> Result<SequenceNumber, ServiceError> {
    let Shown { stream, origin, operation, .. } = shard;
    let named = shard_name(origin.shard);
    let invalid = |number: &str, why: &str| {
        errors::invalid_argument(format!(
            "StartingSequenceNumber {number} used in {operation} on shard {named} in stream {} is invalid{why}.",
            under_account(stream)
        ))
    };
    let number = match SequenceNumber::parse(text) {
        Ok(number) => number,
        Err(Malformed::Invalid) => return Err(invalid(&SequenceNumber::restated(text), "")),
        Err(Malformed::Failure) => return Err(ServiceError::internal()),
    };
    if number.origin.shard != origin.shard {
        let encoded = shard_name(number.origin.shard);
        return Err(errors::invalid_argument(format!(
            "Invalid StartingSequenceNumber. It encodes {encoded}, while it was used in a call to a shard with \
             {named}"
        )));
    }
    if number.version != 2 || number.origin != origin {
        let because = " because it did not come from this stream";
        return Err(invalid(&SequenceNumber::restated(text), because));
    }
    Ok(number)
}

/// The first record that came at this time or later.
async fn at_time(
    time: Option<Timestamp>,
    shard: ShardId,
    store: &Store,
    now_ms: i64,
) -> Result<u64, ServiceError> {
    let Some(Timestamp(at_ms)) = time else {
        return Err(errors::invalid_argument(
            "Must specify timestamp parameter for iterator of type AT_TIMESTAMP. Current request has no \
             timestamp parameter.",
        ));
    };
    if at_ms > now_ms {
        return Err(errors::invalid_argument(format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
             timestampInMillis: {at_ms}, currentTimestampInMillis: {now_ms}"
        )));
    }
    search(at_ms, shard, store).await
}

/// Halves the shard until one record is left: each step reads one record.
async fn search(at_ms: i64, shard: ShardId, store: &Store) -> Result<u64, ServiceError> {
    let range = store.range(shard);
    let (mut low, mut high) = range.map_or((0, 0), |range| (range.first, range.next));
    while low < high {
        let middle = low + (high - low) / 2;
        match store.read(shard, middle, 1, 1).await {
            Ok(slice) if slice.records.first().is_some_and(|record| record.arrived_at_ms < at_ms) => {
                low = middle + 1;
            }
            Ok(_) => high = middle,
            // Retention, or an accepted loss, took what lay there: it is older than what is left.
            Err(error) => {
                low = super::reading::beyond(&error).ok_or_else(|| errors::not_read(&error))?.min(high)
            }
        }
    }
    Ok(low)
}
