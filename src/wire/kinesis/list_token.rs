//! Tokens of listings: where the next page begins, for five minutes.

use super::{errors, seal::Seal};
use crate::wire::ServiceError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How long a token is valid, in milliseconds.
const VALID: i64 = 300_000;

#[derive(Serialize, Deserialize)]
struct Dated<P> {
    given_at_ms: i64,
    place: P,
}

/// Seals the place that the next page of `listing` begins at.
pub(super) fn close<P: Serialize>(seal: &Seal, listing: &str, place: P, now_ms: i64) -> String {
    let dated = Dated { given_at_ms: now_ms, place };
    // Places are plain structures, which can always be written.
    seal.close(listing, &serde_json::to_vec(&dated).unwrap_or_default(), 0)
}

/// Reads a token that was given for the same listing.
///
/// # Errors
/// `InvalidArgumentException` for what was not given here, `ExpiredNextTokenException` after five minutes.
pub(super) fn open<P: DeserializeOwned>(
    seal: &Seal,
    listing: &str,
    token: &str,
    now_ms: i64,
) -> Result<P, ServiceError> {
    let content = seal.open(listing, token);
    let dated: Option<Dated<P>> = content.and_then(|content| serde_json::from_slice(&content).ok());
    let dated = dated.ok_or_else(|| errors::invalid_argument("Invalid NextToken."))?;
    if now_ms.saturating_sub(dated.given_at_ms) >= VALID {
        return Err(ServiceError::bad_request(
            "ExpiredNextTokenException",
            "The pagination token passed to the operation is expired.",
        ));
    }
    Ok(dated.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_listing_and_five_minutes() {
        let seal = Seal::new(b"secret");
        let token = close(&seal, "ListStreams", "trips", 1_000);
        let read = |listing, now| open::<String>(&seal, listing, &token, now);
        assert_eq!(read("ListStreams", 300_999).unwrap(), "trips");
        assert_eq!(read("ListStreams", 301_000).unwrap_err().code, "ExpiredNextTokenException");
        assert_eq!(read("ListShards", 1_000).unwrap_err().code, "InvalidArgumentException");
        let other = open::<String>(&seal, "ListStreams", "nonsense", 1_000).unwrap_err();
        assert_eq!(other.message, "Invalid NextToken.");
    }
}
