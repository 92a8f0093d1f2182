//! GetShardIterator and GetRecords: reading by polling.

use super::{
    Kinesis, Reader, choice, describing,
    errors::{self, under_account},
    position::{self, Place, Shown},
    reading::{self, Portion},
    sequence_number::Origin,
    shard_iterator::ShardIterator,
    shard_name::shard_index,
    shard_to_read,
    writing::encryption,
};
use crate::{
    pipeline::{
        now_ms,
        stream::{
            Shard,
            directory::{StreamIdentity, StreamResource},
        },
    },
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use std::time::Instant;

/// Most records and bytes of one answer.
const MOST: Portion = Portion { records: 10_000, bytes: 10 << 20 };

pub(super) fn origin(shard: &Shard) -> Origin {
    Origin::new(shard.opened_at_ms, shard.index, shard.parent.is_some())
}

pub(super) async fn get_shard_iterator(
    kinesis: &Kinesis,
    caller: Caller,
    input: Input,
) -> Result<Reply, ServiceError> {
    let identity = choice::stream(kinesis, &caller, &input)?;
    let named = input.text("ShardId").unwrap_or_default();
    let index = shard_index(named).ok_or_else(|| errors::no_shard(named, &identity))?;
    let nowhere = |_| errors::shard_does_not_exist(index, &identity);
    let resource = kinesis.usable(&identity).map_err(nowhere)?;
    let shard = shard_to_read(&resource, index)?;
    let place = Place {
        kind: input.text("ShardIteratorType").unwrap_or_default(),
        number: input.text("StartingSequenceNumber"),
        time: input.timestamp("Timestamp"),
    };
    let shown =
        Shown { stream: &identity, origin: origin(&shard), id: shard.id, operation: "GetShardIterator" };
    let now_ms = now_ms();
    let position = position::resolve(place, shown, resource.stream.store(), now_ms).await?;
    if input.boolean("DryRun") == Some(true) {
        return Err(errors::dry_run());
    }
    let iterator = at(&identity, &shard, position).close(&kinesis.seal, now_ms);
    Ok(Reply::Whole(Output::new().with("ShardIterator", iterator)))
}

/// The iterator of a place in a shard.
fn at(identity: &StreamIdentity, shard: &Shard, position: u64) -> ShardIterator {
    ShardIterator {
        account: identity.account.clone(),
        region: identity.region.clone(),
        stream: identity.name.clone(),
        shard: shard.index,
        shard_created_at_ms: shard.opened_at_ms,
        position,
    }
}

pub(super) async fn get_records(
    kinesis: &Kinesis,
    caller: Caller,
    input: Input,
) -> Result<Reply, ServiceError> {
    let now_ms = now_ms();
    let text = input.text("ShardIterator").unwrap_or_default();
    let iterator = ShardIterator::open(&kinesis.seal, text, now_ms)?;
    let identity = StreamIdentity::new(&iterator.account, &iterator.region, &iterator.stream);
    agrees(kinesis, &caller, &input, &identity)?;
    let nowhere = |_| errors::shard_does_not_exist(iterator.shard, &identity);
    let resource = kinesis.usable(&identity).map_err(nowhere)?;
    let shard = shard_to_read(&resource, iterator.shard)?;
    let now = Instant::now();
    let is_limited = resource.stream.section().limits.is_some();
    let reader = Reader { shard: shard.id, consumer: None };
    let outflow = is_limited.then(|| kinesis.outflows.of(reader, now));
    if outflow.as_ref().is_some_and(|outflow| !outflow.admit_call(now)) {
        return Err(errors::throttled(shard.index, &identity));
    }
    if input.boolean("DryRun") == Some(true) {
        return Err(errors::dry_run());
    }
    // A stream of the same name that was made later is read from its first record.
    let is_same = iterator.shard_created_at_ms == shard.opened_at_ms;
    let position = if is_same { iterator.position } else { 0 };
    let records = input.integer("Limit").and_then(|limit| usize::try_from(limit).ok());
    let portion = Portion { records: records.unwrap_or(MOST.records), ..MOST };
    let read = reading::read(resource.stream.store(), shard.id, position, portion, now_ms).await?;
    if let Some(outflow) = outflow {
        outflow.take(read.bytes, now);
    }
    Ok(Reply::Whole(tell(kinesis, &resource, &shard, read, now_ms)))
}

fn tell(
    kinesis: &Kinesis,
    resource: &StreamResource,
    shard: &Shard,
    read: reading::Portioned,
    now_ms: i64,
) -> Output {
    let end = reading::is_at_end(resource, shard, read.page.next());
    let next = (!end).then(|| at(&resource.identity, shard, read.page.next()).close(&kinesis.seal, now_ms));
    let children = end.then(|| describing::children(resource, shard.index));
    let told = Output::new()
        .with("Records", reading::told(origin(shard), read.page, encryption(resource)))
        .with_some("NextShardIterator", next)
        .with("MillisBehindLatest", read.behind_ms);
    match children {
        Some(children) => told.with_list("ChildShards", children),
        None => told,
    }
}

/// A stream that the request names beside its iterator has to be the iterator's.
fn agrees(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
    identity: &StreamIdentity,
) -> Result<(), ServiceError> {
    match choice::named(kinesis, caller, input)? {
        Some(named) if named != *identity => Err(errors::invalid_argument(format!(
            "The ShardIterator was given for stream {}, but the request names stream {}.",
            under_account(identity),
            under_account(&named)
        ))),
        _ => Ok(()),
    }
}
