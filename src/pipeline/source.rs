//! Where a node reads from: a node's name, or a name with a filter.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// `from = "trips"` or `from = { node = "trips", where = "travel_time > 3600" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(untagged, rename = "Source")]
#[serde(untagged)]
pub enum Source {
    Node(String),
    Filtered(FilteredSource),
}

/// A node to read from, and which of its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilteredSource {
    /// Name of the node.
    pub node: String,
    /// SQL condition over a record's fields; other records are counted as filtered.
    #[serde(rename = "where", default)]
    pub condition: Option<String>,
}

impl Source {
    pub fn node(&self) -> &str {
        match self {
            Self::Node(node) => node,
            Self::Filtered(source) => &source.node,
        }
    }

    pub fn condition(&self) -> Option<&str> {
        match self {
            Self::Node(_) => None,
            Self::Filtered(source) => source.condition.as_deref(),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> de::Visitor<'de> for NameOrTable {
    type Value = Source;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a node's name, or { node = \"...\", where = \"...\" }")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Source, E> {
        Ok(Source::Node(name.to_owned()))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Source, A::Error> {
        FilteredSource::deserialize(de::value::MapAccessDeserializer::new(map)).map(Source::Filtered)
    }
}
