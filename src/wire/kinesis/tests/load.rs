//! Splits and merges while records are put: nothing is lost, doubled or reordered for a key.

use super::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

const PRODUCERS: u64 = 4;
/// Requests of each producer: as many as come while the stream is reshaped, but within these.
const LEAST_REQUESTS: u32 = 60;
const MOST_REQUESTS: u32 = 500;
/// Splits and merges.
const CHANGES: u32 = 20;

/// Puts numbered records of its own keys until told to stop; gives how many of each were acknowledged.
async fn produce(lab: &Lab, producer: u64, seed: u64, stop: &AtomicBool) -> BTreeMap<String, u32> {
    let mut draw = StdRng::seed_from_u64(seed ^ producer);
    let mut sent: BTreeMap<String, u32> = BTreeMap::new();
    for request in 0..MOST_REQUESTS {
        if request >= LEAST_REQUESTS && stop.load(Relaxed) {
            break;
        }
        let mut records = Vec::new();
        for _ in 0..draw.random_range(1..20) {
            let key = format!("{producer}-{}", draw.random_range(0..10));
            let next = sent.entry(key.clone()).or_default();
            records.push(json!({"PartitionKey": key, "Data": base64(&format!("{key}:{next}"))}));
            *next += 1;
        }
        let put = lab.done("PutRecords", json!({"StreamName": "trips", "Records": records})).await;
        assert_eq!(put["FailedRecordCount"], 0);
    }
    sent
}

/// Splits and merges at random, with pauses.
async fn reshape(lab: &Lab, seed: u64) {
    let mut draw = StdRng::seed_from_u64(seed);
    for _ in 0..CHANGES {
        let filter = json!({"StreamName": "trips", "ShardFilter": {"Type": "AT_LATEST"}});
        let told = lab.done("ListShards", filter).await;
        let mut open = told["Shards"].as_array().unwrap().clone();
        let hash = |shard: &Value, end: &str| text(&shard["HashKeyRange"][end]).parse::<u128>().unwrap();
        open.sort_by_key(|shard| hash(shard, "StartingHashKey"));
        if open.len() < 3 || (open.len() < 12 && draw.random_bool(0.6)) {
            let shard = &open[draw.random_range(0..open.len())];
            let (first, last) = (hash(shard, "StartingHashKey"), hash(shard, "EndingHashKey"));
            let middle = (first + (last - first) / 2).to_string();
            let split = json!({"StreamName": "trips", "ShardToSplit": shard["ShardId"], "NewStartingHashKey": middle});
            lab.done("SplitShard", split).await;
        } else {
            let place = draw.random_range(0..open.len() - 1);
            let (one, other) = (&open[place]["ShardId"], &open[place + 1]["ShardId"]);
            let merge = json!({"StreamName": "trips", "ShardToMerge": one, "AdjacentShardToMerge": other});
            lab.done("MergeShards", merge).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(draw.random_range(0..15))).await;
    }
}

/// Reads every shard, parents before their children, each in several answers.
async fn read_all(lab: &Lab) -> Vec<String> {
    let mut found = Vec::new();
    for shard in lab.shards("trips").await {
        let horizon = json!({
            "StreamName": "trips", "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON",
        });
        let mut iterator = Some(lab.iterator(horizon).await);
        while let Some(from) = iterator {
            let read = lab.done("GetRecords", json!({"ShardIterator": from, "Limit": 97})).await;
            found.extend(datas(&read));
            let goes_on = read["MillisBehindLatest"].as_i64() > Some(0);
            iterator = read["NextShardIterator"].as_str().filter(|_| goes_on).map(str::to_owned);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reshaping_under_load_loses_doubles_and_reorders_nothing() {
    for (protocol, seed) in BOTH.into_iter().zip([20_190_601, 20_190_602]) {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 2).await;
        let stop = AtomicBool::new(false);
        let all = (0..PRODUCERS).map(|producer| produce(&lab, producer, seed, &stop));
        let reshaping = async {
            reshape(&lab, seed).await;
            stop.store(true, Relaxed);
        };
        let (sent, ()) = futures::join!(futures::future::join_all(all), reshaping);
        let sent: BTreeMap<String, u32> = sent.into_iter().flatten().collect();
        let mut next: BTreeMap<String, u32> = BTreeMap::new();
        for data in read_all(&lab).await {
            let (key, place) = data.split_once(':').unwrap();
            let expected = next.entry(key.to_owned()).or_default();
            assert_eq!(place.parse::<u32>().unwrap(), *expected, "{key}, seed {seed}");
            *expected += 1;
        }
        assert_eq!(next, sent, "seed {seed}");
    }
}
