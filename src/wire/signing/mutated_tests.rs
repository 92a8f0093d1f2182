//! Changed signatures, in headers and in queries: refused without a panic, and none is ever taken.

use super::{Claim, Credentials, SignedRequest, verify};
use crate::wire::mutation::{CASES, Mutator};
use jiff::Timestamp;

const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kinesis/aws4_request, \
    SignedHeaders=host;x-amz-date;x-amz-target, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
const QUERY: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fkinesis\
    %2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
const PIECES: &[&[u8]] = &[
    b"/",
    b",",
    b";",
    b"=",
    b"&",
    b"%",
    b"%2F",
    b"%zz",
    b" ",
    b"Credential=",
    b"Signature=",
    b"SignedHeaders=",
    b"X-Amz-Algorithm=",
    b"X-Amz-Expires=-1",
    b"X-Amz-Expires=99999999999999999999",
    b"20150830T123600Z",
    b"host",
    b"\xc3\xa9",
    b"..",
    b"//",
];

/// Claims and verifies a request of these parts.
fn tried(authorization: Option<&str>, date: &str, path: &str, query: &str) {
    let now = Timestamp::from_second(1_440_938_160).unwrap();
    let mut headers = vec![
        ("host".to_owned(), "localhost".to_owned()),
        ("x-amz-date".to_owned(), date.to_owned()),
        ("x-amz-target".to_owned(), "Kinesis_20131202.ListStreams".to_owned()),
    ];
    headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
    let request = SignedRequest { method: "POST", path, query, headers: headers.into(), body: b"{}" };
    let credentials = Credentials::parse("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
    let outcome = Claim::of(&request).and_then(|claim| {
        let _ = (claim.region(), claim.access_key());
        verify(&claim, &request, "kinesis", &credentials, now)
    });
    let refused = outcome.expect_err("nobody signed it");
    assert!(matches!(refused.status, 400 | 403), "{refused}");
    let sent = authorization.map_or(0, str::len) + date.len() + query.len();
    assert!(refused.message.len() <= 4 * sent + 4_096, "{}", refused.message.len());
}

fn changed(seed: u64, sample: &str) -> impl Iterator<Item = String> {
    let mut mutator = Mutator::new(seed, vec![sample.as_bytes().to_vec()], PIECES);
    std::iter::repeat_with(move || String::from_utf8_lossy(&mutator.next()).into_owned()).take(CASES / 4)
}

#[test]
fn changed_headers_are_refused() {
    changed(1, HEADER).for_each(|header| tried(Some(&header), "20150830T123600Z", "/", ""));
}

#[test]
fn changed_queries_are_refused() {
    changed(2, QUERY).for_each(|query| tried(None, "20150830T123600Z", "/", &query));
}

#[test]
fn changed_dates_and_paths_are_refused() {
    changed(3, "20150830T123600Z").for_each(|date| tried(Some(HEADER), &date, "/", ""));
    changed(4, "Sun, 30 Aug 2015 12:36:00 GMT").for_each(|date| tried(Some(HEADER), &date, "/", ""));
    changed(5, "/a/../b%20c").for_each(|path| tried(Some(HEADER), "20150830T123600Z", &path, ""));
}
