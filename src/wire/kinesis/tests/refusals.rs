//! What is refused, in AWS's words.

use super::*;
use serde_json::json;

const UNDER: &str = "under account 000000000000";

fn iterator(stream: &str, shard: &str) -> Value {
    json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "LATEST"})
}

#[tokio::test]
async fn all_violations_are_told_in_one_message() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let request =
            json!({"StreamName": "", "ShardIteratorType": "", "ShardId": "", "StartingSequenceNumber": ""});
        let (code, message) = lab.refused("GetShardIterator", request).await;
        assert_eq!(code, "ValidationException");
        let expected = "6 validation errors detected: Value '' at 'shardId' failed to satisfy constraint: Member must \
            satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'shardId' failed to satisfy \
            constraint: Member must have length greater than or equal to 1; Value '' at 'shardIteratorType' failed \
            to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, \
            AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]; Value '' at 'startingSequenceNumber' failed to \
            satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128}); Value '' at \
            'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: \
            [a-zA-Z0-9_.-]+; Value '' at 'streamName' failed to satisfy constraint: Member must have length \
            greater than or equal to 1";
        assert_eq!(message, expected);
    }
}

#[tokio::test]
async fn a_stream_that_is_not_named_is_told_with_all_else_that_is_missing() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let null = |field: &str| {
            format!("Value null at '{field}' failed to satisfy constraint: Member must not be null")
        };
        for (operation, missing) in [
            ("GetShardIterator", ["shardId", "shardIteratorType", "streamName"]),
            ("SplitShard", ["newStartingHashKey", "streamName", "shardToSplit"]),
            ("MergeShards", ["shardToMerge", "adjacentShardToMerge", "streamName"]),
        ] {
            let (code, message) = lab.refused(operation, json!({})).await;
            assert_eq!(code, "ValidationException");
            let told: Vec<String> = missing.iter().map(|field| null(field)).collect();
            assert_eq!(message, format!("3 validation errors detected: {}", told.join("; ")));
        }
        let named = json!({"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/x"});
        assert_eq!(lab.refused("DeleteStream", named).await.0, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn shards_that_are_not_there_are_told_as_aws_tells_them() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 3).await;
        for (request, expected) in [
            (
                iterator("x", "2147483647"),
                format!("Shard shardId-002147483647 in stream x {UNDER} does not exist"),
            ),
            (iterator("x", "2147483648"), format!("Could not find shard 2147483648 in stream x {UNDER}.")),
            (iterator("x", "ABKLFD8"), format!("Could not find shard ABKLFD8 in stream x {UNDER}.")),
            (
                iterator("trips", "shardId-5"),
                format!("Shard shardId-000000000005 in stream trips {UNDER} does not exist"),
            ),
        ] {
            let refused = lab.refused("GetShardIterator", request).await;
            assert_eq!(refused, ("ResourceNotFoundException", expected));
        }
        let split = json!({"StreamName": "trips", "ShardToSplit": "shardId-5", "NewStartingHashKey": "0"});
        let (code, message) = lab.refused("SplitShard", split).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(message, format!("Could not find shard shardId-000000000005 in stream trips {UNDER}."));
    }
}

#[tokio::test]
async fn numbers_and_types_that_do_not_go_together_are_told() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 3).await;
        let rule = "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and \
            StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified";
        for (kind, number, said) in [
            ("AT_SEQUENCE_NUMBER", None, "no"),
            ("AFTER_SEQUENCE_NUMBER", None, "no"),
            ("LATEST", Some("5"), "also a"),
            ("TRIM_HORIZON", Some("5"), "also a"),
        ] {
            let mut request = json!({"StreamName": "trips", "ShardId": "0", "ShardIteratorType": kind});
            if let Some(number) = number {
                request["StartingSequenceNumber"] = json!(number);
            }
            let (code, message) = lab.refused("GetShardIterator", request).await;
            assert_eq!(code, "InvalidArgumentException");
            assert_eq!(message, format!("{rule} {kind} and {said} StartingSequenceNumber."));
        }
    }
}

#[tokio::test]
async fn numbers_of_other_shards_and_streams_are_refused() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 3).await;
        let at = |number: &str, shard: &str| {
            json!({
                "StreamName": "trips", "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "StartingSequenceNumber": number,
            })
        };
        let other_shard = lab.refused("GetShardIterator", at("5", "0")).await;
        let expected = "Invalid StartingSequenceNumber. It encodes shardId-000000000005, while it was used in a \
            call to a shard with shardId-000000000000";
        assert_eq!(other_shard, ("InvalidArgumentException", expected.to_owned()));
        let used = |number: &str, shard: u32, why: &str| {
            format!(
                "StartingSequenceNumber {number} used in GetShardIterator on shard shardId-{shard:012} in stream \
                 trips {UNDER} is invalid{why}."
            )
        };
        let not_from_here = " because it did not come from this stream";
        let (_, message) = lab.refused("GetShardIterator", at("0", "0")).await;
        assert_eq!(message, used("21267647932558653966460912964485513216", 0, not_from_here));
        let (_, message) =
            lab.refused("GetShardIterator", at("425352958651173072921826052383309826", "2")).await;
        assert_eq!(message, used("21693000891209827039382739016868823042", 2, not_from_here));
        let malformed = "1".repeat(56);
        let (_, message) = lab.refused("GetShardIterator", at(&malformed, "0")).await;
        assert_eq!(message, used(&malformed, 0, ""));
    }
}

#[tokio::test]
async fn retention_is_refused_with_both_numbers() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let hours = |hours: i64| json!({"StreamName": "trips", "RetentionPeriodHours": hours});
        let (increase, decrease) = ("IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod");
        lab.done(increase, hours(25)).await;
        for (operation, asked, expected) in [
            (
                increase,
                23,
                "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.",
            ),
            (
                increase,
                8_761,
                "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.",
            ),
            (
                increase,
                24,
                "Requested retention period (24 hours) for stream trips can not be shorter than existing retention period (25 hours). Use DecreaseRetentionPeriod API.",
            ),
            (
                decrease,
                26,
                "Requested retention period (26 hours) for stream trips can not be longer than existing retention period (25 hours). Use IncreaseRetentionPeriod API.",
            ),
        ] {
            let refused = lab.refused(operation, hours(asked)).await;
            assert_eq!(refused, ("InvalidArgumentException", expected.to_owned()));
        }
        lab.done(decrease, hours(24)).await;
        lab.done(increase, hours(8_760)).await;
        let told = lab.done("DescribeStreamSummary", json!({"StreamName": "trips"})).await;
        assert_eq!(told["StreamDescriptionSummary"]["RetentionPeriodHours"], 8_760);
    }
}
