//! Requests that are not as they should be, sent to the AWS endpoint of a daemon: each is answered by an
//! error of AWS's form, the daemon's memory stays bounded, and it goes on serving.

use crate::support::{
    AWS_TOPOLOGY, Bench, Client,
    aws::{CBOR, JSON, SIGNED, ask, code, request, serves, told},
};
use caudal::wire::{
    kinesis::OPERATIONS,
    protocol::{Member, Shape},
};

/// All that the daemon may grow by, whatever is sent: bodies of 256 MiB, and what is made of them.
const MOST_MEMORY: u64 = 1 << 30;

/// JSON of types that a shape has not.
fn wrong(shape: &Shape) -> Vec<String> {
    let plain: &[&str] = match shape {
        Shape::Text(_) => &["true", "12", "1.5", "[]", "{}"],
        Shape::Blob(_) => &["true", "12", "[]", "{}", "\"*\"", "\"AAA\""],
        Shape::Integer(_) | Shape::Long(_) => &["true", "\"12\"", "[]", "{}", "1e300"],
        Shape::Double | Shape::Timestamp => &["true", "\"now\"", "[]", "{}"],
        Shape::Boolean => &["12", "\"perhaps\"", "[]", "{}"],
        Shape::List(_) => &["true", "12", "\"a\"", "{}"],
        Shape::Map(_) | Shape::Structure(_) => &["true", "12", "\"a\"", "[]"],
    };
    let within = match shape {
        Shape::List(list) => wrong(&list.member).into_iter().map(|item| format!("[{item}]")).collect(),
        Shape::Map(map) => wrong(&map.value).into_iter().map(|item| format!("{{\"k\":{item}}}")).collect(),
        Shape::Structure(shape) => shape.members.iter().flat_map(wrong_field).collect(),
        _ => Vec::new(),
    };
    plain.iter().map(|text| (*text).to_owned()).chain(within).collect()
}

/// Objects whose one field has a wrong type.
fn wrong_field(member: &Member) -> Vec<String> {
    wrong(&member.shape).into_iter().map(|value| format!("{{\"{}\":{value}}}", member.name)).collect()
}

#[test]
fn a_field_of_a_wrong_type_is_refused_wherever_it_lies() {
    let daemon = Bench::new(AWS_TOPOLOGY);
    let (bench, daemon) = (&daemon, daemon.start());
    let mut client = daemon.aws().unwrap();
    let mut refused = 0;
    for operation in &OPERATIONS {
        for body in operation.input.members.iter().flat_map(wrong_field) {
            let answer = ask(&mut client, operation.name, JSON, &[], body.as_bytes());
            assert_eq!((answer.status, code(&answer).as_str()), (400, "SerializationException"), "{body}");
            refused += 1;
        }
    }
    assert!(refused > 800, "only {refused} requests were sent");
    serves(&daemon);
    daemon.stop();
    assert!(!bench.log().contains("panicked"), "{}", bench.log());
}

#[test]
fn whatever_cannot_be_read_is_refused_for_every_operation_in_its_protocol() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let mut client = daemon.aws().unwrap();
    let deep = [b"{\"a\":".as_slice(), &b"[".repeat(10_000)].concat();
    let balanced = [deep.as_slice(), &b"]".repeat(10_000), b"}"].concat();
    let structures = b"{\"StreamName\":".repeat(10_000);
    let json: [&[u8]; 12] = [
        b"",
        b"{",
        b"}",
        b"[]",
        b"null",
        b"12",
        b"\"a\"",
        b"{\"StreamName\":\"tri",
        b"\xff\xfe",
        &deep,
        &balanced,
        &structures,
    ];
    let deep_list = [b"\xa1\x61a".as_slice(), &b"\x81".repeat(10_000)].concat();
    let open_maps = b"\xbf\x61a".repeat(10_000);
    let cbor: [&[u8]; 8] = [
        b"",
        b"\xa1",
        b"\x80",
        b"\xa1\x6aStreamName\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xbf\x61a",
        b"\xff",
        &deep_list,
        &open_maps,
    ];
    for operation in &OPERATIONS {
        let all = json.iter().map(|body| (JSON, *body)).chain(cbor.iter().map(|body| (CBOR, *body)));
        for (kind, body) in all {
            let answer = ask(&mut client, operation.name, kind, &[], body);
            let shown = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
            assert_eq!((answer.status, answer.header("content-type")), (400, Some(kind)), "{shown}");
            assert_eq!(code(&answer), "SerializationException", "{} {shown}", operation.name);
        }
    }
    serves(&daemon);
    daemon.stop();
}

#[test]
fn large_requests_are_refused_and_memory_stays_bounded() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let before = daemon.peak_memory();
    let many = |item: &str, count| format!("{{\"Records\":[{}]}}", vec![item; count].join(","));
    let texts = format!("{{\"StreamName\":\"{}\"}}", "\\u0001".repeat(2 << 20));
    let bodies = [
        (many("{}", 3 << 20), "SerializationException"),
        (many("[]", 100), "SerializationException"),
        (many("{\"Data\":\"*\"}", 100_000), "SerializationException"),
        (format!("{{\"Records\":[{{\"Data\":\"{}\"}}]}}", "*".repeat(12 << 20)), "SerializationException"),
        (texts, "ValidationException"),
        (format!("{{\"StreamName\":\"{}\"}}", "a".repeat(15 << 20)), "ValidationException"),
        (format!("{{\"Tags\":{{\"{}\":null}}}}", "k".repeat(15 << 20)), "ValidationException"),
        (" ".repeat(17 << 20), "RequestEntityTooLargeException"),
    ];
    let address = daemon.aws_address();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (body, expected) in &bodies {
                    let operation = if body.contains("Tags") { "AddTagsToStream" } else { "PutRecords" };
                    let target = format!("Kinesis_20131202.{operation}");
                    let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
                    let headers: Vec<_> = headers.into_iter().chain(SIGNED).collect();
                    let answer = match Client::new(address).post("/", &headers, body.as_bytes()) {
                        Ok(answer) => answer,
                        // Whoever goes on sending may find the connection reset before the answer is read.
                        Err(_) if body.len() > 16 << 20 => continue,
                        Err(fault) => panic!("{fault}: {:.40}", body),
                    };
                    let told = code(&answer);
                    let is_busy = told == "ServiceUnavailable" && answer.status == 503;
                    assert!(is_busy || told == *expected, "{told}: {body:.40}");
                    assert!(answer.body.len() < 1 << 20, "{} bytes for {body:.40}", answer.body.len());
                }
            });
        }
    });
    let grown = daemon.peak_memory() - before;
    assert!(grown < MOST_MEMORY, "the daemon has grown by {} MiB", grown >> 20);
    serves(&daemon);
    daemon.stop();
}

#[test]
fn content_types_and_framings_that_no_sdk_uses_are_answered_as_aws_does() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let mut client = daemon.aws().unwrap();
    for kind in
        ["", "text/plain", "application/x-amz-json-1.0", "application/x-www-form-urlencoded", "\u{e9}"]
    {
        let answer = ask(&mut client, "ListStreams", kind, &[], b"{}");
        assert_eq!((answer.status, code(&answer).as_str()), (403, "AccessDeniedException"), "{kind}");
    }
    let plain = ask(&mut client, "ListStreams", "application/json", &[], b"{}");
    assert!(plain.status == 200 && plain.text().contains("#UnknownOperationException"));
    // Bodies signed chunk by chunk are S3's alone: here they are no JSON.
    let chunked = [
        ("content-encoding", "aws-chunked"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("x-amz-decoded-content-length", "2"),
    ];
    let body = format!("2;chunk-signature={}\r\n{{}}\r\n0;chunk-signature=0\r\n\r\n", "0".repeat(64));
    let answer = ask(&mut client, "ListStreams", JSON, &chunked, body.as_bytes());
    assert_eq!((answer.status, code(&answer).as_str()), (400, "SerializationException"));
    let answer = ask(&mut client, "ListStreams", JSON, &[("content-encoding", "gzip")], b"\x1f\x8b\x08\x00");
    assert_eq!((answer.status, code(&answer).as_str()), (400, "SerializationException"));
    serves(&daemon);
    daemon.stop();
}

#[test]
fn wrong_signatures_are_refused_where_keys_are_configured() {
    let bench =
        Bench::new(AWS_TOPOLOGY).with("CAUDAL__AWS__CREDENTIALS", "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG");
    let daemon = bench.start();
    let mut client = daemon.aws().unwrap();
    let scope = "AKIDEXAMPLE/20260101/us-east-1/kinesis/aws4_request";
    let whole = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=00");
    let date = ("x-amz-date", "20260101T000000Z");
    let target = ("x-amz-target", "Kinesis_20131202.ListStreams");
    let refusals = [
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    ];
    for authorization in [
        "",
        "X",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=,,,",
        &whole,
        &whole.replace("AKIDEXAMPLE", "AKID"),
        &whole.replace("20260101/", "/"),
        &whole.replace("SHA256", "SHA1"),
        &whole.replace(';', ";;;;"),
        &"Credential=a/".repeat(2_000),
    ] {
        let headers = [("content-type", JSON), target, date, ("authorization", authorization)];
        let answer = client.post("/", &headers, b"{}").unwrap();
        let told = code(&answer);
        assert!(
            matches!(answer.status, 400 | 403) && refusals.contains(&told.as_str()),
            "{authorization}: {told}"
        );
        assert!(answer.body.len() < 64 << 10);
    }
    for query in [
        "X-Amz-Algorithm",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=%zz%",
        "X-Amz-Algorithm=&&=&%00",
    ] {
        let answer = client.post(&format!("/?{query}"), &[("content-type", JSON), target], b"{}").unwrap();
        assert!(refusals.contains(&code(&answer).as_str()), "{query}: {answer:?}");
    }
    daemon.stop();
}

/// Heads that no server can read; the code of the refusal says what is wrong with each.
fn unreadable() -> Vec<(Vec<u8>, &'static str)> {
    let head = |line: &str, headers: &str| format!("{line}\r\n{headers}\r\n").into_bytes();
    let (post, host) = ("POST / HTTP/1.1", "host: localhost\r\n");
    let bad = "BadRequestException";
    let many: String = (0..97).map(|place| format!("x-{place}: a\r\n")).collect();
    vec![
        (head("GET", host), bad),
        (head("POST / HTTP/9.9", host), bad),
        (head("PO ST / HTTP/1.1", host), bad),
        (head("POST http://[ HTTP/1.1", host), bad),
        (head(&format!("POST /{} HTTP/1.1", "a".repeat(70_000)), host), bad),
        (head(post, ""), bad),
        (head(post, "host: a\r\nhost: b\r\n"), bad),
        (head(post, &format!("{host}content-length: many\r\n")), bad),
        (head(post, &format!("{host}content-length: 1\r\ncontent-length: 2\r\n")), bad),
        (head(post, &format!("{host}transfer-encoding: gzip\r\n")), bad),
        (head(post, &format!("{host}transfer-encoding: chunked\r\ncontent-length: 2\r\n")), bad),
        (head(post, &format!("{host}no colon\r\n")), bad),
        (head(post, &format!("{host}{many}")), "RequestHeaderFieldsTooLargeException"),
        // Sent without its end, so that all of it is read before it is refused.
        (
            format!("{post}\r\n{host}x-large: {}", "a".repeat(131_072)).into_bytes(),
            "RequestHeaderFieldsTooLargeException",
        ),
    ]
}

#[test]
fn what_is_no_http_is_refused_in_the_form_of_aws_and_is_the_last_of_its_connection() {
    let bench = Bench::new(AWS_TOPOLOGY);
    let daemon = bench.start();
    let good = request("ListStreams", "{}");
    for (sent, expected) in unreadable() {
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(60)]).into_owned();
        for (before, sent) in [("", sent.clone()), (good.as_str(), [good.as_bytes(), &sent].concat())] {
            let told = told(&daemon, &sent);
            // Whoever is cut off while he sends may hear nothing of why.
            let is_heard = told.contains(expected) || sent.len() > 60_000;
            assert!(is_heard, "{shown}: {told}");
            assert_eq!(
                told.matches("HTTP/1.1 4").count(),
                told.matches(&format!("<{expected}>")).count(),
                "{shown}: {told}"
            );
            let answers = told.matches("\r\ndate: ").count();
            assert_eq!(told.matches("x-amzn-requestid: ").count(), answers, "{shown}: {told}");
            assert!(before.is_empty() || told.starts_with("HTTP/1.1 200"), "{shown}: {told}");
        }
    }
    let head = request("ListStreams", "").replace("content-length: 0", "transfer-encoding: chunked");
    for chunks in ["zz\r\n", "2\r\n{}xx", "fffffffffffffffffff\r\n{}", "-1\r\n{}\r\n"] {
        let told = told(&daemon, format!("{head}{chunks}").as_bytes());
        assert!(
            told.starts_with("HTTP/1.1 400") && told.contains("\"__type\":\"IncompleteBodyException\""),
            "{told}"
        );
        assert_eq!(
            (told.matches("HTTP/1.1").count(), told.matches("x-amzn-requestid").count()),
            (1, 1),
            "{told}"
        );
    }
    let told = told(&daemon, b"HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\nnonsense\r\n\r\n");
    assert!(told.starts_with("HTTP/1.1 403") && told.ends_with("</BadRequestException>\n"), "{told}");
    assert_eq!(
        (told.matches("\r\ndate: ").count(), told.matches("x-amzn-requestid").count()),
        (2, 2),
        "{told}"
    );
    serves(&daemon);
    let metrics = daemon.admin().get("/metrics").unwrap().text();
    assert!(metrics.contains("code=\"BadRequestException\",operation=\"none\""), "{metrics}");
    daemon.stop();
}
