//! What AWS answers to requests that are not as they should be, as suites have recorded it.

use super::*;

#[tokio::test]
async fn what_names_no_protocol_is_answered_in_xml() {
    let front = open();
    let missing = "<MissingAuthenticationTokenException>\n  <Message>Missing Authentication Token</Message>\n\
        </MissingAuthenticationTokenException>\n";
    let denied = "<AccessDeniedException>\n  \
        <Message>Unable to determine service/operation name to be authorized</Message>\n\
        </AccessDeniedException>\n";
    for method in ["GET", "PUT", "OPTIONS", "POST", "DELETE", "PATCH"] {
        let unsigned = front.answer(&head(method, &[]), Bytes::new(), Timestamp::now()).await;
        assert_eq!((unsigned.status, text(&unsigned)), (403, missing), "{method}");
        let signed = front.answer(&head(method, &[AUTHORIZED]), Bytes::new(), Timestamp::now()).await;
        assert_eq!((signed.status, text(&signed)), (403, denied), "{method}");
        assert!(signed.header("content-type").is_none());
    }
    for headers in [
        vec![AUTHORIZED, target("ListStreams")],
        vec![AUTHORIZED, ("content-type", "application/x-amz-json-1.0")],
    ] {
        let answer = post(&front, &headers, b"{}").await;
        assert_eq!((answer.status, text(&answer)), (403, denied));
    }
}

#[tokio::test]
async fn every_answer_has_its_ids() {
    let front = open();
    for headers in [vec![], vec![JSON], vec![JSON, AUTHORIZED, DATE, target("ListStreams")]] {
        let answer = post(&front, &headers, b"{}").await;
        assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
        assert_eq!(answer.header("x-amz-id-2").map(str::len), Some(96));
    }
}

#[tokio::test]
async fn form_and_operation_are_told_before_the_signature_in_the_protocol_of_the_request() {
    let front = open();
    let unknown = r#"{"__type":"UnknownOperationException"}"#;
    let unreadable = r#"{"__type":"SerializationException"}"#;
    let nobodys = ("x-amz-target", "Kinesis_20131202.ListStream");
    for (headers, body, expected) in [
        (vec![JSON], "", unknown),
        (vec![JSON], "{}", unknown),
        (vec![JSON, nobodys], "{}", unknown),
        (vec![JSON, ("x-amz-target", "DynamoDB_20120810.ListTables")], "{}", unknown),
        (vec![JSON, target("ListStreams")], "", unreadable),
        (vec![JSON, target("ListStreams")], "hello", unreadable),
        (vec![JSON, nobodys], "hello", unreadable),
    ] {
        let answer = post(&front, &headers, body.as_bytes()).await;
        assert_eq!((answer.status, text(&answer)), (400, expected), "{headers:?} {body}");
        assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
    }
    let cbor = post(&front, &[CBOR, target("ListStreams")], b"").await;
    assert_eq!(cbor.bytes(), b"\xa1\x66__type\x76SerializationException");
    assert_eq!(cbor.header("content-type"), Some("application/x-amz-cbor-1.1"));
    let cbor = post(&front, &[CBOR], b"\xa0").await;
    assert_eq!(cbor.bytes(), b"\xa1\x66__type\x78\x19UnknownOperationException");
}

#[tokio::test]
async fn the_signature_is_told_before_types_and_constraints() {
    let front = open();
    let echo = target("Echo");
    let unsigned = post(&front, &[JSON, echo], br#"{"StreamName":1}"#).await;
    assert_eq!(
        text(&unsigned),
        r#"{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}"#
    );
    let incomplete = post(&front, &[JSON, echo, ("authorization", "X")], b"{}").await;
    assert!(text(&incomplete).starts_with(
        r#"{"__type":"IncompleteSignatureException","message":"Authorization header requires 'Credential'"#
    ));
    let typed = post(&front, &[JSON, echo, AUTHORIZED, DATE], br#"{"StreamName":1}"#).await;
    assert_eq!(
        text(&typed),
        r#"{"__type":"SerializationException","Message":"class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"}"#
    );
    let constrained = post(&front, &[JSON, echo, AUTHORIZED, DATE], b"{}").await;
    assert!(text(&constrained).contains("1 validation error detected: Value null at 'streamName'"));
}

#[tokio::test]
async fn region_and_account_are_those_of_the_signature() {
    let front = open();
    for (key, account) in
        [("AKID", "000000000000"), ("123456789012", "123456789012"), ("12345", "000000000000")]
    {
        let signed = SIGNED.replace("AKID", key);
        let headers = [JSON, target("Echo"), ("authorization", signed.as_str()), DATE];
        let answer = post(&front, &headers, br#"{"StreamName":"a"}"#).await;
        assert_eq!(
            text(&answer),
            format!(r#"{{"StreamName":"a","Account":"{account}","Region":"eu-west-1"}}"#)
        );
    }
    let scopeless = "AWS4-HMAC-SHA256 Credential=test, SignedHeaders=host, Signature=00";
    let headers = [JSON, target("Echo"), ("authorization", scopeless), DATE];
    let answer = post(&front, &headers, br#"{"StreamName":"a"}"#).await;
    assert!(text(&answer).contains(r#""Region":"us-east-1""#));
}

#[tokio::test]
async fn a_query_may_carry_the_signature() {
    let mut head = head("POST", &[JSON, target("Echo")]);
    head.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Feu-west-3%2Fkinesis%2Faws4_request\
        &X-Amz-Signature=00&X-Amz-SignedHeaders=host&X-Amz-Date=20260101T000000Z"
        .to_owned();
    let body = Bytes::from_static(br#"{"StreamName":"a"}"#);
    let answer = open().answer(&head, body, Timestamp::now()).await;
    assert!(text(&answer).contains(r#""Region":"eu-west-3""#), "{}", text(&answer));
}

#[tokio::test]
async fn with_keys_configured_every_signature_is_verified() {
    let front = front("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG", watch::channel(false).1);
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &now[..8];
    for (key, code) in [("AKIDEXAMPLE", "InvalidSignatureException"), ("AKID", "UnrecognizedClientException")]
    {
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential={key}/{day}/eu-west-1/kinesis/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-target, Signature={}",
            "0".repeat(64)
        );
        let headers =
            [JSON, target("Echo"), ("authorization", signed.as_str()), ("x-amz-date", now.as_str())];
        let answer = post(&front, &headers, br#"{"StreamName":"a"}"#).await;
        assert!((answer.status, answer.code) == (400, code), "{}", text(&answer));
    }
}

#[tokio::test]
async fn plain_json_gets_the_old_envelope() {
    let front = open();
    let plain = ("content-type", "application/json");
    for (body, code) in [("", "Unknown"), ("{}", "Unknown"), ("hello", "Serialization")] {
        let answer = post(&front, &[plain, target("ListStreams")], body.as_bytes()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert!(text(&answer).starts_with(r#"{"Output":{"__type":"com.amazon.coral.service#"#));
        assert!(text(&answer).contains(code) && text(&answer).ends_with(r#""Version":"1.0"}"#), "{body}");
    }
}

#[tokio::test]
async fn browsers_may_ask_from_everywhere() {
    let front = open();
    let asked = [
        ("origin", "whatever"),
        ("access-control-request-headers", "a, b, c"),
        ("access-control-request-method", "d"),
    ];
    let answer = front.answer(&head("OPTIONS", &asked), Bytes::new(), Timestamp::now()).await;
    assert_eq!((answer.status, answer.bytes()), (200, b"".as_slice()));
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-headers", "a, b, c"),
        ("access-control-allow-methods", "d"),
        ("access-control-max-age", "172800"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(answer.header("x-amzn-requestid").is_some() && answer.header("x-amz-id-2").is_none());
    let other =
        post(&front, &[("origin", "whatever"), JSON, AUTHORIZED, DATE, target("ListStreams")], b"{}").await;
    assert_eq!(other.header("access-control-allow-origin"), Some("*"));
    assert!(other.header("access-control-expose-headers").unwrap().contains("x-amzn-RequestId"));
}

#[tokio::test]
async fn answers_have_the_type_of_the_request_and_nothing_where_there_is_no_output() {
    let front = open();
    let answer = post(&front, &[JSON, AUTHORIZED, DATE, target("CreateStream")], b"{}").await;
    assert_eq!((answer.status, text(&answer)), (200, ""));
    assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
    let answer = post(&front, &[CBOR, AUTHORIZED, DATE, target("ListStreams")], b"\xbf\xff").await;
    assert_eq!((answer.status, answer.bytes()), (200, b"\xa1\x6bStreamNames\x81\x65trips".as_slice()));
    let answer = post(&front, &[CBOR, AUTHORIZED, DATE, target("Refuse")], b"\xa0").await;
    assert_eq!(answer.bytes(), b"\xa2\x66__type\x76ResourceInUseException\x67message\x66in use");
}

#[tokio::test]
async fn an_operation_that_panics_is_an_internal_failure() {
    let answer = post(&open(), &[JSON, AUTHORIZED, DATE, target("Panic")], b"{}").await;
    assert_eq!((answer.status, text(&answer)), (500, r#"{"__type":"InternalFailure"}"#));
}

#[tokio::test]
async fn a_daemon_that_drains_takes_no_request() {
    let (drain, draining) = watch::channel(false);
    let front = front("", draining);
    let headers = [JSON, AUTHORIZED, DATE, target("ListStreams")];
    assert_eq!(post(&front, &headers, b"{}").await.status, 200);
    drain.send_replace(true);
    let refused = post(&front, &headers, b"{}").await;
    assert_eq!((refused.status, refused.code), (503, "ServiceUnavailable"));
    assert!(text(&refused).contains("draining"));
}
