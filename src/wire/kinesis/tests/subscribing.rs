//! SubscribeToShard.

use super::*;
use serde_json::json;

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/trips";

async fn ready(protocol: Protocol) -> (Lab, String) {
    let lab = Lab::new(protocol).await;
    lab.make("trips", 1).await;
    let request = json!({"StreamARN": STREAM, "ConsumerName": "lab"});
    let made = lab.done("RegisterStreamConsumer", request).await;
    let arn = text(&made["Consumer"]["ConsumerARN"]);
    (lab, arn)
}

fn from(arn: &str, position: Value) -> Value {
    json!({"ConsumerARN": arn, "ShardId": "shardId-000000000000", "StartingPosition": position})
}

#[tokio::test]
async fn records_are_pushed_when_they_are_on_disk() {
    for protocol in BOTH {
        let (lab, arn) = ready(protocol).await;
        lab.put("trips", "a", "old").await;
        let mut events = lab.subscribe(from(&arn, json!({"Type": "LATEST"}))).await.unwrap();
        let first = next(&mut events).await;
        assert_eq!((&first["Records"], &first["MillisBehindLatest"]), (&json!([]), &json!(0)));
        for data in ["one", "two"] {
            let put = lab.put("trips", "a", data).await;
            let event = next(&mut events).await;
            assert_eq!(datas(&event), [data]);
            assert_eq!(event["Records"][0]["SequenceNumber"], put["SequenceNumber"]);
            assert_eq!(event["ContinuationSequenceNumber"], put["SequenceNumber"]);
            assert!(event.get("ChildShards").is_none());
        }
    }
}

#[tokio::test]
async fn a_continuation_leads_on_without_a_gap() {
    for protocol in BOTH {
        let (lab, arn) = ready(protocol).await;
        lab.put("trips", "a", "one").await;
        let mut events = lab.subscribe(from(&arn, json!({"Type": "TRIM_HORIZON"}))).await.unwrap();
        let event = next(&mut events).await;
        assert_eq!(datas(&event), ["one"]);
        drop(events);
        lab.put("trips", "a", "two").await;
        let continuation = &event["ContinuationSequenceNumber"];
        let after = json!({"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": continuation});
        let mut events = lab.subscribe(from(&arn, after)).await.unwrap();
        assert_eq!(datas(&next(&mut events).await), ["two"]);
    }
}

#[tokio::test]
async fn a_continuation_before_any_record_leads_to_the_first() {
    for protocol in BOTH {
        let (lab, arn) = ready(protocol).await;
        let mut events = lab.subscribe(from(&arn, json!({"Type": "LATEST"}))).await.unwrap();
        let continuation = next(&mut events).await["ContinuationSequenceNumber"].clone();
        drop(events);
        lab.put("trips", "a", "first").await;
        for kind in ["AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"] {
            let position = json!({"Type": kind, "SequenceNumber": continuation});
            let mut events = lab.subscribe(from(&arn, position)).await.unwrap();
            assert_eq!(datas(&next(&mut events).await), ["first"]);
        }
    }
}

#[tokio::test]
async fn a_closed_shard_ends_in_its_children() {
    for protocol in BOTH {
        let (lab, arn) = ready(protocol).await;
        let mut events = lab.subscribe(from(&arn, json!({"Type": "TRIM_HORIZON"}))).await.unwrap();
        next(&mut events).await;
        lab.put("trips", "a", "last").await;
        lab.done(
            "SplitShard",
            json!({"StreamName": "trips", "ShardToSplit": "0", "NewStartingHashKey": "9"}),
        )
        .await;
        let mut seen = Vec::new();
        let last = loop {
            let event = next(&mut events).await;
            seen.extend(datas(&event));
            if event.get("ChildShards").is_some() {
                break event;
            }
        };
        assert_eq!(seen, ["last"]);
        assert!(last.get("ContinuationSequenceNumber").is_none());
        assert_eq!(last["ChildShards"].as_array().unwrap().len(), 2);
        assert_eq!(next(&mut events).await, Value::Null);
    }
}

#[tokio::test]
async fn one_subscription_holds_a_shard_and_ends_with_its_consumer() {
    for protocol in BOTH {
        let (lab, arn) = ready(protocol).await;
        let mut events = lab.subscribe(from(&arn, json!({"Type": "LATEST"}))).await.unwrap();
        next(&mut events).await;
        let second = lab.subscribe(from(&arn, json!({"Type": "LATEST"}))).await.err().unwrap();
        assert_eq!(second.code, "ResourceInUseException");
        assert!(second.message.starts_with("Another active subscription exists for this consumer"));
        lab.done("DeregisterStreamConsumer", json!({"ConsumerARN": arn})).await;
        assert_eq!(next(&mut events).await["exception"], "ResourceNotFoundException");
        assert_eq!(next(&mut events).await, Value::Null);
        let gone = lab.subscribe(from(&arn, json!({"Type": "LATEST"}))).await.err().unwrap();
        assert_eq!(gone.code, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn a_slow_client_holds_one_event_at_most() {
    let (lab, arn) = ready(Protocol::Json).await;
    let mut events = lab.subscribe(from(&arn, json!({"Type": "TRIM_HORIZON"}))).await.unwrap();
    let data = "x".repeat(900 << 10);
    for _ in 0..8 {
        lab.put("trips", "a", &data).await;
    }
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 8 {
        sizes.push(datas(&next(&mut events).await).len());
    }
    assert!(sizes.iter().all(|size| *size <= 2), "{sizes:?}");
}
