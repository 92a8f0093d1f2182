//! What browsers are allowed: as AWS does, everything, from everywhere. Signatures say who asks.

use super::head::Head;

/// Seconds for which a browser may remember it.
const MAX_AGE: &str = "172800";
const EXPOSED: &str =
    "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";

type Headers = Vec<(&'static str, String)>;

/// The question of a browser whether it may ask.
pub(super) fn is_preflight(head: &Head) -> bool {
    head.method == "OPTIONS" && head.header("origin").is_some()
}

/// Headers of the answer to that question.
pub(super) fn preflight(head: &Head) -> Headers {
    let mut headers = vec![("access-control-allow-origin", "*".to_owned())];
    for (asked, allowed) in [
        ("access-control-request-headers", "access-control-allow-headers"),
        ("access-control-request-method", "access-control-allow-methods"),
    ] {
        headers.extend(head.header(asked).map(|value| (allowed, value.to_owned())));
    }
    headers.push(("access-control-max-age", MAX_AGE.to_owned()));
    headers
}

/// Headers of every other answer to a page of another origin.
pub(super) fn headers(head: &Head) -> Headers {
    match head.header("origin") {
        Some(_) => vec![
            ("access-control-allow-origin", "*".to_owned()),
            ("access-control-expose-headers", EXPOSED.to_owned()),
        ],
        None => Vec::new(),
    }
}
