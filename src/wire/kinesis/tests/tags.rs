//! Tags and policies, of streams and of consumers.

use super::*;
use serde_json::json;

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/trips";

async fn consumer(lab: &Lab) -> String {
    let request = json!({"StreamARN": STREAM, "ConsumerName": "lab", "Tags": {"first": "1"}});
    text(&lab.done("RegisterStreamConsumer", request).await["Consumer"]["ConsumerARN"])
}

#[tokio::test]
async fn both_ways_to_tag_a_stream_tell_the_same() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        lab.done("AddTagsToStream", json!({"StreamName": "trips", "Tags": {"b": "2", "a": "1"}})).await;
        lab.done("TagResource", json!({"ResourceARN": STREAM, "Tags": {"c": "3", "a": "new"}})).await;
        let expected =
            json!([{"Key": "a", "Value": "new"}, {"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}]);
        let old = lab.done("ListTagsForStream", json!({"StreamName": "trips"})).await;
        assert_eq!((&old["Tags"], &old["HasMoreTags"]), (&expected, &json!(false)));
        let new = lab.done("ListTagsForResource", json!({"ResourceARN": STREAM})).await;
        assert_eq!(new["Tags"], expected);
        let page = json!({"StreamName": "trips", "Limit": 1, "ExclusiveStartTagKey": "a"});
        let page = lab.done("ListTagsForStream", page).await;
        assert_eq!(page, json!({"Tags": [{"Key": "b", "Value": "2"}], "HasMoreTags": true}));
        lab.done("RemoveTagsFromStream", json!({"StreamName": "trips", "TagKeys": ["a", "x"]})).await;
        lab.done("UntagResource", json!({"ResourceARN": STREAM, "TagKeys": ["b"]})).await;
        let left = lab.done("ListTagsForStream", json!({"StreamName": "trips"})).await;
        assert_eq!(left["Tags"], json!([{"Key": "c", "Value": "3"}]));
    }
}

#[tokio::test]
async fn consumers_have_tags_and_policies_of_their_own() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let arn = consumer(&lab).await;
        lab.done("TagResource", json!({"ResourceARN": arn, "Tags": {"second": "2"}})).await;
        lab.done("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["first"]})).await;
        let tags = lab.done("ListTagsForResource", json!({"ResourceARN": arn})).await;
        assert_eq!(tags["Tags"], json!([{"Key": "second", "Value": "2"}]));
        let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
        for arn in [arn.as_str(), STREAM] {
            let missing = lab.refused("GetResourcePolicy", json!({"ResourceARN": arn})).await;
            assert_eq!(missing.0, "ResourceNotFoundException");
            lab.done("PutResourcePolicy", json!({"ResourceARN": arn, "Policy": policy})).await;
            let told = lab.done("GetResourcePolicy", json!({"ResourceARN": arn})).await;
            assert_eq!(told["Policy"], policy);
            lab.done("DeleteResourcePolicy", json!({"ResourceARN": arn})).await;
            let again = lab.refused("DeleteResourcePolicy", json!({"ResourceARN": arn})).await;
            assert_eq!(again.0, "ResourceNotFoundException");
            let nonsense = json!({"ResourceARN": arn, "Policy": "nonsense"});
            assert_eq!(lab.refused("PutResourcePolicy", nonsense).await.0, "InvalidArgumentException");
        }
    }
}

#[tokio::test]
async fn tags_have_fifty_keys_and_few_signs() {
    for protocol in BOTH {
        let lab = Lab::new(protocol).await;
        lab.make("trips", 1).await;
        let tags = |tags: Value| json!({"StreamName": "trips", "Tags": tags});
        let (code, message) = lab.refused("AddTagsToStream", tags(json!({"a": "{}"}))).await;
        assert_eq!(code, "InvalidArgumentException");
        assert!(message.starts_with("Some tags contain invalid characters."), "{message}");
        let (_, message) = lab.refused("AddTagsToStream", tags(json!({"a%": "b"}))).await;
        assert!(
            message.starts_with("Failed to add tags to stream trips under account 000000000000"),
            "{message}"
        );
        let many: serde_json::Map<String, Value> =
            (0..51).map(|place| (format!("key {place}"), json!(""))).collect();
        let (code, _) = lab.refused("AddTagsToStream", tags(Value::Object(many))).await;
        assert_eq!(code, "InvalidArgumentException");
    }
}
