//! Making, describing, listing and deleting streams.

use super::*;
use crate::units::Span;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_stream_is_told_as_aws_tells_it() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        assert_eq!(
            lab.done("CreateStream", json!({"StreamName": "trips", "ShardCount": 3})).await,
            Value::Null
        );
        let told = lab.done("DescribeStream", json!({"StreamName": "trips"})).await;
        let stream = &told["StreamDescription"];
        assert_eq!(stream["StreamARN"], "arn:aws:kinesis:us-east-1:000000000000:stream/trips");
        assert_eq!(stream["StreamStatus"], "ACTIVE");
        assert_eq!(stream["StreamModeDetails"], json!({"StreamMode": "PROVISIONED"}));
        assert_eq!(stream["RetentionPeriodHours"], 24);
        assert_eq!(stream["EnhancedMonitoring"], json!([{"ShardLevelMetrics": []}]));
        assert_eq!((&stream["EncryptionType"], &stream["HasMoreShards"]), (&json!("NONE"), &json!(false)));
        let shards = stream["Shards"].as_array().unwrap();
        assert_eq!(shards.len(), 3);
        assert_eq!(shards[2]["ShardId"], "shardId-000000000002");
        let range = json!({
            "StartingHashKey": "113427455640312821154458202477256070485",
            "EndingHashKey": "226854911280625642308916404954512140969",
        });
        assert_eq!(shards[1]["HashKeyRange"], range);
        let number = text(&shards[0]["SequenceNumberRange"]["StartingSequenceNumber"]);
        assert!(number.len() == 56 && number.bytes().all(|digit| digit.is_ascii_digit()), "{number}");
        assert!(shards[0]["SequenceNumberRange"].get("EndingSequenceNumber").is_none());
        let summary = lab.done("DescribeStreamSummary", json!({"StreamName": "trips"})).await;
        let summary = &summary["StreamDescriptionSummary"];
        assert_eq!((&summary["OpenShardCount"], &summary["ConsumerCount"]), (&json!(3), &json!(0)));
        assert_eq!(summary["MaxRecordSizeInKiB"], 1_024);
    }
}

#[tokio::test]
async fn a_stream_can_be_named_in_three_ways_which_must_agree() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let summary = lab.done("DescribeStreamSummary", json!({"StreamName": "trips"})).await;
        let id = text(&summary["StreamDescriptionSummary"]["StreamId"]);
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/trips";
        for named in [
            json!({"StreamARN": arn}),
            json!({"StreamId": id}),
            json!({"StreamARN": arn, "StreamName": "trips"}),
        ] {
            let told = lab.done("DescribeStreamSummary", named).await;
            assert_eq!(told, summary);
        }
        let other = lab.refused("DescribeStreamSummary", json!({"StreamARN": arn, "StreamName": "x"})).await;
        assert_eq!(other.0, "InvalidArgumentException");
        let (code, message) = lab.refused("DescribeStreamSummary", json!({})).await;
        assert_eq!(code, "ValidationException");
        assert!(message.contains("Value null at 'streamName'"), "{message}");
    }
}

#[tokio::test]
async fn streams_are_listed_in_pages_by_name_or_token() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        for name in ["a", "b", "c"] {
            lab.make(name, 1).await;
        }
        let first = lab.done("ListStreams", json!({"Limit": 2})).await;
        assert_eq!((&first["StreamNames"], &first["HasMoreStreams"]), (&json!(["a", "b"]), &json!(true)));
        assert_eq!(first["StreamSummaries"][1]["StreamName"], "b");
        let token = text(&first["NextToken"]);
        let rest = lab.done("ListStreams", json!({"NextToken": token})).await;
        assert_eq!((&rest["StreamNames"], &rest["HasMoreStreams"]), (&json!(["c"]), &json!(false)));
        assert!(rest.get("NextToken").is_none());
        let by_name = lab.done("ListStreams", json!({"ExclusiveStartStreamName": "b"})).await;
        assert_eq!(by_name["StreamNames"], json!(["c"]));
        let both = json!({"NextToken": token, "ExclusiveStartStreamName": "b"});
        assert_eq!(lab.refused("ListStreams", both).await.0, "InvalidArgumentException");
    }
}

#[tokio::test]
async fn an_on_demand_stream_needs_no_shard_count() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let on_demand = json!({"StreamMode": "ON_DEMAND"});
        let request = json!({
            "StreamName": "trips", "StreamModeDetails": on_demand, "RecordDistributionStrategy": "AUTO",
            "Tags": {"team": "lab"}, "MaxRecordSizeInKiB": 2048,
        });
        lab.done("CreateStream", request).await;
        let summary = lab.done("DescribeStreamSummary", json!({"StreamName": "trips"})).await;
        let summary = &summary["StreamDescriptionSummary"];
        assert_eq!(summary["OpenShardCount"], 4);
        assert_eq!(summary["RecordDistributionStrategy"], "AUTO");
        assert_eq!(summary["MaxRecordSizeInKiB"], 2_048);
        let tags = lab.done("ListTagsForStream", json!({"StreamName": "trips"})).await;
        assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "lab"}]));
        let (code, message) = lab.refused("CreateStream", json!({"StreamName": "other"})).await;
        assert_eq!(code, "ValidationException");
        assert!(message.contains("'shardCount'"), "{message}");
    }
}

#[tokio::test]
async fn a_stream_passes_through_its_states() {
    for protocol in BOTH {
        let hour = Span(Duration::from_secs(3_600));
        let settings =
            KinesisSettings { create_delay: hour, delete_delay: hour, ..KinesisSettings::default() };
        let lab = Lab::with(protocol, settings).await;
        lab.make("trips", 1).await;
        let told = lab.done("DescribeStream", json!({"StreamName": "trips"})).await;
        assert_eq!(told["StreamDescription"]["StreamStatus"], "CREATING");
        assert_eq!(told["StreamDescription"]["Shards"], json!([]));
        let put = json!({"StreamName": "trips", "PartitionKey": "a", "Data": ""});
        let (code, message) = lab.refused("PutRecord", put).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(message, "Stream trips under account 000000000000 not found.");
        lab.done("DeleteStream", json!({"StreamName": "trips"})).await;
        let told = lab.done("DescribeStreamSummary", json!({"StreamName": "trips"})).await;
        assert_eq!(told["StreamDescriptionSummary"]["StreamStatus"], "DELETING");
    }
}

#[tokio::test]
async fn a_deleted_stream_is_gone_and_its_name_free() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        lab.put("trips", "a", "old").await;
        let again = json!({"StreamName": "trips", "ShardCount": 1});
        let (code, message) = lab.refused("CreateStream", again.clone()).await;
        assert_eq!(code, "ResourceInUseException");
        assert_eq!(message, "Stream trips under account 000000000000 already exists.");
        lab.done("DeleteStream", json!({"StreamName": "trips"})).await;
        let (code, message) = lab.refused("DescribeStream", json!({"StreamName": "trips"})).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(message, "Stream trips under account 000000000000 not found.");
        lab.done("CreateStream", again).await;
        let horizon = json!({"StreamName": "trips", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = lab.iterator(horizon).await;
        let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
        assert_eq!(read["Records"], json!([]));
    }
}

#[tokio::test]
async fn limits_of_an_account_are_told_and_kept() {
    for protocol in BOTH {
        let settings = KinesisSettings { shard_limit: 5, ..KinesisSettings::default() };
        let lab = Lab::with(protocol, settings).await;
        lab.make("trips", 3).await;
        let told = lab.done("DescribeLimits", json!({})).await;
        assert_eq!((&told["ShardLimit"], &told["OpenShardCount"]), (&json!(5), &json!(3)));
        assert_eq!(told["OnDemandStreamCountLimit"], 50);
        let (code, message) =
            lab.refused("CreateStream", json!({"StreamName": "more", "ShardCount": 3})).await;
        assert_eq!(code, "LimitExceededException");
        assert_eq!(
            message,
            "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current \
             shard count for the account: 3. Limit: 5. Number of additional shards that would have resulted \
             from this request: 3. Refer to the AWS Service Limits page \
             (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and \
             how to request higher limits."
        );
    }
}
