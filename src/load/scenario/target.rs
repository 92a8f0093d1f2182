//! Where records go.

use crate::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Where records go.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What it speaks. Default "http".
    #[serde(default)]
    pub protocol: Protocol,
    /// Such as `http://127.0.0.1:8080`. That of the daemon that is started when it is left out.
    #[serde(default)]
    pub url: Option<String>,
    /// The stream, for `http` and `kinesis`.
    #[serde(default)]
    pub stream: Option<String>,
    /// The queue, for `sqs`; a name that ends in `.fifo` is sent to by message group.
    #[serde(default)]
    pub queue: Option<String>,
    /// Connections, each a producer with keys of its own: records of one key are sent in order. Default 16.
    #[serde(default = "sixteen")]
    pub connections: u32,
    /// Most records in one request. Default 10.
    #[serde(default = "ten")]
    pub batch: u32,
    /// Longest wait for an answer. Default 10s.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
}

/// What the target speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// JSON lines posted to an ingress of Caudal.
    #[default]
    Http,
    /// PutRecords. Credentials and region come from the environment as every SDK takes them.
    Kinesis,
    /// SendMessageBatch.
    Sqs,
}

impl Protocol {
    /// As a scenario writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Kinesis => "kinesis",
            Self::Sqs => "sqs",
        }
    }
}

fn sixteen() -> u32 {
    16
}

fn ten() -> u32 {
    10
}

fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}
