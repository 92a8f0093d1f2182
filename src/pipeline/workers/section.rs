//! What a topology says of a pool of workers.

use crate::{
    pipeline::{RefreshSettings, RestartTerms, Scale, rules::RejectRule},
    units::{ByteSize, Span},
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// `[workers.NAME]`: a pool that works off a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkersSection {
    /// The queue they work off.
    pub from: String,
    /// What is done with each batch of messages: exactly one of `rules`, `http` or `command`.
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
    /// When workers that failed are started again.
    #[serde(default)]
    pub restart: RestartTerms,
    /// How workers are replaced while the pool works.
    #[serde(default)]
    pub refresh: RefreshSettings,
}

/// The work: exactly one of `rules`, `http` or `command`. The fields after `command` belong to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// SQL over the messages, as in a loader; its rows are the results.
    #[serde(default)]
    pub rules: Option<RulesRun>,
    /// A server that each batch is posted to.
    #[serde(default)]
    pub http: Option<HttpRun>,
    /// A program and its arguments, such as `["python3", "review.py"]`: one process for each worker,
    /// without a shell. It reads batches as JSON lines and answers with JSON lines, as
    /// `examples/PROTOCOL.md` says.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// The program receives from the queue by itself, through the SQS endpoint; it is only started,
    /// scaled, watched and stopped. SDKs find the endpoint by their environment. Default false.
    #[serde(default)]
    pub pulls: bool,
    /// Environment variables of the program. Besides these it has `PATH`, `HOME`, `LANG`, `LC_ALL`,
    /// `TZ` and `TMPDIR` of the daemon, and `CAUDAL_PROTOCOL`, `CAUDAL_NODE`, `CAUDAL_WORKER`,
    /// `CAUDAL_QUEUE`, `CAUDAL_BATCH` and `CAUDAL_TIME`. One that pulls also has `CAUDAL_QUEUE_URL`,
    /// `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL_KINESIS`, `AWS_REGION` and `AWS_DEFAULT_REGION`, and keys where
    /// the endpoint takes any.
    #[serde(default)]
    pub env: Environment,
    /// The folder that the program runs in. Default: the folder that the daemon was started in.
    #[serde(default)]
    pub directory: Option<String>,
    /// Whether the program says `{"ready":true,"protocol":1}` once it can work, and gets nothing
    /// before. Default true.
    #[serde(default)]
    pub ready: Option<bool>,
    /// Longest time from start to ready; then the program is killed. Default "10s".
    #[serde(default)]
    pub start: Option<Span>,
    /// Longest time that the program may leave a batch without an answer or a heartbeat; then it is
    /// killed. Default "30s".
    #[serde(default)]
    pub time: Option<Span>,
    /// Longest time that the program may hold a message, however often it beats; then it is killed.
    /// Default "1h".
    #[serde(default)]
    pub hold: Option<Span>,
    /// Longest wait for the program to end once its input is closed; then it gets SIGTERM, and
    /// SIGKILL a second later. A program that pulls gets SIGTERM at once and SIGKILL after this time.
    /// Default "5s".
    #[serde(default)]
    pub stop: Option<Span>,
    /// Most resident memory of the program and its children, looked at each second; above it they are
    /// killed. Default: no limit.
    #[serde(default)]
    pub memory: Option<ByteSize>,
}

impl Run {
    /// `start`, or its default.
    pub fn start_limit(&self) -> Span {
        self.start.unwrap_or(ten_seconds())
    }

    /// `time`, or its default.
    pub fn time_limit(&self) -> Span {
        self.time.unwrap_or(Span(Duration::from_secs(30)))
    }

    /// `hold`, or its default.
    pub fn hold_limit(&self) -> Span {
        self.hold.unwrap_or(Span(Duration::from_secs(3_600)))
    }

    /// `stop`, or its default.
    pub fn stop_limit(&self) -> Span {
        self.stop.unwrap_or(Span(Duration::from_secs(5)))
    }
}

/// Environment variables by name. Values may be secrets, so they are never printed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Environment(pub IndexMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
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
    Span(Duration::from_secs(1))
}
fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}
fn one_minute() -> Span {
    Span(Duration::from_secs(60))
}
