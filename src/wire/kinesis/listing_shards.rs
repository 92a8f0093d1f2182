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
        stream::{
            OpenDuring,
            directory::{StreamIdentity, StreamResource, StreamStatus},
        },
    },
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    fn then(self) -> OpenDuring {
        match self {
            Self::At(at_ms) => OpenDuring::at(at_ms),
            Self::From(at_ms) => OpenDuring::since(at_ms),
            Self::Open => OpenDuring::NOW,
            Self::All => OpenDuring::EVER,
        }
    }

    /// Reads a filter; also the shard after which it begins, if it says so.
    fn read(
        input: &Input,
        stream: &StreamResource,
        now_ms: i64,
    ) -> Result<(Self, Option<u32>), ServiceError> {
        let Some(asked) = input.structure("ShardFilter") else { return Ok((Self::All, None)) };
        let kept_ms = i64::from(stream.retention_hours()) * MS_OF_AN_HOUR;
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
    let (shown, has_more) = stream.page(filter.then(), after, page(input, "MaxResults", PAGE), now_ms);
    let last = shown.last().filter(|_| has_more).map(|shard| shard.index);
    let next = last.map(|last| {
        let StreamIdentity { account, region, name } = stream.identity.clone();
        let (created_at_ms, after) = (stream.created_at_ms, Some(last));
        let start = Start { account, region, stream: name, created_at_ms, filter, after };
        list_token::close(&kinesis.seal, LISTING, start, now_ms)
    });
    let shards = shown.iter().map(describing::shard);
    Ok(Reply::Whole(Output::new().with_list("Shards", shards).with_some("NextToken", next)))
}

type Begun = (Arc<StreamResource>, Filter, Option<u32>);

/// The first page.
fn started(
    kinesis: &Kinesis,
    input: &Input,
    identity: &StreamIdentity,
    now_ms: i64,
) -> Result<Begun, ServiceError> {
    let stream = kinesis.find(identity)?;
    made_when_asked(&stream, input)?;
    let status = stream.status(now_ms);
    if status == StreamStatus::Creating {
        let status = status.name();
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
    let stream = kinesis.find(&identity)?;
    if stream.created_at_ms != start.created_at_ms {
        return Err(errors::stream_not_found(&identity));
    }
    Ok((stream, start.filter, start.after))
}

/// A request may say which of several streams of one name it means.
pub(super) fn made_when_asked(stream: &StreamResource, input: &Input) -> Result<(), ServiceError> {
    let asked = input.timestamp("StreamCreationTimestamp");
    let is_other =
        asked.is_some_and(|asked| asked.0.div_euclid(1_000) != stream.created_at_ms.div_euclid(1_000));
    if is_other { Err(errors::stream_not_found(&stream.identity)) } else { Ok(()) }
}
