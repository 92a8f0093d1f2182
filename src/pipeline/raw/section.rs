//! What a topology says of a raw store.

use crate::{
    pipeline::{Source, WriterScale},
    units::{ByteSize, Span},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[raw.NAME]`: objects of records as they came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSection {
    /// The stream it reads, perhaps filtered. Absent when workers or an ingress send to it.
    #[serde(default)]
    pub from: Option<Source>,
    /// Where objects go: `file://raw` (relative paths lie below the data folder),
    /// `file:///absolute/path` or `s3://bucket/prefix`.
    pub store: String,
    /// Default "jsonl.zst".
    #[serde(default)]
    pub format: Format,
    /// Folder of each object: text with `{stream}`, `{shard}`, `{date}`, `{year}`, `{month}`, `{day}`, `{hour}`
    /// (arrival time, UTC). Default "{stream}/{date}/{hour}".
    #[serde(default = "default_path")]
    pub path: String,
    #[serde(default)]
    pub roll: Roll,
    /// The writers, which finish and put objects: at most one for each shard at a time.
    #[serde(default)]
    pub scale: WriterScale,
}

/// How records lie in an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    #[serde(rename = "jsonl")]
    JsonLines,
    #[serde(rename = "jsonl.gz")]
    JsonLinesGzip,
    #[default]
    #[serde(rename = "jsonl.zst")]
    JsonLinesZstd,
    #[serde(rename = "parquet")]
    Parquet,
}

/// When an object is finished: at the first of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roll {
    /// Bytes of records (before compression). Default "64MiB".
    #[serde(default = "default_bytes")]
    pub bytes: ByteSize,
    /// Age of its oldest record. Default "60s".
    #[serde(default = "default_age")]
    pub age: Span,
}

impl Default for Roll {
    fn default() -> Self {
        Self { bytes: default_bytes(), age: default_age() }
    }
}

fn default_path() -> String {
    "{stream}/{date}/{hour}".to_owned()
}
fn default_bytes() -> ByteSize {
    ByteSize(64 << 20)
}
fn default_age() -> Span {
    Span(std::time::Duration::from_secs(60))
}
