//! What a request says of its signature: in its `Authorization` header, or in its query.

use super::{canonical::SignedRequest, refusal};
use crate::wire::protocol::ServiceError;

/// Who a request says that it is from. Nothing of it is proved before [`super::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// `AWS4-HMAC-SHA256`, if it is right.
    pub(super) algorithm: String,
    /// `KEY/DATE/REGION/SERVICE/aws4_request`, if it is right.
    pub(super) credential: String,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
    /// When it was signed, as it came.
    pub(super) date: String,
    /// Seconds for which a presigned request is good; none by header.
    pub(super) expires: Option<String>,
}

/// The parts of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope<'c> {
    pub access_key: &'c str,
    pub date: &'c str,
    pub region: &'c str,
    pub service: &'c str,
    pub terminator: &'c str,
}

const PARAMETERS: [&str; 5] =
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];

impl Claim {
    /// Reads it.
    ///
    /// # Errors
    /// `MissingAuthenticationTokenException` without any, `IncompleteSignatureException` when parts
    /// are missing, `InvalidSignatureException` when it is there twice.
    pub fn of(request: &SignedRequest<'_>) -> Result<Self, ServiceError> {
        let header = request.header("authorization");
        let algorithm = request.parameter("X-Amz-Algorithm");
        match (header, algorithm) {
            (Some(_), Some(_)) => Err(refusal::twice()),
            (None, None) => Err(refusal::missing()),
            (Some(header), None) => Self::of_header(&header, request),
            (None, Some(_)) => Self::of_query(request),
        }
    }

    fn of_header(header: &str, request: &SignedRequest<'_>) -> Result<Self, ServiceError> {
        let (algorithm, parts) = header.split_once(' ').unwrap_or((header, ""));
        let part = |name: &str| {
            let mut pairs = parts.split([',', ' ']).filter_map(|pair| pair.split_once('='));
            let value = pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned());
            value.filter(|value| !value.is_empty())
        };
        let (credential, signature, signed) = (part("Credential"), part("Signature"), part("SignedHeaders"));
        let date = request.header("x-amz-date").or_else(|| request.header("date"));
        match (credential, signature, signed, date) {
            (Some(credential), Some(signature), Some(signed), Some(date)) => Ok(Self {
                algorithm: algorithm.to_owned(),
                credential,
                signed_headers: names(&signed),
                signature,
                date,
                expires: None,
            }),
            (credential, signature, signed, date) => {
                let given = [credential.is_some(), signature.is_some(), signed.is_some()];
                let names = ["Credential", "Signature", "SignedHeaders"];
                let absent =
                    names.into_iter().zip(given).filter(|(_, is_given)| !is_given).map(|(name, _)| name);
                Err(refusal::incomplete_header(absent, date.is_some(), header))
            }
        }
    }

    fn of_query(request: &SignedRequest<'_>) -> Result<Self, ServiceError> {
        let part = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        let [Some(algorithm), Some(credential), Some(signature), Some(signed), Some(date)] =
            PARAMETERS.map(part)
        else {
            return Err(refusal::incomplete_query(
                PARAMETERS.into_iter().filter(|name| part(name).is_none()),
            ));
        };
        let expires = part("X-Amz-Expires");
        Ok(Self { algorithm, credential, signed_headers: names(&signed), signature, date, expires })
    }

    /// The parts of its credential; `None` unless there are five.
    pub(super) fn scope(&self) -> Option<Scope<'_>> {
        let parts: Vec<&str> = self.credential.split('/').collect();
        match *parts.as_slice() {
            [access_key, date, region, service, terminator] => {
                Some(Scope { access_key, date, region, service, terminator })
            }
            _ => None,
        }
    }

    /// The region that was signed for, if one can be made out.
    pub fn region(&self) -> Option<&str> {
        self.scope().map(|scope| scope.region).filter(|region| is_region(region))
    }

    /// The access key's id, be it known or not.
    pub fn access_key(&self) -> &str {
        self.credential.split('/').next().unwrap_or_default()
    }
}

/// Letters, digits and hyphens, as all regions are named.
pub(super) fn is_region(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn names(signed: &str) -> Vec<String> {
    signed.split(';').map(str::to_ascii_lowercase).collect()
}
