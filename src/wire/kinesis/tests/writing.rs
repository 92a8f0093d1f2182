//! PutRecord and PutRecords.

use super::*;
use serde_json::json;

#[tokio::test]
async fn records_get_ordered_unique_numbers_that_outlive_a_restart() {
    for protocol in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let lab = Lab::at(folder.path(), protocol, KinesisSettings::default()).await;
        lab.make("trips", 1).await;
        let mut numbers = Vec::new();
        for place in 0..20 {
            let put = lab.put("trips", &format!("key {place}"), "data").await;
            assert_eq!(put["ShardId"], "shardId-000000000000");
            numbers.push(text(&put["SequenceNumber"]));
        }
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1] && pair[0].len() == 56));
        let horizon = json!({"StreamName": "trips", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = lab.iterator(horizon).await;
        lab.store.close().unwrap();
        drop(lab);
        let lab = Lab::at(folder.path(), protocol, KinesisSettings::default()).await;
        let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
        let records = read["Records"].as_array().unwrap();
        let read: Vec<String> = records.iter().map(|record| text(&record["SequenceNumber"])).collect();
        assert_eq!(read, numbers);
        assert!(text(&lab.put("trips", "a", "b").await["SequenceNumber"]) > numbers[19]);
    }
}

#[tokio::test]
async fn explicit_hash_keys_route_to_the_shard_that_holds_them() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 3).await;
        let third = u128::MAX / 3;
        let places = [(0, 0), (third - 1, 0), (third, 1), (2 * third - 1, 1), (2 * third, 2), (u128::MAX, 2)];
        for (hash, shard) in places {
            let request = json!({
                "StreamName": "trips", "PartitionKey": "a", "Data": "", "ExplicitHashKey": hash.to_string(),
            });
            let put = lab.done("PutRecord", request).await;
            assert_eq!(put["ShardId"], format!("shardId-{shard:012}"), "{hash}");
        }
        let beyond = "340282366920938463463374607431768211456";
        let request =
            json!({"StreamName": "trips", "PartitionKey": "a", "Data": "", "ExplicitHashKey": beyond});
        let (code, message) = lab.refused("PutRecord", request).await;
        assert_eq!(code, "InvalidArgumentException");
        assert_eq!(
            message,
            format!(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value \
                 was {beyond}"
            )
        );
    }
}

#[tokio::test]
async fn a_request_of_many_records_is_answered_in_its_order() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 4).await;
        let entry = |place: usize| json!({"PartitionKey": format!("key {place}"), "Data": base64(&place.to_string())});
        let records: Vec<Value> = (0..500).map(entry).collect();
        let put = lab.done("PutRecords", json!({"StreamName": "trips", "Records": records})).await;
        assert_eq!(put["FailedRecordCount"], 0);
        let placed = put["Records"].as_array().unwrap();
        assert_eq!(placed.len(), 500);
        let mut found = 0;
        for shard in 0..4 {
            let iterator = lab
                .iterator(json!({"StreamName": "trips", "ShardId": shard.to_string(), "ShardIteratorType": "TRIM_HORIZON"}))
                .await;
            let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
            for (record, data) in read["Records"].as_array().unwrap().iter().zip(datas(&read)) {
                let told = &placed[data.parse::<usize>().unwrap()];
                assert_eq!(told["SequenceNumber"], record["SequenceNumber"]);
                assert_eq!(told["ShardId"], format!("shardId-{shard:012}"));
                found += 1;
            }
        }
        assert_eq!(found, 500);
    }
}

#[tokio::test]
async fn sizes_are_limited_by_stream_and_by_request() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let large = |bytes: usize| json!({"StreamName": "trips", "PartitionKey": "a", "Data": base64(&"x".repeat(bytes))});
        lab.done("PutRecord", large((1 << 20) - 1)).await;
        let (code, message) = lab.refused("PutRecord", large(1 << 20)).await;
        assert_eq!(code, "InvalidArgumentException");
        assert!(message.contains("1024 KiB"), "{message}");
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/trips";
        lab.done("UpdateMaxRecordSize", json!({"StreamARN": arn, "MaxRecordSizeInKiB": 10240})).await;
        lab.done("PutRecord", large(5 << 20)).await;
        let entry = json!({"PartitionKey": "a", "Data": base64(&"x".repeat(6 << 20))});
        let request = json!({"StreamName": "trips", "Records": [entry.clone(), entry]});
        let (code, message) = lab.refused("PutRecords", request).await;
        assert_eq!(
            (code, message.as_str()),
            ("InvalidArgumentException", "Records size exceeds 10 MB limit")
        );
        let many: Vec<Value> = (0..501).map(|_| json!({"PartitionKey": "a", "Data": ""})).collect();
        let (code, message) =
            lab.refused("PutRecords", json!({"StreamName": "trips", "Records": many})).await;
        assert_eq!(code, "ValidationException");
        assert!(message.contains("Member must have length less than or equal to 500"), "{message}");
    }
}

#[tokio::test]
async fn numbers_for_ordering_are_accepted_when_they_lie_in_the_past() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let first = text(&lab.put("trips", "a", "1").await["SequenceNumber"]);
        let after = |number: &str| json!({"StreamName": "trips", "PartitionKey": "a", "Data": "", "SequenceNumberForOrdering": number});
        let second = text(&lab.done("PutRecord", after(&first)).await["SequenceNumber"]);
        assert!(second > first);
        let invalid = "1".repeat(56);
        let (code, message) = lab.refused("PutRecord", after(&invalid)).await;
        assert_eq!(code, "InvalidArgumentException");
        assert_eq!(
            message,
            format!(
                "ExclusiveMinimumSequenceNumber {invalid} used in PutRecord on stream trips under account \
                 000000000000 is invalid."
            )
        );
    }
}

#[tokio::test]
async fn records_beyond_the_limits_of_their_shard_fail_one_by_one() {
    for protocol in BOTH {
        let settings = KinesisSettings { limits: true, ..KinesisSettings::default() };
        let lab = Lab::with(protocol, settings).await;
        lab.make("trips", 1).await;
        let half = json!({"PartitionKey": "a", "Data": base64(&"x".repeat(500 << 10))});
        let request = json!({"StreamName": "trips", "Records": [half.clone(), half.clone(), half]});
        let put = lab.done("PutRecords", request.clone()).await;
        assert_eq!(put["FailedRecordCount"], 1);
        assert!(put["Records"][1]["SequenceNumber"].is_string());
        let failed = json!({
            "ErrorCode": "ProvisionedThroughputExceededException",
            "ErrorMessage": "Rate exceeded for shard shardId-000000000000 in stream trips under account 000000000000.",
        });
        assert_eq!(put["Records"][2], failed);
        lab.done("AddTagsToStream", json!({"StreamName": "trips", "Tags": {"caudal:limits": "off"}})).await;
        assert_eq!(lab.done("PutRecords", request).await["FailedRecordCount"], 0);
    }
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let request = json!({"StreamName": "trips", "PartitionKey": "a", "Data": "", "DryRun": true});
        assert_eq!(lab.refused("PutRecord", request).await.0, "DryRunOperationException");
        let missing = json!({"StreamName": "other", "PartitionKey": "a", "Data": "", "DryRun": true});
        assert_eq!(lab.refused("PutRecord", missing).await.0, "ResourceNotFoundException");
        let horizon = json!({"StreamName": "trips", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = lab.iterator(horizon).await;
        let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
        assert_eq!(read["Records"], json!([]));
    }
}
