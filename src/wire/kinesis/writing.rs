//! PutRecord and PutRecords: one commit for a request, answered after the flush.

use super::{
    Kinesis, choice,
    errors::{self, under_account},
    polling::origin,
    sequence_number::{Malformed, Numbering, Origin, SequenceNumber},
    shard_name::{ShardName, shard_name},
};
use crate::{
    pipeline::{
        now_ms,
        stream::{
            Incoming, Placed, Stream,
            directory::{Distribution, StreamIdentity, StreamResource},
            hash_key,
        },
    },
    storage::CommitError,
    wire::{Caller, Input, Output, Reply, Row, Rows, ServiceError, Tell, protocol::name},
};
use bytes::{Bytes, BytesMut};

/// Keys and data of a request, in bytes.
const MOST_BYTES: usize = 10 << 20;

/// What the records of a stream have to keep.
struct Rules<'s> {
    identity: &'s StreamIdentity,
    /// Key and data, in bytes.
    largest: usize,
    distribution: Distribution,
}

pub(super) async fn put_record(
    kinesis: &Kinesis,
    caller: Caller,
    input: Input,
) -> Result<Reply, ServiceError> {
    let identity = choice::stream(kinesis, &caller, &input)?;
    let resource = kinesis.usable(&identity)?;
    let now_ms = now_ms();
    if let Some(least) = input.text("SequenceNumberForOrdering") {
        comes_before(least, &identity, now_ms)?;
    }
    let rules = Rules::of(&resource);
    let record = rules.incoming(&input, None, &mut BytesMut::new())?;
    if input.boolean("DryRun") == Some(true) {
        return Err(errors::dry_run());
    }
    let outcome = append(&resource.stream, vec![record], now_ms).await?.into_iter().next();
    match outcome {
        Some(Ok(stored)) => {
            Ok(Reply::Whole(stored.tell().with_some("EncryptionType", encryption(&resource))))
        }
        Some(Err(shard)) => Err(errors::throttled(shard, &identity)),
        None => Err(ServiceError::internal()),
    }
}

pub(super) async fn put_records(
    kinesis: &Kinesis,
    caller: Caller,
    input: Input,
) -> Result<Reply, ServiceError> {
    let identity = choice::stream(kinesis, &caller, &input)?;
    let resource = kinesis.usable(&identity)?;
    let rules = Rules::of(&resource);
    let entries = input.structures("Records").enumerate();
    let keys = input.structures("Records").filter_map(|entry| entry.text("PartitionKey"));
    // One piece of memory for all keys.
    let mut keys = BytesMut::with_capacity(keys.map(str::len).sum());
    let records = entries.map(|(place, entry)| rules.incoming(entry, Some(place + 1), &mut keys));
    let records: Vec<Incoming> = records.collect::<Result<_, _>>()?;
    let bytes: usize = records.iter().map(|record| record.key.len() + record.payload.len()).sum();
    if bytes > MOST_BYTES {
        return Err(errors::invalid_argument("Records size exceeds 10 MB limit"));
    }
    if input.boolean("DryRun") == Some(true) {
        return Err(errors::dry_run());
    }
    let outcomes = append(&resource.stream, records, now_ms()).await?;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let output = Output::new()
        .with("FailedRecordCount", i64::try_from(failed).unwrap_or(i64::MAX))
        .with("Records", Rows::new(Outcomes { outcomes, identity }))
        .with_some("EncryptionType", encryption(&resource));
    Ok(Reply::Whole(output))
}

impl<'s> Rules<'s> {
    fn of(resource: &'s StreamResource) -> Self {
        let largest = usize::try_from(resource.stream.section().max_record.0).unwrap_or(usize::MAX);
        Self { identity: &resource.identity, largest, distribution: resource.distribution() }
    }

    /// Reads a record; `place` is where it stands in a list, from 1. Its key is put behind `keys`.
    fn incoming(
        &self,
        entry: &Input,
        place: Option<usize>,
        keys: &mut BytesMut,
    ) -> Result<Incoming, ServiceError> {
        let data = entry.blob("Data").cloned().unwrap_or_default();
        let key = entry.text("PartitionKey");
        let is_keyed = self.distribution == Distribution::PartitionKey;
        if is_keyed && key.is_none() {
            return Err(no_key(place));
        }
        keys.extend_from_slice(key.unwrap_or_default().as_bytes());
        let key = keys.split().freeze();
        if key.len() + data.len() > self.largest {
            return Err(self.too_large(place));
        }
        let explicit = entry.text("ExplicitHashKey").map(explicit_hash).transpose()?;
        let hash = if is_keyed { explicit.unwrap_or_else(|| hash_key(&key)) } else { rand::random() };
        Ok(Incoming { hash: Some(hash), key, attributes: Bytes::new(), payload: data })
    }

    fn too_large(&self, place: Option<usize>) -> ServiceError {
        let which =
            place.map_or_else(|| "Record".to_owned(), |place| format!("Record {place} of the request"));
        errors::invalid_argument(format!(
            "{which} exceeds the maximum record size of {} KiB of stream {}.",
            self.largest >> 10,
            under_account(self.identity)
        ))
    }
}

/// What answers say of encryption: nothing unless it is on.
pub(super) fn encryption(resource: &StreamResource) -> Option<&'static str> {
    resource.is_encrypted().then_some("KMS")
}

fn no_key(place: Option<usize>) -> ServiceError {
    let field = place
        .map_or_else(|| "partitionKey".to_owned(), |place| format!("records.{place}.member.partitionKey"));
    ServiceError::validation(format!(
        "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be \
         null"
    ))
}

fn explicit_hash(text: &str) -> Result<u128, ServiceError> {
    text.parse().map_err(|_| {
        errors::invalid_argument(format!(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was \
             {text}"
        ))
    })
}

/// A number that the new record's has to be above: any that was given before is.
fn comes_before(text: &str, identity: &StreamIdentity, now_ms: i64) -> Result<(), ServiceError> {
    let invalid = || {
        errors::invalid_argument(format!(
            "ExclusiveMinimumSequenceNumber {} used in PutRecord on stream {} is invalid.",
            SequenceNumber::restated(text),
            under_account(identity)
        ))
    };
    let number = match SequenceNumber::parse(text) {
        Ok(number) => number,
        Err(Malformed::Invalid) => return Err(invalid()),
        Err(Malformed::Failure) => return Err(ServiceError::internal()),
    };
    let now_s = u64::try_from(now_ms / 1_000).unwrap_or(0);
    if number.time_s > now_s { Err(invalid()) } else { Ok(()) }
}

/// A record that is on disk.
struct Stored {
    origin: Origin,
    sequence: u64,
    at_ms: i64,
}

impl Stored {
    fn number(&self) -> SequenceNumber {
        self.origin.number(self.sequence, self.at_ms)
    }

    fn tell(self) -> Output {
        let shard = shard_name(self.origin.shard);
        Output::new().with("SequenceNumber", self.number().to_string()).with("ShardId", shard)
    }
}

/// What became of the records of a request, in their order.
struct Outcomes {
    outcomes: Vec<Result<Stored, u32>>,
    identity: StreamIdentity,
}

/// Bytes of an outcome in an answer.
const OUTCOME: usize = 128;

impl Tell for Outcomes {
    fn count(&self) -> usize {
        self.outcomes.len()
    }

    fn size_hint(&self) -> usize {
        self.outcomes.len() * OUTCOME
    }

    fn tell(&self, place: usize, row: &mut dyn Row) {
        match self.outcomes.get(place) {
            Some(Ok(stored)) => {
                row.number(name!("SequenceNumber"), Numbering::DIGITS, &|| stored.number().digits());
                row.text(name!("ShardId"), ShardName::of(stored.origin.shard).as_str());
            }
            Some(Err(shard)) => {
                row.text(name!("ErrorCode"), "ProvisionedThroughputExceededException");
                row.text(name!("ErrorMessage"), &errors::rate_exceeded(*shard, &self.identity));
            }
            None => {}
        }
    }
}

/// Stores what the shards' limits admit. For each record, in order: where it lies, or the shard that
/// refused it.
async fn append(
    stream: &Stream,
    records: Vec<Incoming>,
    now_ms: i64,
) -> Result<Vec<Result<Stored, u32>>, ServiceError> {
    let refused = refused_by_limits(stream, &records);
    let mut admitted = records;
    if refused.iter().any(Option::is_some) {
        let mut verdicts = refused.iter();
        admitted.retain(|_| verdicts.next().is_some_and(Option::is_none));
    }
    let placed = if admitted.is_empty() { Ok(Vec::new()) } else { stream.append(&admitted, now_ms).await };
    let placed = placed.map_err(|error| {
        give_back(stream, &admitted, &error);
        errors::not_committed(&error)
    })?;
    let layout = stream.layout();
    let mut stored = placed.into_iter().map(|Placed { shard, sequence }| {
        // Shards are listed until long after their last record.
        let origin = layout.shard(shard).map_or(Origin::new(0, shard, false), |shard| origin(shard));
        Stored { origin, sequence, at_ms: now_ms }
    });
    let outcome = |refused: Option<u32>| match refused {
        Some(shard) => Ok(Err(shard)),
        None => stored.next().map(Ok).ok_or_else(ServiceError::internal),
    };
    refused.into_iter().map(outcome).collect()
}

/// For each record the shard whose limits refuse it, if they do.
fn refused_by_limits(stream: &Stream, records: &[Incoming]) -> Vec<Option<u32>> {
    if stream.section().limits.is_none() {
        return vec![None; records.len()];
    }
    let layout = stream.layout();
    let verdict = |record: &Incoming| {
        let shard = layout.route_hash(record.hash?);
        let admitted = match shard.admit(1, size(record)) {
            // A record that is larger than the burst takes all of it.
            Err(refusal) if refusal.never => shard.admit(1, refusal.burst),
            verdict => verdict,
        };
        admitted.is_err().then_some(shard.index)
    };
    records.iter().map(verdict).collect()
}

/// Room under the limits returns when nothing was stored.
fn give_back(stream: &Stream, records: &[Incoming], error: &CommitError) {
    if matches!(error, CommitError::Unknown(_)) || stream.section().limits.is_none() {
        return;
    }
    let layout = stream.layout();
    let part = |record: &Incoming| Some((layout.route_hash(record.hash?).index, 1, size(record)));
    let parts: Vec<_> = records.iter().filter_map(part).collect();
    stream.give_back_all(&parts);
}

fn size(record: &Incoming) -> u64 {
    (record.key.len() + record.payload.len()) as u64
}
