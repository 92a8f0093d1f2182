use super::{Claim, Credentials, SignedRequest, clock, digest, verify};
use crate::wire::protocol::ServiceError;
use jiff::{SignedDuration, Timestamp};

const KEYS: &str = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SCOPE: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

fn credentials() -> Credentials {
    Credentials::parse(KEYS).unwrap()
}

fn then() -> Timestamp {
    clock::parse("20150830T123600Z").unwrap()
}

fn request<'r>(
    method: &'r str,
    target: &'r str,
    headers: &[(&str, &str)],
    body: &'r str,
) -> SignedRequest<'r> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let always = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
    let headers = always.iter().chain(headers).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    SignedRequest { method, path, query, headers: headers.collect(), body: body.as_bytes() }
}

fn signed<'r>(
    mut request: SignedRequest<'r>,
    credential: &str,
    names: &str,
    signature: &str,
) -> SignedRequest<'r> {
    let value =
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
    request.headers.to_mut().push(("authorization".to_owned(), value));
    request
}

fn verified(request: &SignedRequest<'_>, now: Timestamp) -> Result<(), ServiceError> {
    verify(&Claim::of(request)?, request, "service", &credentials(), now)
}

/// Signs as a client does.
fn sign<'r>(request: SignedRequest<'r>, credential: &str, names: &str) -> SignedRequest<'r> {
    let claimed = signed(request.clone(), credential, names, "0");
    let claim = Claim::of(&claimed).unwrap();
    let scope: Vec<&str> = credential.split('/').collect();
    let day = scope[1..].join("/");
    let canonical = digest::sha256_hex(claimed.canonical(&claim).as_bytes());
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{day}\n{canonical}", claim.date);
    let key = digest::signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope[1], scope[2], scope[3]);
    signed(request, credential, names, &digest::sign_hex(&key, &to_sign))
}

/// Name, request, signed headers and signature of <https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html>.
type Vector = (&'static str, SignedRequest<'static>, &'static str, &'static str);

const DATED: &str = "host;x-amz-date";

fn vectors_of_targets() -> [Vector; 4] {
    let letters = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let unreserved: &'static str = format!("/?{letters}={letters}").leak();
    let get = |target| request("GET", target, &[], "");
    [
        ("get-vanilla", get("/"), DATED, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "post-vanilla",
            request("POST", "/", &[], ""),
            DATED,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "get-vanilla-query-order-key-case",
            get("/?Param2=value2&Param1=value1"),
            DATED,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-unreserved",
            get(unreserved),
            DATED,
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
    ]
}

fn vectors_of_headers() -> [Vector; 4] {
    let trimmed = [("my-header1", " value1"), ("my-header2", " \"a   b   c\"")];
    let doubled = [("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    [
        (
            "get-header-value-trim",
            request("GET", "/", &trimmed, ""),
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "get-header-key-duplicate",
            request("GET", "/", &doubled, ""),
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "post-header-key-sort",
            request("POST", "/", &[("my-header1", "value1")], ""),
            "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-x-www-form-urlencoded",
            request("POST", "/", &form, "Param1=value1"),
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ]
}

#[test]
fn the_published_vectors_are_verified() {
    for (name, request, headers, signature) in vectors_of_targets().into_iter().chain(vectors_of_headers()) {
        assert_eq!(verified(&signed(request, SCOPE, headers, signature), then()), Ok(()), "{name}");
    }
}

#[test]
fn whatever_was_signed_cannot_be_changed() {
    let names = "host;x-amz-date;x-amz-target";
    let target = [("x-amz-target", "Kinesis_20131202.ListStreams")];
    let good = sign(request("POST", "/?a=b", &target, "{}"), SCOPE, names);
    assert_eq!(verified(&good, then()), Ok(()));
    let changed: [fn(&mut SignedRequest<'static>); 5] = [
        |request| request.body = b"{ }",
        |request| request.method = "PUT",
        |request| request.query = "a=c",
        |request| request.path = "/other",
        |request| request.headers.to_mut()[2].1 = "Kinesis_20131202.DeleteStream".to_owned(),
    ];
    for change in changed {
        let mut request = sign(
            request("POST", "/?a=b", &[("x-amz-target", "Kinesis_20131202.ListStreams")], "{}"),
            SCOPE,
            names,
        );
        change(&mut request);
        assert_eq!(verified(&request, then()).unwrap_err().code, "InvalidSignatureException");
    }
}

#[test]
fn a_header_that_says_what_the_body_should_be_does_not_stand_for_it() {
    let unsigned = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
    let names = "host;x-amz-content-sha256;x-amz-date";
    let mut request = sign(request("POST", "/", &unsigned, "{}"), SCOPE, names);
    assert_eq!(verified(&request, then()), Ok(()), "signed with the body's own digest");
    request.body = b"{\"StreamName\":\"other\"}";
    assert_eq!(verified(&request, then()).unwrap_err().code, "InvalidSignatureException");
}

#[test]
fn an_unknown_key_is_not_told_apart_by_its_signature() {
    let stranger = "AKIDSTRANGER/20150830/us-east-1/service/aws4_request";
    let refused =
        verified(&sign(request("POST", "/", &[], ""), stranger, "host;x-amz-date"), then()).unwrap_err();
    assert_eq!(refused.code, "UnrecognizedClientException");
    assert_eq!(refused.message, "The security token included in the request is invalid.");
    for signature in ["", "zz", "00", &"0".repeat(64)] {
        let forged =
            signed(request("POST", "/", &[], ""), SCOPE, "host;x-amz-date", &format!("{signature}0"));
        let refused = verified(&forged, then()).unwrap_err();
        assert!(
            refused.message.starts_with("The request signature we calculated does not match"),
            "{refused}"
        );
    }
}

#[test]
fn clocks_may_be_five_minutes_apart_and_no_more() {
    let good = sign(request("POST", "/", &[], ""), SCOPE, "host;x-amz-date");
    for seconds in [-300, -299, 0, 299, 300] {
        assert_eq!(verified(&good, then() + SignedDuration::from_secs(seconds)), Ok(()), "{seconds}");
    }
    let late = verified(&good, then() + SignedDuration::from_secs(301)).unwrap_err();
    assert_eq!(
        late.message,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)"
    );
    let early = verified(&good, then() - SignedDuration::from_secs(301)).unwrap_err();
    assert_eq!(
        early.message,
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)"
    );
}

#[test]
fn a_scope_that_is_not_this_service_and_day_is_named() {
    for (credential, code, told) in [
        (
            "AKIDEXAMPLE/20150830/us-east-1/service",
            "IncompleteSignatureException",
            "exactly 5 slash-delimited",
        ),
        (
            "AKIDEXAMPLE/20150829/us-east-1/service/aws4_request",
            "InvalidSignatureException",
            "'20150829' != '20150830', from '20150830T123600Z'.",
        ),
        ("AKIDEXAMPLE/20150830/us east/service/aws4_request", "IncompleteSignatureException", "exactly 5"),
        (
            "AKIDEXAMPLE/20150830/us_east/service/aws4_request",
            "InvalidSignatureException",
            "scoped to a valid region",
        ),
        (
            "AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request",
            "InvalidSignatureException",
            "correct service: 'service'",
        ),
        (
            "AKIDEXAMPLE/20150830/us-east-1/service/aws4",
            "InvalidSignatureException",
            "valid terminator: 'aws4_request', not 'aws4'",
        ),
    ] {
        let refused =
            verified(&signed(request("POST", "/", &[], ""), credential, "host;x-amz-date", "0"), then())
                .unwrap_err();
        assert!(refused.code == code && refused.message.contains(told), "{credential}: {refused}");
    }
}

#[test]
fn the_host_and_the_headers_of_aws_must_be_signed() {
    let target = [("x-amz-target", "Kinesis_20131202.DeleteStream")];
    let refused =
        verified(&sign(request("POST", "/", &target, ""), SCOPE, "host;x-amz-date"), then()).unwrap_err();
    assert!(refused.message.contains("'x-amz-target' must be a 'SignedHeader'"), "{refused}");
    let refused = verified(&sign(request("POST", "/", &[], ""), SCOPE, "x-amz-date"), then()).unwrap_err();
    assert!(refused.message.contains("must be a 'SignedHeader'"), "{refused}");
}

#[test]
fn over_http_2_the_authority_may_be_signed_in_place_of_the_host() {
    let authority = [(":authority", "example.amazonaws.com")];
    let good = sign(request("POST", "/", &authority, ""), SCOPE, ":authority;x-amz-date");
    assert_eq!(verified(&good, then()), Ok(()));
    let mut elsewhere = good;
    elsewhere.headers.to_mut()[2].1 = "example.com".to_owned();
    assert_eq!(verified(&elsewhere, then()).unwrap_err().code, "InvalidSignatureException");
}

#[test]
fn what_is_missing_of_a_signature_is_told_at_once() {
    let bare = request("POST", "/", &[], "");
    assert_eq!(Claim::of(&bare).unwrap_err().code, "MissingAuthenticationTokenException");
    let with = |value: &str| {
        let mut request = request("POST", "/", &[], "");
        request.headers = vec![("authorization".to_owned(), value.to_owned())].into();
        Claim::of(&request).unwrap_err()
    };
    assert_eq!(
        with("X").message,
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of \
         either a 'X-Amz-Date' or a 'Date' header. Authorization=X"
    );
    for header in [
        "AWS4- Signature=b Credential=a",
        "AWS4- Signature=b,Credential=a",
        "AWS4- Signature=b, Credential=a",
    ] {
        let mut request = request("POST", "/", &[("authorization", header)], "");
        request.headers.to_mut().push(("date".to_owned(), "a".to_owned()));
        assert_eq!(
            Claim::of(&request).unwrap_err().message,
            format!("Authorization header requires 'SignedHeaders' parameter. Authorization={header}")
        );
    }
    let query =
        request("POST", "/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d", &[], "");
    assert_eq!(
        Claim::of(&query).unwrap_err().message,
        "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters."
    );
    let twice = request("POST", "/?X-Amz-Algorithm", &[("authorization", "X")], "");
    let refused = Claim::of(&twice).unwrap_err();
    assert_eq!(refused.code, "InvalidSignatureException");
    assert!(refused.message.starts_with("Found both 'X-Amz-Algorithm'"));
}

#[test]
fn an_algorithm_or_a_date_that_nobody_knows_is_refused() {
    let mut other = request("POST", "/", &[], "");
    let value = format!("AWS4-ECDSA-P256-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0");
    other.headers.to_mut().push(("authorization".to_owned(), value));
    assert!(verified(&other, then()).unwrap_err().message.contains("Unsupported AWS 'algorithm'"));
    let mut dateless = signed(request("POST", "/", &[], ""), SCOPE, "host;x-amz-date", "0");
    dateless.headers.to_mut()[1].1 = "yesterday".to_owned();
    assert!(verified(&dateless, then()).unwrap_err().message.contains("Got 'yesterday'"));
}
