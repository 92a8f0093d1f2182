use super::*;
use crate::load::ledger::Standing;
use Standing::{Accepted, Refused, Unknown};
use bytes::Bytes;

#[test]
fn an_ingress_tells_of_each_record() {
    let all =
        br#"{"stream":"trips","accepted":2,"faulty":0,"records":[{"shard":0,"sequence":1}],"faults":[]}"#;
    assert_eq!(ingress::read(200, all, 2), Answer::All(Accepted));
    let some = br#"{"stream":"trips","accepted":2,"faulty":1,"records":[{"shard":0,"sequence":1},null,{"shard":0,"sequence":2}],"faults":[{"record":1}]}"#;
    assert_eq!(ingress::read(200, some, 3), Answer::Each(vec![Accepted, Refused, Accepted]));
    // A payload that says so is no answer.
    assert_eq!(ingress::read(200, b"<html>", 1), Answer::All(Unknown));
    assert_eq!(ingress::read(200, some, 2), Answer::All(Unknown));
    let by_status = [(400, Refused), (429, Refused), (503, Refused), (500, Unknown), (504, Unknown)];
    for (status, standing) in by_status {
        assert_eq!(ingress::read(status, b"", 1), Answer::All(standing), "{status}");
    }
}

#[test]
fn put_records_tells_of_each_record() {
    let all = br#"{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1","ShardId":"s"}]}"#;
    assert_eq!(kinesis::read(all, 1), Answer::All(Accepted));
    let some = br#"{"FailedRecordCount":2,"Records":[{"SequenceNumber":"1"},{"ErrorCode":"ProvisionedThroughputExceededException"},{"ErrorCode":"InternalFailure"}]}"#;
    assert_eq!(kinesis::read(some, 3), Answer::Each(vec![Accepted, Refused, Unknown]));
    assert_eq!(kinesis::read(b"", 3), Answer::All(Unknown));
}

#[test]
fn send_message_batch_tells_of_each_message() {
    assert_eq!(sqs::read(br#"{"Successful":[{"Id":"0"}]}"#, 1), Answer::All(Accepted));
    let some = br#"{"Successful":[{"Id":"1"}],"Failed":[{"Id":"0","SenderFault":true,"Code":"X"},{"Id":"2","SenderFault":false,"Code":"InternalError"}]}"#;
    assert_eq!(sqs::read(some, 3), Answer::Each(vec![Refused, Accepted, Unknown]));
}

#[test]
fn a_parcel_gives_its_payloads_back() {
    let records = [(3, 0), (4, 1), (8, 2)].map(|(end, number)| Sealed { end, key: 0, number });
    let parcel =
        Parcel { producer: 0, records: records.to_vec(), lines: Bytes::from_static(b"abc\n\ndef\n") };
    let payloads: Vec<&[u8]> = parcel.payloads().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [&b"abc"[..], b"", b"def"]);
    assert_eq!(parcel.bytes(), 6);
}

#[test]
fn made_up_credentials_are_for_this_machine_alone() {
    let nothing = |_: &str| None;
    for url in ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:1"] {
        assert_eq!(Identity::of(&Url::parse(url).unwrap(), &nothing).unwrap().region, "us-east-1");
    }
    let elsewhere = Url::parse("https://kinesis.eu-south-2.amazonaws.com").unwrap();
    let told = Identity::of(&elsewhere, &nothing).unwrap_err().to_string();
    assert!(told.starts_with("AWS_ACCESS_KEY_ID is not set"), "{told}");
    let without_region = |name: &str| (!name.contains("REGION")).then(|| "secret-x".to_owned());
    let told = Identity::of(&elsewhere, &without_region).unwrap_err().to_string();
    assert!(told.starts_with("AWS_REGION is not set"), "{told}");
    let given = |name: &str| Some(if name == "AWS_REGION" { "eu-south-2" } else { "secret-x" }.to_owned());
    let identity = Identity::of(&elsewhere, &given).unwrap();
    let shown = format!("{identity:?}");
    assert!(shown.contains("eu-south-2") && !shown.contains("secret"), "{shown}");
}
