//! What a topology says of a pool of workers.

use crate::{
    pipeline::{RefreshSettings, Scale, rules::RejectRule},
    units::Span,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[workers.NAME]`: a pool that works off a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkersSection {
    /// The queue they work off.
    pub from: String,
    /// What is done with each batch of messages: exactly one of `rules` or `http`.
    pub run: Run,
    /// The node their results go to. Without it results are dropped.
    #[serde(default)]
    pub to: Option<String>,
    #[serde(default)]
    pub scale: Scale,
    /// Most messages received at once. Default 10.
    #[serde(default = "ten")]
    pub batch: u32,
    /// How long a failed message waits before it is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// Longest time that a busy worker may give no sign of life; then it is cut off and replaced.
    /// Default: the visibility timeout of the queue.
    #[serde(default)]
    pub heartbeat: Option<Span>,
    /// How workers are replaced while the pool works.
    #[serde(default)]
    pub refresh: RefreshSettings,
}

/// The work: exactly one of its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// SQL over the messages, as in a loader; its rows are the results.
    #[serde(default)]
    pub rules: Option<RulesRun>,
    /// A server that each batch is posted to.
    #[serde(default)]
    pub http: Option<HttpRun>,
}

/// SQL run by workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesRun {
    /// A select from `input`; each row becomes one result.
    pub sql: String,
    /// Messages that go to the dead-letter queue with a reason instead.
    #[serde(default)]
    pub reject: Vec<RejectRule>,
}

/// A server run by somebody else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRun {
    /// Where each batch is posted.
    pub url: String,
    /// Longest wait for an answer. Default "10s". Keep it below the queue's visibility timeout.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
}

/// Waits between attempts: doubled from `base` up to `max`, with jitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Wait before the second attempt. Default "1s".
    #[serde(default = "one_second")]
    pub base: Span,
    /// Longest wait. Default "1m".
    #[serde(default = "one_minute")]
    pub max: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self { base: one_second(), max: one_minute() }
    }
}

fn ten() -> u32 {
    10
}
fn one_second() -> Span {
    Span(std::time::Duration::from_secs(1))
}
fn ten_seconds() -> Span {
    Span(std::time::Duration::from_secs(10))
}
fn one_minute() -> Span {
    Span(std::time::Duration::from_secs(60))
}
