//! What a topology says of rules and their tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Rows that meet `when` go to quarantine with `reason` and their original bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectRule {
    /// SQL condition over the columns of the result (or of `input`).
    pub when: String,
    /// Stored with each rejected record.
    pub reason: String,
}

/// `[[loader.NAME.test]]`: given records, what must come of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTest {
    /// Shown when the test fails.
    #[serde(default)]
    pub name: Option<String>,
    /// Records as they would be posted.
    pub given: Vec<Map<String, Value>>,
    pub expect: Expectation,
}

/// What a test expects; absent parts are not checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Rows in order; columns that are not named are not compared.
    #[serde(default)]
    pub rows: Option<Vec<Map<String, Value>>>,
    /// Number of rows.
    #[serde(default)]
    pub count: Option<usize>,
    /// Number of records rejected.
    #[serde(default)]
    pub rejected: Option<usize>,
    /// Reasons of the rejected, in order.
    #[serde(default)]
    pub reasons: Option<Vec<String>>,
    /// Number of records left out by `where`.
    #[serde(default)]
    pub filtered: Option<usize>,
}
