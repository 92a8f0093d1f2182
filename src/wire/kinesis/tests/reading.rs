//! GetShardIterator and GetRecords.

use super::*;
use serde_json::json;

async fn filled(protocol: Protocol) -> (Lab, Vec<String>) {
    let lab = Lab::new(protocol).await;
    lab.make("trips", 1).await;
    let mut numbers = Vec::new();
    for data in ["a", "b", "c"] {
        numbers.push(text(&lab.put("trips", "key", data).await["SequenceNumber"]));
    }
    (lab, numbers)
}

fn from(kind: &str) -> Value {
    json!({"StreamName": "trips", "ShardId": "shardId-000000000000", "ShardIteratorType": kind})
}

fn with(mut request: Value, field: &str, value: Value) -> Value {
    request[field] = value;
    request
}

async fn read_from(lab: &Lab, request: Value) -> Vec<String> {
    let iterator = lab.iterator(request).await;
    datas(&lab.done("GetRecords", json!({"ShardIterator": iterator})).await)
}

#[tokio::test]
async fn all_five_types_begin_where_they_say() {
    for protocol in BOTH {
        let (lab, numbers) = filled(protocol).await;
        let number = |place: usize| json!(numbers[place]);
        assert_eq!(read_from(&lab, from("TRIM_HORIZON")).await, ["a", "b", "c"]);
        assert!(read_from(&lab, from("LATEST")).await.is_empty());
        let at = with(from("AT_SEQUENCE_NUMBER"), "StartingSequenceNumber", number(1));
        assert_eq!(read_from(&lab, at).await, ["b", "c"]);
        let after = with(from("AFTER_SEQUENCE_NUMBER"), "StartingSequenceNumber", number(1));
        assert_eq!(read_from(&lab, after).await, ["c"]);
        let start = &lab.shards("trips").await[0]["SequenceNumberRange"]["StartingSequenceNumber"];
        let at_start = with(from("AFTER_SEQUENCE_NUMBER"), "StartingSequenceNumber", start.clone());
        assert_eq!(read_from(&lab, at_start).await, ["a", "b", "c"]);
        let long_ago = with(from("AT_TIMESTAMP"), "Timestamp", json!(1_000_000_000.5));
        assert_eq!(read_from(&lab, long_ago).await, ["a", "b", "c"]);
        let future = with(from("AT_TIMESTAMP"), "Timestamp", json!(32_503_680_000.0));
        assert_eq!(lab.refused("GetShardIterator", future).await.0, "InvalidArgumentException");
        let without = lab.refused("GetShardIterator", from("AT_TIMESTAMP")).await;
        assert!(without.1.starts_with("Must specify timestamp parameter"), "{}", without.1);
    }
}

#[tokio::test]
async fn at_a_timestamp_begins_the_first_record_that_came_then() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let resource = lab
            .kinesis
            .directory
            .find(ACCOUNT, REGION, crate::pipeline::stream::directory::Selector::Name("trips"))
            .unwrap();
        let base = 1_700_000_000_000;
        for place in 0..100_i64 {
            let record = crate::pipeline::stream::Incoming {
                key: "k".into(),
                payload: place.to_string().into(),
                ..Default::default()
            };
            resource.stream.append(&[record], base + place * 10).await.unwrap();
        }
        for (time, first) in [(base - 1, 0), (base, 0), (base + 1, 1), (base + 505, 51), (base + 990, 99)] {
            let request = with(from("AT_TIMESTAMP"), "Timestamp", json!(time as f64 / 1_000.0));
            assert_eq!(read_from(&lab, request).await.first(), Some(&first.to_string()), "{time}");
        }
        let late = with(from("AT_TIMESTAMP"), "Timestamp", json!((base + 991) as f64 / 1_000.0));
        assert!(read_from(&lab, late).await.is_empty());
    }
}

#[tokio::test]
async fn an_iterator_leads_on_and_tells_how_far_behind_it_is() {
    for protocol in BOTH {
        let (lab, numbers) = filled(protocol).await;
        let mut iterator = lab.iterator(from("TRIM_HORIZON")).await;
        let mut seen = Vec::new();
        for behind in [true, true, false, false] {
            let read = lab.done("GetRecords", json!({"ShardIterator": iterator, "Limit": 1})).await;
            assert_eq!(read["MillisBehindLatest"].as_i64().unwrap() > 0, behind);
            let records = read["Records"].as_array().unwrap();
            seen.extend(records.iter().map(|record| text(&record["SequenceNumber"])));
            if let Some(record) = records.first() {
                assert_eq!(record["PartitionKey"], "key");
                assert!(record["ApproximateArrivalTimestamp"].as_f64().unwrap() > 1_700_000_000.0);
                assert!(record.get("EncryptionType").is_none());
            }
            assert!(read.get("ChildShards").is_none());
            iterator = text(&read["NextShardIterator"]);
        }
        assert_eq!(seen, numbers);
        let quoted = lab.done("GetRecords", json!({"ShardIterator": format!("\"{iterator}\"")})).await;
        assert_eq!(quoted["Records"], json!([]));
    }
}

#[tokio::test]
async fn iterators_of_others_are_refused() {
    for protocol in BOTH {
        let (lab, _) = filled(protocol).await;
        let invalid = lab.refused("GetRecords", json!({"ShardIterator": "nonsense"})).await;
        assert_eq!(invalid, ("InvalidArgumentException", "Invalid ShardIterator.".to_owned()));
        let iterator = lab.iterator(from("TRIM_HORIZON")).await;
        let other = "arn:aws:kinesis:us-east-1:000000000000:stream/other";
        let elsewhere = json!({"ShardIterator": iterator, "StreamARN": other});
        assert_eq!(lab.refused("GetRecords", elsewhere).await.0, "InvalidArgumentException");
        lab.done("DeleteStream", json!({"StreamName": "trips"})).await;
        let gone = lab.refused("GetRecords", json!({"ShardIterator": iterator})).await;
        let expected = "Shard shardId-000000000000 in stream trips under account 000000000000 does not exist";
        assert_eq!(gone, ("ResourceNotFoundException", expected.to_owned()));
        lab.make("trips", 1).await;
        let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
        assert_eq!(read["Records"], json!([]), "the iterator is good for the new stream's shard");
    }
}

#[tokio::test]
async fn five_calls_a_second_are_answered_where_limits_hold() {
    for protocol in BOTH {
        let settings = KinesisSettings { limits: true, ..KinesisSettings::default() };
        let lab = Lab::with(protocol, settings).await;
        lab.make("trips", 1).await;
        let iterator = lab.iterator(from("LATEST")).await;
        // Five pass at once; a machine on which so many calls take longer than their rate is none.
        let mut passed = 0;
        let refused = loop {
            match lab.ask("GetRecords", json!({"ShardIterator": iterator})).await {
                Ok(_) => passed += 1,
                Err(error) => break error,
            }
            assert!(passed < 1_000, "nothing was refused");
        };
        assert_eq!(refused.code, "ProvisionedThroughputExceededException");
        assert!(passed >= 5, "only {passed} passed");
    }
}
