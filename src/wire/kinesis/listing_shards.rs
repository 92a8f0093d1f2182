//! ListShards, with its filters.

use super::{
    Kinesis, choice, describing,
    errors::{self, under_account},
    list_token,
    shard_name::shard_index,
    streams::page,
};
use crate::{
    pipeline::{
        now_ms,
        stream::directory::{ShardDescription, StreamDescription, StreamIdentity, StreamStatus},
    },
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use serde::{Deserialize, Serialize};

/// Most shards of one page.
const PAGE: usize = 1_000;
const LISTING: &str = "ListShards";
const MS_OF_AN_HOUR: i64 = 3_600_000;

/// Which shards are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Filter {
    /// Open at this time.
    At(i64),
    /// Open at this time, or opened later.
    From(i64),
    Open,
    All,
}

/// Where a page begins, as a token says it.
#[derive(Debug, Serialize, Deserialize)]
struct Start {
    account: String,
    region: String,
    stream: String,
    created_at_ms: i64,
    filter: Filter,
    after: Option<u32>,
}

impl Filter {
    fn shows(self, shard: &ShardDescription) -> bool {
        let lasts_until = |at_ms| shard.closed_at_ms.is_none_or(|closed| closed >= at_ms);
        match self {
            Self::At(at_ms) => shard.opened_at_ms <= at_ms && lasts_until(at_ms),
            Self::From(at_ms) => lasts_until(at_ms),
            Self::Open => shard.is_open(),
            Self::All => true,
        }
    }

    /// Reads a filter; also the shard after which it begins, if it says so.
    fn read(
        input: &Input,
        stream: &StreamDescription,
        now_ms: i64,
    ) -> Result<(Self, Option<u32>), ServiceError> {
        let Some(asked) = input.structure("ShardFilter") else { return Ok((Self::All, None)) };
        let kept_ms = i64::from(stream.retention_hours) * MS_OF_AN_HOUR;
        let horizon = stream.created_at_ms.max(now_ms.saturating_sub(kept_ms));
        let kind = asked.text("Type").unwrap_or_default();
        let (wants_shard, wants_time) = (kind == "AFTER_SHARD_ID", kind.ends_with("_TIMESTAMP"));
        for (field, is_wanted) in [("ShardId", wants_shard), ("Timestamp", wants_time)] {
            if asked.has(field) != is_wanted {
                let rule = if is_wanted { "must" } else { "must not" };
                return Err(errors::invalid_argument(format!(
                    "{field} {rule} be provided for a ShardFilter of type {kind}."
                )));
            }
        }
        let time = asked.timestamp("Timestamp").map_or(horizon, |time| time.0.max(horizon));
        Ok(match kind {
            "AFTER_SHARD_ID" => {
                let name = asked.text("ShardId").unwrap_or_default();
                (Self::All, Some(index(name, &stream.identity)?))
            }
            "AT_TRIM_HORIZON" | "AT_TIMESTAMP" => (Self::At(time), None),
            "AT_LATEST" => (Self::Open, None),
            _ => (Self::From(time), None),
        })
    }
}

fn index(name: &str, identity: &StreamIdentity) -> Result<u32, ServiceError> {
    shard_index(name).ok_or_else(|| errors::no_shard(name, identity))
}

pub(super) fn list_shards(kinesis: &Kinesis, caller: &Caller, input: &Input) -> Result<Reply, ServiceError> {
    let now_ms = now_ms();
    let named = choice::named(kinesis, caller, input)?;
    let (stream, filter, after) = match (input.text("NextToken"), named) {
        (None, None) => {
            return Err(errors::invalid_argument("Either NextToken or StreamName should be provided."));
        }
        (Some(token), _) => resumed(kinesis, input, token, now_ms)?,
        (None, Some(identity)) => started(kinesis, input, &identity, now_ms)?,
    };
    let shown: Vec<&ShardDescription> = stream
        .shards
        .iter()
        .filter(|shard| after.is_none_or(|after| shard.index > after) && filter.shows(shard))
        .collect();
    let most = page(input, "MaxResults", PAGE);
    let first = shown.get(..most).unwrap_or(&shown);
    let last = first.last().filter(|_| shown.len() > first.len()).map(|shard| shard.index);
    let next = last.map(|last| {
        let StreamIdentity { account, region, name } = stream.identity.clone();
        let (created_at_ms, after) = (stream.created_at_ms, Some(last));
        let start = Start { account, region, stream: name, created_at_ms, filter, after };
        list_token::close(&kinesis.seal, LISTING, start, now_ms)
    });
    let shards = first.iter().map(|shard| describing::shard(shard));
    Ok(Reply::Whole(Output::new().with_list("Shards", shards).with_some("NextToken", next)))
}

type Begun = (StreamDescription, Filter, Option<u32>);

/// The first page.
fn started(
    kinesis: &Kinesis,
    input: &Input,
    identity: &StreamIdentity,
    now_ms: i64,
) -> Result<Begun, ServiceError> {
    let stream = kinesis.find(identity)?.describe(now_ms);
    made_when_asked(&stream, input)?;
    if stream.status == StreamStatus::Creating {
        let status = stream.status.name();
        return Err(errors::in_use(format!(
            "Stream {} not ACTIVE, instead in state {status}",
            under_account(identity)
        )));
    }
    let (filter, beyond) = Filter::read(input, &stream, now_ms)?;
    let start = input.text("ExclusiveStartShardId").map(|name| index(name, identity)).transpose()?;
    Ok((stream, filter, start.max(beyond)))
}

/// A later page: all but its size is in the token.
fn resumed(kinesis: &Kinesis, input: &Input, token: &str, now_ms: i64) -> Result<Begun, ServiceError> {
    let others = [
        "StreamName",
        "StreamARN",
        "StreamId",
        "ExclusiveStartShardId",
        "StreamCreationTimestamp",
        "ShardFilter",
    ];
    if let Some(second) = others.into_iter().find(|name| input.has(name)) {
        return Err(errors::invalid_argument(format!("NextToken and {second} cannot be provided together.")));
    }
    let start: Start = list_token::open(&kinesis.seal, LISTING, token, now_ms)?;
    let identity = StreamIdentity::new(&start.account, &start.region, &start.stream);
    let stream = kinesis.find(&identity)?.describe(now_ms);
    if stream.created_at_ms != start.created_at_ms {
        return Err(errors::stream_not_found(&identity));
    }
    Ok((stream, start.filter, start.after))
}

/// A request may say which of several streams of one name it means.
pub(super) fn made_when_asked(stream: &StreamDescription, input: &Input) -> Result<(), ServiceError> {
    let asked = input.timestamp("StreamCreationTimestamp");
    let is_other =
        asked.is_some_and(|asked| asked.0.div_euclid(1_000) != stream.created_at_ms.div_euclid(1_000));
    if is_other { Err(errors::stream_not_found(&stream.identity)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::stream::DefinedShard;

    fn shard(opened_at_ms: i64, closed_at_ms: Option<i64>) -> ShardDescription {
        let defined = DefinedShard {
            index: 0,
            first_hash: 0,
            last_hash: u128::MAX,
            parent: None,
            adjacent_parent: None,
            opened_at_ms,
            closed_at_ms,
        };
        ShardDescription { defined, first: 0, next: 0 }
    }

    #[test]
    fn filters_show_shards_by_when_they_were_open() {
        let (early, middle, late) = (shard(0, Some(10)), shard(10, Some(20)), shard(20, None));
        let shown = |filter: Filter| [&early, &middle, &late].map(|shard| filter.shows(shard));
        assert_eq!(shown(Filter::All), [true, true, true]);
        assert_eq!(shown(Filter::Open), [false, false, true]);
        assert_eq!(shown(Filter::At(5)), [true, false, false]);
        assert_eq!(shown(Filter::At(15)), [false, true, false]);
        assert_eq!(shown(Filter::From(15)), [false, true, true]);
        assert_eq!(shown(Filter::From(25)), [false, false, true]);
    }
}
