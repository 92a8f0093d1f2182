//! What AWS says of requests that are not signed as they should be.

use super::clock::{self, SKEW};
use crate::wire::protocol::ServiceError;
use jiff::Timestamp;

const INCOMPLETE: &str = "IncompleteSignatureException";
const INVALID: &str = "InvalidSignatureException";

pub(super) fn missing() -> ServiceError {
    ServiceError::bad_request("MissingAuthenticationTokenException", "Missing Authentication Token")
}

/// Signed by header and by query.
pub(super) fn twice() -> ServiceError {
    ServiceError::bad_request(
        INVALID,
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    )
}

pub(super) fn incomplete_header(
    absent: impl Iterator<Item = &'static str>,
    has_date: bool,
    header: &str,
) -> ServiceError {
    let mut told: String =
        absent.map(|name| format!("Authorization header requires '{name}' parameter. ")).collect();
    if !has_date {
        told.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    ServiceError::bad_request(INCOMPLETE, format!("{told}Authorization={header}"))
}

pub(super) fn incomplete_query(absent: impl Iterator<Item = &'static str>) -> ServiceError {
    let told: String =
        absent.map(|name| format!("AWS query-string parameters must include '{name}'. ")).collect();
    ServiceError::bad_request(INCOMPLETE, format!("{told}Re-examine the query-string parameters."))
}

pub(super) fn algorithm(found: &str) -> ServiceError {
    ServiceError::bad_request(INCOMPLETE, format!("Unsupported AWS 'algorithm': '{found}'."))
}

pub(super) fn credential(found: &str) -> ServiceError {
    ServiceError::bad_request(
        INCOMPLETE,
        format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{found}'"
        ),
    )
}

pub(super) fn date(found: &str) -> ServiceError {
    ServiceError::bad_request(
        INCOMPLETE,
        format!(
            "Date must be in ISO-8601 'basic format'. Got '{found}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ),
    )
}

pub(super) fn expiry(found: &str) -> ServiceError {
    ServiceError::bad_request(
        INCOMPLETE,
        format!("X-Amz-Expires must be a number of seconds from 0 to 604800, got '{found}'"),
    )
}

pub(super) fn scope_date(scope: &str, signed: Timestamp) -> ServiceError {
    let signed = clock::show(signed);
    let day = signed.split('T').next().unwrap_or_default();
    ServiceError::bad_request(
        INVALID,
        format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope}' != '{day}', from '{signed}'."
        ),
    )
}

pub(super) fn region() -> ServiceError {
    ServiceError::bad_request(INVALID, "Credential should be scoped to a valid region. ")
}

pub(super) fn service(wanted: &str) -> ServiceError {
    ServiceError::bad_request(
        INVALID,
        format!("Credential should be scoped to correct service: '{wanted}'. "),
    )
}

pub(super) fn terminator(found: &str) -> ServiceError {
    ServiceError::bad_request(
        INVALID,
        format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{found}'. "),
    )
}

/// Headers that change what is asked for must be signed.
pub(super) fn unsigned(name: &str) -> ServiceError {
    ServiceError::bad_request(INVALID, format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))
}

pub(super) fn expired(until: Timestamp, now: Timestamp) -> ServiceError {
    let (until, line, now) = (clock::show(until), clock::show(now - SKEW), clock::show(now));
    ServiceError::bad_request(
        INVALID,
        format!("Signature expired: {until} is now earlier than {line} ({now} - 5 min.)"),
    )
}

pub(super) fn not_yet(signed: Timestamp, now: Timestamp) -> ServiceError {
    let (signed, line, now) = (clock::show(signed), clock::show(now + SKEW), clock::show(now));
    ServiceError::bad_request(
        INVALID,
        format!("Signature not yet current: {signed} is still later than {line} ({now} + 5 min.)"),
    )
}

pub(super) fn unknown_key() -> ServiceError {
    ServiceError::bad_request(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

pub(super) fn wrong_signature() -> ServiceError {
    ServiceError::bad_request(
        INVALID,
        "The request signature we calculated does not match the signature you provided. \
         Check your AWS Secret Access Key and signing method. \
         Consult the service documentation for details.",
    )
}
