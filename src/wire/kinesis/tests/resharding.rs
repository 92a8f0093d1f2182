//! ListShards, SplitShard, MergeShards, UpdateShardCount, and reading through them.

use super::*;
use serde_json::json;

fn ids(shards: &[Value]) -> Vec<u32> {
    let index = |shard: &Value| text(&shard["ShardId"])[8..].parse().unwrap();
    shards.iter().map(index).collect()
}

async fn listed(lab: &Lab, filter: Value) -> Vec<u32> {
    let told = lab.done("ListShards", json!({"StreamName": "trips", "ShardFilter": filter})).await;
    ids(told["Shards"].as_array().unwrap())
}

#[tokio::test]
async fn a_split_shard_ends_in_its_children() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        lab.put("trips", "a", "before").await;
        let horizon = json!({"StreamName": "trips", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = lab.iterator(horizon).await;
        let middle = (1_u128 << 127).to_string();
        let split = json!({"StreamName": "trips", "ShardToSplit": "shard-0", "NewStartingHashKey": middle});
        assert_eq!(lab.done("SplitShard", split.clone()).await, Value::Null);
        let shards = lab.shards("trips").await;
        assert_eq!(ids(&shards), [0, 1, 2]);
        let ending = text(&shards[0]["SequenceNumberRange"]["EndingSequenceNumber"]);
        assert!(ending > text(&shards[0]["SequenceNumberRange"]["StartingSequenceNumber"]));
        assert_eq!(shards[1]["ParentShardId"], "shardId-000000000000");
        assert_eq!(shards[2]["HashKeyRange"]["StartingHashKey"], middle);
        let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
        assert_eq!(datas(&read), ["before"]);
        assert!(read.get("NextShardIterator").is_none());
        let children = read["ChildShards"].as_array().unwrap();
        assert_eq!(ids(children), [1, 2]);
        assert_eq!(children[0]["ParentShards"], json!(["shardId-000000000000"]));
        assert_ne!(lab.put("trips", "a", "after").await["ShardId"], "shardId-000000000000");
        let (code, message) = lab.refused("SplitShard", split).await;
        assert_eq!(code, "InvalidArgumentException");
        assert!(message.contains("has already been merged or split"), "{message}");
    }
}

#[tokio::test]
async fn merged_shards_have_one_child_with_both_as_parents() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 3).await;
        let merge = |one: &str, other: &str| json!({"StreamName": "trips", "ShardToMerge": one, "AdjacentShardToMerge": other});
        for (one, other) in [(0, 2), (1, 0)] {
            let (code, message) =
                lab.refused("MergeShards", merge(&one.to_string(), &other.to_string())).await;
            assert_eq!(code, "InvalidArgumentException");
            assert_eq!(
                message,
                format!(
                    "Shards shardId-{one:012} and shardId-{other:012} in stream trips under account 000000000000 \
                     are not an adjacent pair of shards eligible for merging"
                )
            );
        }
        lab.done("MergeShards", merge("0", "1")).await;
        let shards = lab.shards("trips").await;
        assert_eq!(ids(&shards), [0, 1, 2, 3]);
        assert_eq!(shards[3]["ParentShardId"], "shardId-000000000000");
        assert_eq!(shards[3]["AdjacentParentShardId"], "shardId-000000000001");
        let horizon = json!({"StreamName": "trips", "ShardId": "1", "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = lab.iterator(horizon).await;
        let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
        let parents = json!(["shardId-000000000000", "shardId-000000000001"]);
        assert_eq!(read["ChildShards"][0]["ParentShards"], parents);
    }
}

#[tokio::test]
async fn a_shard_is_split_only_within_its_hashes() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 3).await;
        for (shard, hash, bounds) in [
            (0, "1", ("0", "113427455640312821154458202477256070484")),
            (0, "113427455640312821154458202477256070484", ("0", "113427455640312821154458202477256070484")),
            (
                2,
                "999999999999999999999999999999999999999",
                ("226854911280625642308916404954512140970", "340282366920938463463374607431768211455"),
            ),
        ] {
            let request =
                json!({"StreamName": "trips", "ShardToSplit": shard.to_string(), "NewStartingHashKey": hash});
            let (code, message) = lab.refused("SplitShard", request).await;
            assert_eq!(code, "InvalidArgumentException");
            let (first, last) = bounds;
            assert_eq!(
                message,
                format!(
                    "NewStartingHashKey {hash} used in SplitShard() on shard shardId-{shard:012} in stream trips \
                     under account 000000000000 is not both greater than one plus the shard's StartingHashKey \
                     {first} and less than the shard's EndingHashKey {last}."
                )
            );
        }
        lab.done(
            "SplitShard",
            json!({"StreamName": "trips", "ShardToSplit": "0", "NewStartingHashKey": "2"}),
        )
        .await;
    }
}

#[tokio::test]
async fn update_shard_count_leaves_as_many_shards_as_aws_does() {
    for (from, to, all) in [(4, 5, 15), (10, 13, 37), (5, 3, 7), (10, 5, 15)] {
        let lab = Lab::new(Protocol::Json).await;
        lab.make("trips", from).await;
        let request =
            json!({"StreamName": "trips", "TargetShardCount": to, "ScalingType": "UNIFORM_SCALING"});
        let told = lab.done("UpdateShardCount", request).await;
        assert_eq!((&told["CurrentShardCount"], &told["TargetShardCount"]), (&json!(from), &json!(to)));
        assert_eq!(told["StreamARN"], "arn:aws:kinesis:us-east-1:000000000000:stream/trips");
        assert_eq!(lab.shards("trips").await.len(), all, "{from} to {to}");
        assert_eq!(listed(&lab, json!({"Type": "AT_LATEST"})).await.len(), to);
    }
}

#[tokio::test]
async fn update_shard_count_keeps_its_limits() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 4).await;
        let to = |target: u32| json!({"StreamName": "trips", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
        let counts = |target| format!("Current open shard count: 4, Target shard count: {target}");
        let (code, message) = lab.refused("UpdateShardCount", to(9)).await;
        assert_eq!(code, "LimitExceededException");
        let up = "UpdateShardCount cannot scale up over double your current open shard count.";
        assert_eq!(message, format!("{up} {}", counts(9)));
        let (_, message) = lab.refused("UpdateShardCount", to(1)).await;
        let down = "UpdateShardCount cannot scale down below half your current open shard count.";
        assert_eq!(message, format!("{down} {}", counts(1)));
        assert_eq!(lab.refused("UpdateShardCount", to(4)).await.0, "InvalidArgumentException");
    }
}

#[tokio::test]
async fn shards_are_listed_in_pages_and_by_filters() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 3).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        lab.done(
            "SplitShard",
            json!({"StreamName": "trips", "ShardToSplit": "0", "NewStartingHashKey": "9"}),
        )
        .await;
        let first = lab.done("ListShards", json!({"StreamName": "trips", "MaxResults": 3})).await;
        let token = text(&first["NextToken"]);
        let rest = lab.done("ListShards", json!({"NextToken": token})).await;
        assert_eq!(ids(first["Shards"].as_array().unwrap()), [0, 1, 2]);
        assert_eq!(ids(rest["Shards"].as_array().unwrap()), [3, 4]);
        assert!(rest.get("NextToken").is_none());
        assert_eq!(listed(&lab, json!({"Type": "AFTER_SHARD_ID", "ShardId": "2"})).await, [3, 4]);
        assert_eq!(listed(&lab, json!({"Type": "AT_LATEST"})).await, [1, 2, 3, 4]);
        assert_eq!(listed(&lab, json!({"Type": "AT_TRIM_HORIZON"})).await, [0, 1, 2]);
        assert_eq!(listed(&lab, json!({"Type": "FROM_TRIM_HORIZON"})).await, [0, 1, 2, 3, 4]);
        let long_ago = json!({"Type": "AT_TIMESTAMP", "Timestamp": 1_000_000_000.0});
        assert_eq!(listed(&lab, long_ago).await, [0, 1, 2], "corrected to the horizon");
        let both = json!({"NextToken": token, "StreamName": "trips"});
        let (code, message) = lab.refused("ListShards", both).await;
        assert_eq!(code, "InvalidArgumentException");
        assert_eq!(message, "NextToken and StreamName cannot be provided together.");
        let arn =
            json!({"NextToken": token, "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/trips"});
        let (_, message) = lab.refused("ListShards", arn).await;
        assert_eq!(message, "NextToken and StreamARN cannot be provided together.");
        let (_, message) = lab.refused("ListShards", json!({})).await;
        assert_eq!(message, "Either NextToken or StreamName should be provided.");
        let lacking = json!({"StreamName": "trips", "ShardFilter": {"Type": "AT_TIMESTAMP"}});
        assert_eq!(lab.refused("ListShards", lacking).await.0, "InvalidArgumentException");
    }
}
