//! Settings of streams and accounts.

use super::*;
use serde_json::json;

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/trips";

async fn summary(lab: &Lab) -> Value {
    lab.done("DescribeStreamSummary", json!({"StreamARN": STREAM})).await["StreamDescriptionSummary"].clone()
}

#[tokio::test]
async fn encryption_is_told_with_the_stream_and_its_records() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let request = json!({"StreamName": "trips", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
        lab.done("StartStreamEncryption", request.clone()).await;
        let told = summary(&lab).await;
        assert_eq!((&told["EncryptionType"], &told["KeyId"]), (&json!("KMS"), &json!("alias/aws/kinesis")));
        assert_eq!(lab.put("trips", "a", "b").await["EncryptionType"], "KMS");
        let horizon = json!({"StreamName": "trips", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = lab.iterator(horizon).await;
        let read = lab.done("GetRecords", json!({"ShardIterator": iterator})).await;
        assert_eq!(read["Records"][0]["EncryptionType"], "KMS");
        let none = json!({"StreamName": "trips", "EncryptionType": "NONE", "KeyId": "x"});
        assert_eq!(lab.refused("StartStreamEncryption", none).await.0, "InvalidArgumentException");
        lab.done("StopStreamEncryption", request).await;
        let told = summary(&lab).await;
        assert_eq!(told["EncryptionType"], "NONE");
        assert!(told.get("KeyId").is_none());
    }
}

#[tokio::test]
async fn monitoring_tells_what_was_on_and_what_is() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let metrics = |names: Value| json!({"StreamName": "trips", "ShardLevelMetrics": names});
        let on = lab.done("EnableEnhancedMonitoring", metrics(json!(["ALL"]))).await;
        assert_eq!(on["CurrentShardLevelMetrics"], json!([]));
        assert_eq!(on["DesiredShardLevelMetrics"].as_array().unwrap().len(), 7);
        let off = lab.done("DisableEnhancedMonitoring", metrics(json!(["IncomingBytes"]))).await;
        assert_eq!(off["CurrentShardLevelMetrics"].as_array().unwrap().len(), 7);
        assert_eq!(off["DesiredShardLevelMetrics"].as_array().unwrap().len(), 6);
        assert_eq!(off["StreamARN"], STREAM);
        let unknown = lab.refused("EnableEnhancedMonitoring", metrics(json!(["Nonsense"]))).await;
        assert_eq!(unknown.0, "ValidationException");
    }
}

#[tokio::test]
async fn a_stream_that_is_being_made_is_not_set_yet() {
    for protocol in BOTH {
        let hour = crate::units::Span(std::time::Duration::from_secs(3_600));
        let settings = KinesisSettings { create_delay: hour, ..KinesisSettings::default() };
        let lab = Lab::with(protocol, settings).await;
        lab.done(
            "CreateStream",
            json!({"StreamName": "trips", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
        )
        .await;
        let metrics = json!({"StreamName": "trips", "ShardLevelMetrics": ["ALL"]});
        for (operation, request) in [
            ("EnableEnhancedMonitoring", metrics.clone()),
            ("DisableEnhancedMonitoring", metrics),
            (
                "UpdateStreamRecordDistributionStrategy",
                json!({"StreamARN": STREAM, "RecordDistributionStrategy": "AUTO"}),
            ),
        ] {
            let (code, message) = lab.refused(operation, request).await;
            assert_eq!(code, "ResourceInUseException", "{operation}");
            let state = "Stream trips under account 000000000000 not ACTIVE, instead in state CREATING";
            assert_eq!(message, state);
        }
    }
}

#[tokio::test]
async fn modes_switch_and_distribution_follows_them() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 2).await;
        let auto = json!({"StreamARN": STREAM, "RecordDistributionStrategy": "AUTO"});
        let strategy = "UpdateStreamRecordDistributionStrategy";
        assert_eq!(lab.refused(strategy, auto.clone()).await.0, "InvalidArgumentException");
        let mode = |mode: &str| json!({"StreamARN": STREAM, "StreamModeDetails": {"StreamMode": mode}});
        lab.done("UpdateStreamMode", mode("ON_DEMAND")).await;
        assert_eq!(summary(&lab).await["StreamModeDetails"]["StreamMode"], "ON_DEMAND");
        lab.done(strategy, auto).await;
        assert_eq!(summary(&lab).await["RecordDistributionStrategy"], "AUTO");
        let request = json!({"StreamName": "trips", "Records": vec![json!({"Data": ""}); 100]});
        let put = lab.done("PutRecords", request).await;
        let first = &put["Records"][0]["ShardId"];
        assert!(put["Records"].as_array().unwrap().iter().any(|record| record["ShardId"] != *first));
        let count = json!({"StreamName": "trips", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"});
        assert_eq!(lab.refused("UpdateShardCount", count).await.0, "ValidationException");
        lab.done("UpdateStreamMode", mode("PROVISIONED")).await;
        let unkeyed = json!({"StreamName": "trips", "Data": ""});
        let (code, message) = lab.refused("PutRecord", unkeyed).await;
        assert_eq!(code, "ValidationException");
        assert!(message.contains("Value null at 'partitionKey'"), "{message}");
    }
}

#[tokio::test]
async fn warm_throughput_is_for_accounts_that_committed() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        let on_demand = json!({"StreamName": "trips", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
        lab.done("CreateStream", on_demand).await;
        let warm = json!({"StreamName": "trips", "WarmThroughputMiBps": 8});
        assert_eq!(lab.refused("UpdateStreamWarmThroughput", warm.clone()).await.0, "ValidationException");
        let told = lab.done("DescribeAccountSettings", json!({})).await;
        assert_eq!(told["MinimumThroughputBillingCommitment"], json!({"Status": "DISABLED"}));
        let set = |status: &str| json!({"MinimumThroughputBillingCommitment": {"Status": status}});
        let told = lab.done("UpdateAccountSettings", set("ENABLED")).await;
        let commitment = &told["MinimumThroughputBillingCommitment"];
        assert_eq!(commitment["Status"], "ENABLED");
        let started = commitment["StartedAt"].as_f64().unwrap();
        assert!((commitment["EarliestAllowedEndAt"].as_f64().unwrap() - started - 86_400.0).abs() < 1.0);
        let told = lab.done("UpdateStreamWarmThroughput", warm).await;
        assert_eq!(told["WarmThroughput"]["TargetMiBps"], 8);
        assert_eq!(summary(&lab).await["OpenShardCount"], 8);
        let told = lab.done("UpdateAccountSettings", set("DISABLED")).await;
        let commitment = &told["MinimumThroughputBillingCommitment"];
        assert_eq!(commitment["Status"], "ENABLED_UNTIL_EARLIEST_ALLOWED_END");
    }
}
