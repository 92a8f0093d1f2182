//! Signs requests as a client does.

use super::{canonical::SignedRequest, claim::Claim, clock, digest};
use jiff::Timestamp;
use std::fmt;

/// The header that names an operation of AWS's JSON protocols.
pub const TARGET: &str = "x-amz-target";
const DATE: &str = "x-amz-date";
const TOKEN: &str = "x-amz-security-token";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs requests to one service. The secret is never shown.
#[derive(Clone)]
pub struct Signer {
    pub access_key: String,
    pub secret: String,
    /// The token of credentials that were lent for a time.
    pub session: Option<String>,
    pub region: String,
    pub service: &'static str,
}

impl Signer {
    /// The headers that sign a `POST /` at the time `now`, beside `headers`, which have the host among them and
    /// names in lower case.
    pub fn sign(&self, headers: &[(&str, &str)], body: &[u8], now: Timestamp) -> Vec<(&'static str, String)> {
        let date = clock::show(now);
        let day = date.get(..8).unwrap_or_default();
        let mut added = vec![(DATE, date.clone())];
        added.extend(self.session.clone().map(|token| (TOKEN, token)));
        let given = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let new = added.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mut all: Vec<(String, String)> = given.chain(new).collect();
        all.sort();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let claim = Claim {
            algorithm: ALGORITHM.to_owned(),
            credential: format!("{}/{scope}", self.access_key),
            signed_headers: all.iter().map(|(name, _)| name.clone()).collect(),
            signature: String::new(),
            date: date.clone(),
            expires: None,
        };
        let request = SignedRequest { method: "POST", path: "/", query: "", headers: all.into(), body };
        let canonical = digest::sha256_hex(request.canonical(&claim).as_bytes());
        let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{canonical}");
        let key = digest::signing_key(&self.secret, day, &self.region, self.service);
        let authorization = format!(
            "{ALGORITHM} Credential={}, SignedHeaders={}, Signature={}",
            claim.credential,
            claim.signed_headers.join(";"),
            digest::sign_hex(&key, &to_sign)
        );
        added.push(("authorization", authorization));
        added
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signer({} in {}, not shown)", self.service, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::signing::{Credentials, verify};
    use proptest::prelude::*;

    fn verified(signer: &Signer, known: &str, body: &[u8], sent: &[u8]) -> bool {
        let now = clock::parse("20150830T123600Z").unwrap();
        let plain =
            [("content-type", "application/x-amz-json-1.1"), ("host", "127.0.0.1:4566"), (TARGET, "A.B")];
        let signed = signer.sign(&plain, body, now);
        let plain = plain.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let signed = signed.into_iter().map(|(name, value)| (name.to_owned(), value));
        let headers: Vec<(String, String)> = plain.chain(signed).collect();
        let request =
            SignedRequest { method: "POST", path: "/", query: "", headers: headers.into(), body: sent };
        let claim = Claim::of(&request).unwrap();
        let known = Credentials::parse(&format!("loadtest:{known}")).unwrap();
        verify(&claim, &request, "kinesis", &known, now).is_ok()
    }

    proptest! {
        #[test]
        fn what_is_signed_is_verified_and_nothing_else(
            secret in "[a-zA-Z0-9/+]{8,40}",
            session in prop::option::of("[a-zA-Z0-9/+=]{1,80}"),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let signer = Signer {
                access_key: "loadtest".to_owned(),
                secret: secret.clone(),
                session,
                region: "eu-south-2".to_owned(),
                service: "kinesis",
            };
            let longer = [body.as_slice(), b"!"].concat();
            prop_assert!(verified(&signer, &secret, &body, &body));
            prop_assert!(!verified(&signer, &secret, &body, &longer));
            let wrong = secret.clone() + "x";
            prop_assert!(!verified(&signer, &wrong, &body, &body));
            let shown = format!("{signer:?}");
            prop_assert!(!shown.contains(&secret));
        }
    }
}
