//! Lists of a stream of ten thousand shards, open and closed. That a page costs what it tells is shown where
//! the shards are kept (`stream/lifetimes.rs`).

use super::*;
use serde_json::json;

const BEFORE: u32 = 3_334;
const ALL: u32 = 3 * BEFORE;

/// The numbers on each page of a listing, and the last page's answer.
async fn pages(lab: &Lab, filter: Value, most: u32) -> Vec<Vec<u32>> {
    let mut request = json!({"StreamName": "trips", "ShardFilter": filter, "MaxResults": most});
    let mut pages = Vec::new();
    loop {
        let told = lab.done("ListShards", request).await;
        let index = |shard: &Value| text(&shard["ShardId"])[8..].parse().unwrap();
        pages.push(told["Shards"].as_array().unwrap().iter().map(index).collect());
        match told["NextToken"].as_str() {
            Some(token) => request = json!({"NextToken": token, "MaxResults": most}),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn ten_thousand_shards_are_listed_page_by_page_under_every_filter() {
    let lab = Lab::new(Protocol::Json).await;
    lab.make("trips", BEFORE).await;
    let made = lab.done("DescribeStreamSummary", json!({"StreamName": "trips"})).await;
    let made = made["StreamDescriptionSummary"]["StreamCreationTimestamp"].as_f64().unwrap();
    // Filters tell time by milliseconds.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let double =
        json!({"StreamName": "trips", "TargetShardCount": 2 * BEFORE, "ScalingType": "UNIFORM_SCALING"});
    lab.done("UpdateShardCount", double).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let now = jiff::Timestamp::now().as_millisecond() as f64 / 1_000.0;
    for (filter, expected) in [
        (json!({"Type": "FROM_TRIM_HORIZON"}), 0..ALL),
        (json!({"Type": "AT_TRIM_HORIZON"}), 0..BEFORE),
        (json!({"Type": "AT_LATEST"}), BEFORE..ALL),
        (json!({"Type": "AT_TIMESTAMP", "Timestamp": made}), 0..BEFORE),
        (json!({"Type": "AT_TIMESTAMP", "Timestamp": now}), BEFORE..ALL),
        (json!({"Type": "FROM_TIMESTAMP", "Timestamp": now}), BEFORE..ALL),
        (json!({"Type": "AFTER_SHARD_ID", "ShardId": "9000"}), 9_001..ALL),
    ] {
        let pages = pages(&lab, filter.clone(), 997).await;
        let (last, full) = pages.split_last().unwrap();
        assert!(full.iter().all(|page| page.len() == 997) && !last.is_empty(), "{filter}");
        assert_eq!(pages.concat(), expected.collect::<Vec<_>>(), "{filter}");
    }
    let whole = pages(&lab, json!({"Type": "AT_TRIM_HORIZON"}), BEFORE).await;
    let lengths: Vec<usize> = whole.iter().map(Vec::len).collect();
    assert_eq!(lengths, [1_000, 1_000, 1_000, 334], "no page is larger than AWS's");
    let describe = json!({"StreamName": "trips", "ExclusiveStartShardId": "9999", "Limit": 2});
    let described = lab.done("DescribeStream", describe).await;
    let described = &described["StreamDescription"];
    assert_eq!(described["Shards"].as_array().unwrap().len(), 2);
    assert_eq!(described["HasMoreShards"], false);
    assert_eq!(described["Shards"][1]["ParentShardId"], "shardId-000000003333");
}
