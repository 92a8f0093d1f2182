//! Registered consumers.

use super::*;
use serde_json::json;

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/trips";

async fn register(lab: &Lab, name: &str) -> Value {
    let request = json!({"StreamARN": STREAM, "ConsumerName": name});
    lab.done("RegisterStreamConsumer", request).await["Consumer"].clone()
}

#[tokio::test]
async fn a_consumer_is_registered_described_and_deregistered() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let made = register(&lab, "lab").await;
        let created = made["ConsumerCreationTimestamp"].as_f64().unwrap();
        assert_eq!(made["ConsumerARN"], format!("{STREAM}/consumer/lab:{created}"));
        assert_eq!(made["ConsumerStatus"], "ACTIVE");
        for request in [
            json!({"ConsumerARN": made["ConsumerARN"]}),
            json!({"StreamARN": STREAM, "ConsumerName": "lab"}),
            json!({"StreamARN": STREAM, "ConsumerName": "lab", "ConsumerARN": made["ConsumerARN"]}),
        ] {
            let told = lab.done("DescribeStreamConsumer", request).await;
            assert_eq!(told["ConsumerDescription"]["StreamARN"], STREAM);
            assert_eq!(told["ConsumerDescription"]["ConsumerARN"], made["ConsumerARN"]);
        }
        let again = json!({"StreamARN": STREAM, "ConsumerName": "lab"});
        assert_eq!(lab.refused("RegisterStreamConsumer", again.clone()).await.0, "ResourceInUseException");
        let delete = json!({"StreamName": "trips"});
        let (code, message) = lab.refused("DeleteStream", delete.clone()).await;
        assert_eq!(code, "ResourceInUseException");
        assert!(message.starts_with(&format!("DeleteStream can't delete {STREAM}")), "{message}");
        lab.done("DeregisterStreamConsumer", json!({"ConsumerARN": made["ConsumerARN"]})).await;
        assert_eq!(lab.refused("DescribeStreamConsumer", again).await.0, "ResourceNotFoundException");
        register(&lab, "other").await;
        lab.done("DeleteStream", json!({"StreamName": "trips", "EnforceConsumerDeletion": true})).await;
    }
}

#[tokio::test]
async fn twenty_consumers_are_listed_in_pages_and_one_more_is_refused() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        for place in 0..20 {
            register(&lab, &format!("lab-{place:02}")).await;
        }
        let more = json!({"StreamARN": STREAM, "ConsumerName": "more"});
        assert_eq!(lab.refused("RegisterStreamConsumer", more).await.0, "LimitExceededException");
        let first = lab.done("ListStreamConsumers", json!({"StreamARN": STREAM, "MaxResults": 15})).await;
        assert_eq!(first["Consumers"].as_array().unwrap().len(), 15);
        let next = json!({"StreamARN": STREAM, "NextToken": first["NextToken"]});
        let rest = lab.done("ListStreamConsumers", next).await;
        let rest = rest["Consumers"].as_array().unwrap().clone();
        assert_eq!((rest.len(), &rest[0]["ConsumerName"]), (5, &json!("lab-15")));
        let summary = lab.done("DescribeStreamSummary", json!({"StreamName": "trips"})).await;
        assert_eq!(summary["StreamDescriptionSummary"]["ConsumerCount"], 20);
        let both =
            json!({"StreamARN": STREAM, "NextToken": first["NextToken"], "StreamCreationTimestamp": 1.0});
        assert_eq!(lab.refused("ListStreamConsumers", both).await.0, "InvalidArgumentException");
    }
}

#[tokio::test]
async fn a_consumer_has_to_be_named_in_full() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let made = register(&lab, "lab").await;
        for request in [
            json!({}),
            json!({"ConsumerName": "lab"}),
            json!({"StreamARN": STREAM}),
            json!({"ConsumerARN": made["ConsumerARN"], "ConsumerName": "other"}),
        ] {
            let (code, _) = lab.refused("DescribeStreamConsumer", request).await;
            assert_eq!(code, "InvalidArgumentException");
        }
        let other_time = json!({"ConsumerARN": format!("{STREAM}/consumer/lab:1")});
        assert_eq!(lab.refused("DescribeStreamConsumer", other_time).await.0, "ResourceNotFoundException");
    }
}
