//! What a load test asks of the AWS endpoint of a daemon on this machine. Such an endpoint takes any signature.

use serde_json::Value;
use std::time::Duration;

/// Longest wait for an answer, long polls not among them.
const WAIT: Duration = Duration::from_secs(30);
/// Signed by somebody.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=load/20260101/us-east-1/any/aws4_request, \
                             SignedHeaders=host, Signature=00";
const DATE: &str = "20260101T000000Z";
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

/// An endpoint.
#[derive(Debug, Clone)]
pub struct LocalAws {
    client: reqwest::Client,
    url: String,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    #[error("{operation} at {url}: {cause}")]
    Unreachable { operation: String, url: String, cause: reqwest::Error },
    #[error("{operation}: {status} {told}")]
    Refused { operation: String, status: u16, told: String },
    #[error("{operation} was answered with what cannot be read: {cause}")]
    Unreadable { operation: String, cause: serde_json::Error },
}

impl LocalAws {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &str) -> Result<Self, AwsError> {
        let client = reqwest::Client::builder().no_proxy().timeout(WAIT).build();
        let unusable =
            |cause| AwsError::Unreachable { operation: "connecting".to_owned(), url: url.to_owned(), cause };
        Ok(Self { client: client.map_err(unusable)?, url: url.to_owned() })
    }

    /// Asks for an operation; the answer, `null` where it has none.
    ///
    /// # Errors
    /// See [`AwsError`].
    pub async fn call(&self, service: Service, operation: &str, request: &Value) -> Result<Value, AwsError> {
        let (kind, target) = (service.content_type(), service.target(operation));
        let unreachable = |cause: reqwest::Error| AwsError::Unreachable {
            operation: operation.to_owned(),
            url: self.url.clone(),
            cause: cause.without_url(),
        };
        let asked = self.client.post(&self.url).header("content-type", kind).header("x-amz-date", DATE);
        let asked = asked.header("authorization", AUTHORIZATION).header("x-amz-target", target);
        let answer = asked.body(request.to_string()).send().await.map_err(unreachable)?;
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
