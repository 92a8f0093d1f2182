use super::daemon::*;
use serde_json::json;
use std::io::Write;

#[test]
fn an_unknown_stream_is_told_the_known_ones() {
    let daemon = plain();
    let answer = daemon.post("/streams/tripz/records", &[], b"{}");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["streams"], json!(["trips", "jobs"]));
    assert_eq!(daemon.post("/elsewhere", &[], b"{}").status, 404);
}

#[test]
fn other_methods_are_told_what_is_allowed() {
    let daemon = plain();
    for method in ["GET", "PUT", "DELETE"] {
        let answer = request(daemon.address, method, "/streams/trips/records", &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    let root = request(daemon.address, "GET", "/", &[], b"");
    assert_eq!((root.status, &root.json()["streams"]), (200, &json!(["trips", "jobs"])));
}

#[test]
fn a_body_without_records_is_a_400_with_line_and_reason() {
    let daemon = plain();
    for (body, expected) in [
        (&b""[..], "the body is empty"),
        (b"[]", "the body is empty"),
        (b"\n\nnonsense", "line 3: expected ident"),
        (b"[{\"a\":1},\n{\"a\":}]", "line 2: the array is not valid JSON: expected value"),
    ] {
        let answer = daemon.records(body);
        assert_eq!(answer.status, 400);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(daemon.count(), 0);
}

#[test]
fn encodings_and_types_that_are_not_taken_are_a_415() {
    let daemon = plain();
    for header in [
        ("content-encoding", "br"),
        ("content-encoding", "gzip, gzip"),
        ("content-type", "Multipart/form-data; boundary=x"),
    ] {
        assert_eq!(daemon.post("/streams/trips/records", &[header], b"{}").status, 415, "{header:?}");
    }
}

#[test]
fn a_body_over_the_limit_is_a_413_however_it_is_sent() {
    let daemon =
        start(&section(json!({ "max_body": "1KiB", "max_expanded": "4KiB", "max_records": 3 })), json!({}));
    let large = vec![b' '; 100_000];
    assert_eq!(daemon.records(&large).status, 413);
    let mut client = connect(daemon.address);
    let head = "POST /streams/trips/records HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    client.socket.write_all(head.as_bytes()).unwrap();
    for _ in 0..3 {
        let _ = client.socket.write_all(format!("200\r\n{}\r\n", " ".repeat(0x200)).as_bytes());
    }
    assert_eq!(client.receive().status, 413);
    let bomb = zstd::stream::encode_all(&*vec![b' '; 1 << 20], 1).unwrap();
    assert_eq!(daemon.post("/streams/trips/records", &[("content-encoding", "zstd")], &bomb).status, 413);
    assert_eq!(daemon.records(b"1 2 3 4").status, 413);
    assert_eq!(daemon.records(b"1 2 3").status, 200);
}

#[test]
fn a_damaged_encoding_is_a_400() {
    let daemon = plain();
    let answer = daemon.post("/streams/trips/records", &[("content-encoding", "gzip")], b"{}");
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"].as_str().unwrap().contains("gzip"));
}

#[test]
fn keys_that_are_too_long_are_a_400() {
    let daemon = plain();
    let long = "k".repeat(257);
    for header in
        [("x-partition-key", long.as_str()), ("idempotency-key", long.as_str()), ("idempotency-key", "")]
    {
        assert_eq!(daemon.post("/streams/trips/records", &[header], b"{}").status, 400, "{}", header.0);
    }
}
