//! What a topology says of a loader.

use crate::{
    pipeline::{
        Source, WriterScale,
        rules::{RejectRule, RuleTest},
    },
    units::{ByteSize, Span},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[loader.NAME]`: business rules in SQL, then a table of the warehouse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoaderSection {
    /// The stream it reads, perhaps filtered. Absent when workers or an ingress send to it.
    #[serde(default)]
    pub from: Option<Source>,
    /// Where tables lie: `file://warehouse` (relative paths lie below the data folder),
    /// `file:///absolute/path` or `s3://bucket/prefix`.
    pub warehouse: String,
    /// Name of the table. Its rejects lie beside it in `quarantine`, under the same name.
    pub table: String,
    /// A select from `input` that gives at most one row for each record. Default "select * from input".
    #[serde(default = "default_sql")]
    pub sql: String,
    /// Rows that go to quarantine instead.
    #[serde(default)]
    pub reject: Vec<RejectRule>,
    #[serde(default)]
    pub commit: Commit,
    #[serde(default)]
    pub compact: Compact,
    /// The writers, which read and judge shards, at most one for each at a time, or commit: one, for all of them.
    #[serde(default)]
    pub scale: WriterScale,
    /// Tests of the rules, run by `caudal test`.
    #[serde(default, rename = "test")]
    pub tests: Vec<RuleTest>,
}

/// When rows are committed to the table: at the first of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Bytes of records read. Default "32MiB".
    #[serde(default = "default_bytes")]
    pub bytes: ByteSize,
    /// Age of the oldest record held. Default "5s".
    #[serde(default = "default_age")]
    pub age: Span,
}

/// Care for the table's files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compact {
    /// How often small files are joined. Default "10m".
    #[serde(default = "default_every")]
    pub every: Span,
    /// Size that files are joined to. Default "128MiB".
    #[serde(default = "default_target")]
    pub target: ByteSize,
    /// How long files stay that no longer belong to the table. Default "7d".
    #[serde(default = "default_vacuum")]
    pub vacuum_after: Span,
}

impl Default for Commit {
    fn default() -> Self {
        Self { bytes: default_bytes(), age: default_age() }
    }
}

impl Default for Compact {
    fn default() -> Self {
        Self { every: default_every(), target: default_target(), vacuum_after: default_vacuum() }
    }
}

fn default_sql() -> String {
    "select * from input".to_owned()
}
fn default_bytes() -> ByteSize {
    ByteSize(32 << 20)
}
fn default_age() -> Span {
    Span(std::time::Duration::from_secs(5))
}
fn default_every() -> Span {
    Span(std::time::Duration::from_secs(600))
}
fn default_target() -> ByteSize {
    ByteSize(128 << 20)
}
fn default_vacuum() -> Span {
    Span(std::time::Duration::from_secs(7 * 86_400))
}
