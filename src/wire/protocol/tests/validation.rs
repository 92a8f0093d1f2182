use super::*;

fn told(text: &str) -> String {
    let refusal = json(text).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, "ValidationException"), "{refusal}");
    refusal.message
}

#[test]
fn a_missing_member_is_told_as_null() {
    assert_eq!(
        told("{}"),
        "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: \
         Member must not be null"
    );
}

#[test]
fn all_violations_are_told_together_in_the_order_of_the_shape() {
    assert_eq!(
        told(r#"{"StreamName":"","Records":[],"Limit":0}"#),
        "4 validation errors detected: \
         Value '[]' at 'records' failed to satisfy constraint: \
         Member must have length greater than or equal to 1; \
         Value '' at 'streamName' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; \
         Value '' at 'streamName' failed to satisfy constraint: \
         Member must have length greater than or equal to 1; \
         Value '0' at 'limit' failed to satisfy constraint: \
         Member must have value greater than or equal to 1"
    );
}

#[test]
fn members_of_lists_are_named_by_their_place() {
    assert_eq!(
        told(r#"{"StreamName":"a","Records":[{"Data":"","PartitionKey":"x"},{"PartitionKey":"123456789"}]}"#),
        "2 validation errors detected: \
         Value null at 'records.2.member.data' failed to satisfy constraint: Member must not be null; \
         Value '123456789' at 'records.2.member.partitionKey' failed to satisfy constraint: \
         Member must have length less than or equal to 8"
    );
    assert!(told(r#"{"StreamName":"a","Records":[null]}"#).contains("Value null at 'records.1.member'"));
}

#[test]
fn texts_in_lists_and_maps_are_told_where_the_list_is() {
    assert_eq!(
        told(r#"{"StreamName":"a","TagKeys":["ok",""],"Tags":{"longer":"v"},"Metrics":["ALL","Nothing"]}"#),
        "3 validation errors detected: \
         Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: \
         [Member must have length less than or equal to 4, Member must have length greater than or equal to 1]; \
         Value '{longer=v}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: \
         [Member must have length less than or equal to 4, Member must have length greater than or equal to 1]; \
         Value '[ALL, Nothing]' at 'metrics' failed to satisfy constraint: Member must satisfy constraint: \
         [Member must satisfy enum value set: [ALL, IncomingBytes]]"
    );
    assert!(told(r#"{"StreamName":"a","Tags":{"k":"too long"}}"#).contains(
        "at 'tags' failed to satisfy constraint: Map value must satisfy constraint: \
         [Member must have length less than or equal to 6, Member must have length greater than or equal to 0]"
    ));
}

#[test]
fn values_are_shown_as_java_shows_them() {
    let record = format!(r#"{{"Data":"{}","PartitionKey":"k"}}"#, "AAAA".repeat(30));
    let blob = told(&format!(r#"{{"StreamName":"a","Details":{record}}}"#));
    assert!(
        blob.contains("Value 'java.nio.HeapByteBuffer[pos=0 lim=90 cap=90]' at 'details.data'"),
        "{blob}"
    );
    let many = told(&format!(
        r#"{{"StreamName":"a","Records":[{}]}}"#,
        [r#"{"Data":"","PartitionKey":"k"}"#; 501].join(",")
    ));
    assert!(many.starts_with("1 validation error detected: Value '[Inner@"), "{}", &many[..80]);
    assert!(many.ends_with("Member must have length less than or equal to 500"));
    let choice = told(r#"{"StreamName":"a","Mode":"FREE"}"#);
    assert!(choice.contains("Value 'FREE' at 'mode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]"), "{choice}");
}

#[test]
fn texts_are_as_long_as_java_counts() {
    // A letter beyond the first plane counts twice: 4 of them are as long as allowed.
    let with = |letters: usize| {
        format!(
            r#"{{"StreamName":"a","Details":{{"Data":"","PartitionKey":"{}"}}}}"#,
            "\u{1f6b2}".repeat(letters)
        )
    };
    assert!(json(&with(4)).is_ok());
    assert!(told(&with(5)).contains("length less than or equal to 8"));
}

#[test]
fn no_more_than_ten_violations_are_told() {
    let records = vec![r#"{"PartitionKey":""}"#; 500].join(",");
    let told = told(&format!(r#"{{"StreamName":"a","Records":[{records}]}}"#));
    assert!(told.starts_with("10 validation errors detected: "), "{}", &told[..40]);
    assert_eq!(told.matches("failed to satisfy").count(), 10);
}

#[test]
fn both_protocols_tell_the_same() {
    let request = Output::new().with("StreamName", "a b").with("Limit", 10_001_i64);
    let [json, cbor] = BOTH.map(|protocol| read(protocol, &request).unwrap_err());
    assert_eq!(json, cbor);
    assert!(json.message.starts_with("2 validation errors detected: Value 'a b' at 'streamName'"));
}
