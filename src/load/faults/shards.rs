//! The busiest shard of a stream is split, as AWS's API has it.

use super::FaultError;
use crate::load::{
    admin::Admin,
    aws_endpoint::{AwsEndpoint, Service},
};
use serde::Deserialize;
use serde_json::json;

/// An open shard with its range of hash keys.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shard {
    name: String,
    first: u128,
    last: u128,
}

/// A page of ListShards.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    shards: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    shard_id: String,
    hash_key_range: HashKeyRange,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HashKeyRange {
    starting_hash_key: String,
    ending_hash_key: String,
}

/// Splits the open shard that got the most records, as far as metrics tell, in its middle.
///
/// # Errors
/// When the endpoint refuses, or there is no shard to split.
pub(super) async fn split(
    aws: &AwsEndpoint,
    admin: Option<&Admin>,
    stream: &str,
) -> Result<String, FaultError> {
    let open = json!({ "StreamName": stream, "ShardFilter": { "Type": "AT_LATEST" } });
    let listed = aws.call(Service::Kinesis, "ListShards", &open).await?;
    let unreadable =
        |cause| crate::load::aws_endpoint::AwsError::Unreadable { operation: "ListShards".to_owned(), cause };
    let page: Page = serde_json::from_value(listed).map_err(unreadable)?;
    let metrics = match admin {
        Some(admin) => admin.metrics().await?,
        None => String::new(),
    };
    let shards = page.shards.iter().filter_map(Listed::shard);
    let chosen = busiest(shards, |shard| records(&metrics, stream, &shard.name));
    let chosen = chosen.ok_or_else(|| FaultError::NoShard { stream: stream.to_owned() })?;
    let at = middle(&chosen).to_string();
    let request = json!({ "StreamName": stream, "ShardToSplit": chosen.name, "NewStartingHashKey": at });
    aws.call(Service::Kinesis, "SplitShard", &request).await?;
    Ok(format!("{} of {stream} was split at {at}", chosen.name))
}

impl Listed {
    fn shard(&self) -> Option<Shard> {
        let range = &self.hash_key_range;
        Some(Shard {
            name: self.shard_id.clone(),
            first: range.starting_hash_key.parse().ok()?,
            last: range.ending_hash_key.parse().ok()?,
        })
    }
}

/// Of shards with as many records, the widest.
fn busiest(shards: impl Iterator<Item = Shard>, records: impl Fn(&Shard) -> u64) -> Option<Shard> {
    shards
        .filter(|shard| shard.first < shard.last)
        .max_by_key(|shard| (records(shard), shard.last - shard.first))
}

/// Where the second child begins.
fn middle(shard: &Shard) -> u128 {
    shard.first + (shard.last - shard.first) / 2 + 1
}

/// Records that came to a shard, by the text of `/metrics`; 0 where it does not tell.
fn records(metrics: &str, stream: &str, shard: &str) -> u64 {
    let index: Option<u32> = shard.rsplit('-').next().and_then(|digits| digits.parse().ok());
    let Some(index) = index else { return 0 };
    let prefix = format!("caudal_records_total{{kind=\"stream\",node=\"{stream}\",shard=\"{index}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&prefix));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(index: u32, first: u128, last: u128) -> Shard {
        Shard { name: format!("shardId-{index:012}"), first, last }
    }

    #[test]
    fn the_busiest_shard_is_split_and_without_numbers_the_widest() {
        let metrics = "# HELP caudal_records_total x\n\
            caudal_records_total{kind=\"stream\",node=\"trips\",shard=\"1\"} 30\n\
            caudal_records_total{kind=\"raw\",node=\"trips\",shard=\"0\"} 900\n\
            caudal_records_total{kind=\"stream\",node=\"others\",shard=\"0\"} 900\n\
            caudal_records_total{kind=\"stream\",node=\"trips\",shard=\"10\"} 29\n";
        let shards =
            [shard(0, 0, 999), shard(1, 1_000, 1_009), shard(10, 1_010, 1_019), shard(11, 1_020, 1_020)];
        let of =
            |metrics: &str| busiest(shards.clone().into_iter(), |one| records(metrics, "trips", &one.name));
        assert_eq!(of(metrics), Some(shards[1].clone()));
        assert_eq!(of(""), Some(shards[0].clone()));
        assert_eq!(busiest(shards[3..].iter().cloned(), |_| 1), None, "one hash key cannot be split");
    }

    #[test]
    fn both_children_have_a_range() {
        for (first, last, at) in [(0, 1, 1), (0, u128::MAX, (u128::MAX >> 1) + 1), (5, 9, 8)] {
            assert_eq!(middle(&shard(0, first, last)), at);
        }
    }
}
