//! Whether a request is what the owner of a known key signed, lately.

use super::{
    Claim, Credentials, SignedRequest,
    claim::{Scope, is_region},
    clock::{self, SKEW},
    digest, refusal,
};
use crate::wire::protocol::ServiceError;
use jiff::{SignedDuration, Timestamp};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// Longest time for which a request may be presigned: a week, in seconds.
const LONGEST: i64 = 604_800;
/// Takes the place of the secret of a key that nobody knows, so that it takes as long.
const NOBODY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Verifies a claim at the time `now`. `service` is the one that the request asks, as it stands in
/// a credential scope.
///
/// # Errors
/// The first thing that is wrong, as AWS tells it. An unknown key and a wrong signature are found
/// out by the same steps.
pub fn verify(
    claim: &Claim,
    request: &SignedRequest<'_>,
    service: &str,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<(), ServiceError> {
    if claim.algorithm != ALGORITHM {
        return Err(refusal::algorithm(&claim.algorithm));
    }
    let scope = claim.scope().ok_or_else(|| refusal::credential(&claim.credential))?;
    let signed = clock::parse(&claim.date).ok_or_else(|| refusal::date(&claim.date))?;
    hold_scope(&scope, signed, service)?;
    hold_time(claim, signed, now)?;
    hold_headers(claim, request)?;
    let canonical = request.canonical(claim);
    let to_sign = format!(
        "{ALGORITHM}\n{}\n{}/{}/{}/{TERMINATOR}\n{}",
        clock::show(signed),
        scope.date,
        scope.region,
        scope.service,
        digest::sha256_hex(canonical.as_bytes())
    );
    let secret = credentials.secret(scope.access_key);
    let key = digest::signing_key(secret.unwrap_or(NOBODY), scope.date, scope.region, scope.service);
    match (digest::is_signed(&key, &to_sign, &claim.signature), secret) {
        (_, None) => Err(refusal::unknown_key()),
        (false, Some(_)) => Err(refusal::wrong_signature()),
        (true, Some(_)) => Ok(()),
    }
}

fn hold_scope(scope: &Scope<'_>, signed: Timestamp, service: &str) -> Result<(), ServiceError> {
    if !clock::show(signed).starts_with(scope.date) || scope.date.len() != 8 {
        return Err(refusal::scope_date(scope.date, signed));
    }
    if !is_region(scope.region) {
        return Err(refusal::region());
    }
    if scope.service != service {
        return Err(refusal::service(service));
    }
    if scope.terminator != TERMINATOR {
        return Err(refusal::terminator(scope.terminator));
    }
    Ok(())
}

fn hold_time(claim: &Claim, signed: Timestamp, now: Timestamp) -> Result<(), ServiceError> {
    let good_for = match &claim.expires {
        None => SignedDuration::ZERO,
        Some(text) => {
            let seconds = text.parse().ok().filter(|seconds| (0..=LONGEST).contains(seconds));
            SignedDuration::from_secs(seconds.ok_or_else(|| refusal::expiry(text))?)
        }
    };
    // Times that cannot be told any more are long past or far ahead.
    let until = signed.checked_add(good_for).unwrap_or(signed);
    if until < now - SKEW {
        return Err(refusal::expired(until, now));
    }
    if signed > now + SKEW {
        return Err(refusal::not_yet(signed, now));
    }
    Ok(())
}

/// The host, and every header of AWS's own that came, are signed; each signed header came.
fn hold_headers(claim: &Claim, request: &SignedRequest<'_>) -> Result<(), ServiceError> {
    let is_signed = |name: &str| claim.signed_headers.iter().any(|signed| signed == name);
    if !is_signed("host") && !is_signed(":authority") {
        return Err(refusal::unsigned("Host' or ':authority"));
    }
    let mut own = request.headers.iter().map(|(name, _)| name).filter(|name| name.starts_with("x-amz-"));
    match own.find(|name| !is_signed(name)) {
        Some(name) => Err(refusal::unsigned(name)),
        None => Ok(()),
    }
}
