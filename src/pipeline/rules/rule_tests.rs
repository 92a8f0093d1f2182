//! Runs the tests that a topology writes beside its rules.

use super::{Filter, InputRecord, Outcome, RuleError, RuleTest, Rulebook, Verdict, rows_as_json};
use bytes::Bytes;
use serde_json::{Map, Value};

/// What came of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    pub name: String,
    pub passed: bool,
    /// What was expected and what came, one difference a line; empty when passed.
    pub explanation: String,
}

/// What rules made of a test's records.
#[derive(Debug, Default)]
struct Made {
    rows: Vec<Map<String, Value>>,
    reasons: Vec<String>,
    filtered: usize,
}

/// Runs the tests in order, each over its own records. The filter comes before the rules.
pub async fn run_tests(rules: &Rulebook, filter: Option<&Filter>, tests: &[RuleTest]) -> Vec<TestResult> {
    let mut results = Vec::with_capacity(tests.len());
    for (index, test) in tests.iter().enumerate() {
        let name = test.name.clone().unwrap_or_else(|| format!("test {}", index + 1));
        let differences = match make(rules, filter, test).await {
            Ok(made) => differences(test, &made),
            Err(error) => vec![error.to_string()],
        };
        results.push(TestResult {
            name,
            passed: differences.is_empty(),
            explanation: differences.join("\n"),
        });
    }
    results
}

async fn make(rules: &Rulebook, filter: Option<&Filter>, test: &RuleTest) -> Result<Made, RuleError> {
    let records: Vec<InputRecord> =
        (0u64..).zip(&test.given).map(|(sequence, record)| given(sequence, record)).collect();
    let mut made = Made::default();
    let mut kept = Vec::with_capacity(records.len());
    let verdicts = match filter {
        Some(filter) => filter.apply(&records).await?,
        None => vec![Verdict::Keep; records.len()],
    };
    for (record, verdict) in records.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Keep => kept.push(record),
            Verdict::Drop => made.filtered += 1,
            Verdict::Fault(reason) => made.reasons.push(reason),
        }
    }
    let Outcome { rows, rejected, filtered } = rules.apply(&kept).await?;
    made.filtered += filtered;
    made.reasons.extend(rejected.into_iter().map(|rejected| rejected.reason));
    for row in rows_as_json(&rows)? {
        made.rows.push(serde_json::from_slice(&row).unwrap_or_default());
    }
    Ok(made)
}

fn given(sequence: u64, record: &Map<String, Value>) -> InputRecord {
    InputRecord {
        shard: 0,
        sequence,
        arrived_at_ms: 0,
        key: Bytes::new(),
        payload: Bytes::from(Value::Object(record.clone()).to_string()),
    }
}

fn differences(test: &RuleTest, made: &Made) -> Vec<String> {
    let expect = &test.expect;
    let mut found = Vec::new();
    let mut count = |what: &str, expected: Option<usize>, got: usize| {
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            found.push(format!("{what}: expected {expected}, got {got}{}", seen(made)));
        }
    };
    count("rows", expect.count.or(expect.rows.as_ref().map(Vec::len)), made.rows.len());
    count("rejected", expect.rejected, made.reasons.len());
    count("filtered", expect.filtered, made.filtered);
    if let Some(reasons) = expect.reasons.as_ref().filter(|reasons| **reasons != made.reasons) {
        found.push(format!("reasons: expected {reasons:?}, got {:?}", made.reasons));
    }
    for (index, (expected, got)) in expect.rows.iter().flatten().zip(&made.rows).enumerate() {
        for (column, value) in expected {
            match got.get(column) {
                None => found.push(format!(
                    "row {}: there is no column {column}; there are {}",
                    index + 1,
                    names(got)
                )),
                Some(other) if !alike(value, other) => {
                    found.push(format!("row {} column {column}: expected {value}, got {other}", index + 1));
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// What came, to see at a glance why a count is wrong.
fn seen(made: &Made) -> String {
    let rows: Vec<String> = made.rows.iter().map(|row| Value::Object(row.clone()).to_string()).collect();
    format!(" (rows [{}], reasons {:?}, {} filtered)", rows.join(", "), made.reasons, made.filtered)
}

fn names(row: &Map<String, Value>) -> String {
    row.keys().cloned().collect::<Vec<_>>().join(", ")
}

/// Equality by value: numbers by what they amount to, so that 60 is 60.0.
fn alike(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64().is_some_and(|left| Some(left) == right.as_f64())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| alike(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| right.get(name).is_some_and(|right| alike(left, right)))
        }
        _ => left == right,
    }
}
