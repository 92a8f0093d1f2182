//! What a topology says of an ingress.

use crate::{
    pipeline::{Scale, ScalePolicy, UtilisationPolicy},
    units::{ByteSize, Span},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[ingress.NAME]`: an HTTP listener and its pool of collectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IngressSection {
    /// Address to listen on. Default "127.0.0.1:8080".
    #[serde(default = "default_listen")]
    pub listen: String,
    /// How requests are spread over the collectors. Default "least_outstanding".
    #[serde(default)]
    pub balance: Balance,
    /// The node or nodes that may be posted to at `/streams/NAME/records`.
    pub to: Targets,
    /// The pool of collectors. Default one to four, by two policies of `utilisation`: the time they are busy,
    /// and the requests outstanding with each against `waiting`.
    #[serde(default = "default_scale")]
    pub scale: Scale,
    /// Most bytes of a request body as sent. Default "16MiB".
    #[serde(default = "default_body")]
    pub max_body: ByteSize,
    /// Most bytes of a body after decompression. Default "64MiB".
    #[serde(default = "default_expanded")]
    pub max_expanded: ByteSize,
    /// Most records in one request. Default 50,000.
    #[serde(default = "default_records")]
    pub max_records: u32,
    /// How long an `Idempotency-Key` is remembered. Default "10m".
    #[serde(default = "default_window")]
    pub idempotency_window: Span,
    /// Fields that every record must have, as JSON pointers (`"/travel_time"`). Others are refused at once.
    #[serde(default)]
    pub require: Vec<String>,
    /// Simple conditions that every record must meet; others are refused at once.
    #[serde(default)]
    pub check: Vec<Check>,
    /// Requests that may wait for each collector. Default 256.
    #[serde(default = "default_waiting")]
    pub waiting: u32,
}

impl IngressSection {
    /// How the pool scales unless policies are given, for requests never wait long enough to have an age: by
    /// the time that collectors are busy, and by outstanding requests. A collector is full when as many are
    /// outstanding as may wait for it; those that merely wait for the disk together need no second one, which
    /// would halve the groups and flush twice as often.
    pub fn pool_scale(&self) -> Scale {
        let mut scale = self.scale.clone();
        if scale.policies.is_empty() {
            let both = [UtilisationPolicy::default(), UtilisationPolicy::of_outstanding(self.waiting)];
            let policy =
                |utilisation| ScalePolicy { utilisation: Some(utilisation), ..ScalePolicy::default() };
            scale.policies.extend(both.map(policy));
        }
        scale
    }
}

/// One node name or a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Targets {
    One(String),
    Many(Vec<String>),
}

impl Targets {
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// How a balancer chooses a collector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Each in turn.
    RoundRobin,
    /// The one with the fewest unanswered requests.
    #[default]
    LeastOutstanding,
    /// Always the same one for the same partition key (or client address when there is none).
    KeyHash,
}

/// A condition on one field, answered in the request. All parts that are given must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// JSON pointer of the field, such as `"/travel_time"`. A missing field passes (see `require`).
    pub field: String,
    /// The type it must have: "string", "number", "boolean", "object", "array".
    #[serde(default)]
    pub is: Option<String>,
    /// Smallest number allowed.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Largest number allowed.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// The values allowed.
    #[serde(default)]
    pub one_of: Option<Vec<serde_json::Value>>,
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}
fn default_scale() -> Scale {
    Scale { max: 4, ..Scale::default() }
}
fn default_body() -> ByteSize {
    ByteSize(16 << 20)
}
fn default_expanded() -> ByteSize {
    ByteSize(64 << 20)
}
fn default_records() -> u32 {
    50_000
}
fn default_window() -> Span {
    Span(std::time::Duration::from_secs(600))
}
fn default_waiting() -> u32 {
    256
}
