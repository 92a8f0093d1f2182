//! What a load test asks of an AWS endpoint beside its records: a daemon's, or one elsewhere.

use super::target::{AwsCaller, Identity, IdentityError};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Longest wait for an answer, long polls not among them.
const WAIT: Duration = Duration::from_secs(30);
/// Longest part of an answer that is quoted, in characters.
const QUOTED: usize = 300;

/// A service that is spoken to in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Kinesis,
    Sqs,
}

impl Service {
    /// As signatures name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kinesis => "kinesis",
            Self::Sqs => "sqs",
        }
    }

    /// Of its requests.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Kinesis => "application/x-amz-json-1.1",
            Self::Sqs => "application/x-amz-json-1.0",
        }
    }

    /// An operation as the target header names it.
    pub fn target(self, operation: &str) -> String {
        let prefix = match self {
            Self::Kinesis => "Kinesis_20131202",
            Self::Sqs => "AmazonSQS",
        };
        format!("{prefix}.{operation}")
    }
}

/// An endpoint, and who asks it.
#[derive(Debug, Clone)]
pub struct AwsEndpoint {
    client: reqwest::Client,
    url: Url,
    identity: Identity,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    #[error("{url:?} is no address such as \"http://127.0.0.1:4566\": {cause}")]
    BadUrl { url: String, cause: url::ParseError },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("{operation} at {url}: {cause}")]
    Unreachable { operation: String, url: String, cause: reqwest::Error },
    #[error("{operation}: {status} {told}")]
    Refused { operation: String, status: u16, told: String },
    #[error("{operation} was answered with what cannot be read: {cause}")]
    Unreadable { operation: String, cause: serde_json::Error },
}

impl AwsEndpoint {
    /// One on this machine that takes any signature, as that of a daemon without access keys.
    ///
    /// # Errors
    /// A URL that is none, or no HTTP client.
    pub fn open(url: &str) -> Result<Self, AwsError> {
        Self::new(url, |_| Ok(Identity::made_up()))
    }

    /// One that is asked as whoever `environment` names, as every SDK reads it.
    ///
    /// # Errors
    /// A URL that is none, no HTTP client, or no credentials for an endpoint elsewhere.
    pub fn keyed(url: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, AwsError> {
        Self::new(url, |url| Identity::of(url, environment))
    }

    fn new(
        url: &str,
        identity: impl FnOnce(&Url) -> Result<Identity, IdentityError>,
    ) -> Result<Self, AwsError> {
        let parsed = Url::parse(url).map_err(|cause| AwsError::BadUrl { url: url.to_owned(), cause })?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_built_in_root_certs(parsed.scheme() == "https")
            .timeout(WAIT)
            .build();
        let unusable =
            |cause| AwsError::Unreachable { operation: "connecting".to_owned(), url: url.to_owned(), cause };
        Ok(Self { client: client.map_err(unusable)?, identity: identity(&parsed)?, url: parsed })
    }

    /// Asks for an operation; the answer, `null` where it has none.
    ///
    /// # Errors
    /// See [`AwsError`].
    pub async fn call(&self, service: Service, operation: &str, request: &Value) -> Result<Value, AwsError> {
        let unreachable = |cause: reqwest::Error| AwsError::Unreachable {
            operation: operation.to_owned(),
            url: self.url.to_string(),
            cause: cause.without_url(),
        };
        let caller = AwsCaller::new(self.client.clone(), &self.url, &self.identity, service);
        let asked = caller.request(operation, request.to_string().into_bytes());
        let answer = asked.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(unreachable)?;
        if status != 200 {
            let told = String::from_utf8_lossy(&body).trim().chars().take(QUOTED).collect();
            return Err(AwsError::Refused { operation: operation.to_owned(), status, told });
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body)
            .map_err(|cause| AwsError::Unreadable { operation: operation.to_owned(), cause })
    }
}
