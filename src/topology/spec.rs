//! What a topology file may say.

use crate::{
    pipeline::{
        ingress::IngressSection, queue::QueueSection, raw::RawSection, stream::StreamSection,
        warehouse::LoaderSection, workers::WorkersSection,
    },
    units::Span,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A topology file: nodes by kind and name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopologySpec {
    #[serde(default)]
    pub topology: TopologySection,
    #[serde(default)]
    pub ingress: IndexMap<String, IngressSection>,
    #[serde(default)]
    pub stream: IndexMap<String, StreamSection>,
    #[serde(default)]
    pub queue: IndexMap<String, QueueSection>,
    #[serde(default)]
    pub workers: IndexMap<String, WorkersSection>,
    #[serde(default)]
    pub raw: IndexMap<String, RawSection>,
    #[serde(default)]
    pub loader: IndexMap<String, LoaderSection>,
}

/// `[topology]`: what holds for the whole; it may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopologySection {
    /// Name shown in logs and metrics. Default "caudal".
    #[serde(default = "default_name")]
    pub name: String,
    /// Longest time that a stop may take before stragglers are named and left. Default "30s".
    #[serde(default = "default_drain")]
    pub drain_deadline: Span,
}

impl Default for TopologySection {
    fn default() -> Self {
        Self { name: default_name(), drain_deadline: default_drain() }
    }
}

fn default_name() -> String {
    "caudal".to_owned()
}
fn default_drain() -> Span {
    Span(std::time::Duration::from_secs(30))
}
