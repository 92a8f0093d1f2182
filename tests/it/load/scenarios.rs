//! Each shipped scenario in a few seconds: what it sends arrives once and in order, whatever goes wrong meanwhile.
//! How quick anything is, is not asked: the machine may be busy.

use serde_json::Value;
use std::{path::Path, process::Command};

/// Runs a scenario; gives what it wrote.
pub fn run(scenario: &Path, short: f64) -> Value {
    let folder = tempfile::Builder::new().prefix("caudal-load-it-").tempdir().unwrap();
    let written = folder.path().join("outcome.json");
    let output = Command::new(env!("CARGO_BIN_EXE_caudal"))
        .arg("load")
        .arg(scenario)
        .args(["--short", &short.to_string(), "--json"])
        .arg(&written)
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let outcome = std::fs::read(&written).unwrap_or_else(|fault| panic!("{fault}\n{printed}"));
    serde_json::from_slice(&outcome).unwrap()
}

pub fn count(outcome: &Value, path: &str) -> u64 {
    outcome.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}: {outcome:#}"))
}

/// What holds of every run.
pub fn hold(outcome: &Value) {
    let totals = |field: &str| count(outcome, &format!("/totals/{field}"));
    assert!(totals("accepted") > 0, "{outcome:#}");
    assert_eq!(totals("planned"), totals("sent") + totals("unsent"));
    assert_eq!(totals("sent"), totals("accepted") + totals("refused") + totals("unknown"));
    for fault in ["losses", "duplicates", "inversions", "refused_stored"] {
        assert_eq!(count(outcome, &format!("/proof/{fault}")), 0, "{fault}: {:#}", outcome["proof"]);
    }
    assert_eq!(count(outcome, "/proof/accepted"), totals("accepted"));
}

fn shipped(name: &str, short: f64) -> Value {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("topologies/scenarios/{name}.toml"));
    run(&scenario, short)
}

/// A scenario in which nothing is cut off.
fn whole(name: &str, short: f64) -> Value {
    let outcome = shipped(name, short);
    hold(&outcome);
    assert_eq!(count(&outcome, "/totals/refused") + count(&outcome, "/totals/unknown"), 0, "{name}");
    outcome
}

#[test]
fn smoke() {
    let outcome = whole("smoke", 0.2);
    // Half a record in, one each five milliseconds.
    assert_eq!(count(&outcome, "/totals/planned"), 400);
    assert!(count(&outcome, "/proof/places/quarantine trips") > 0, "{:#}", outcome["proof"]);
}

#[test]
fn steady() {
    whole("steady", 0.02);
}

#[test]
fn spike10x() {
    whole("spike10x", 0.015);
}

#[test]
fn soak() {
    whole("soak", 0.004);
}

#[test]
fn hot_key() {
    whole("hot-key", 0.04);
}

#[test]
fn backlog_drain() {
    let outcome = whole("backlog-drain", 0.03);
    assert_eq!(outcome["faults"][0]["kind"], "consumer_outage");
}

#[test]
fn sink_outage() {
    let outcome = whole("sink-outage", 0.025);
    assert_eq!(outcome["faults"].as_array().unwrap().len(), 2);
}

#[test]
fn crash_restart() {
    let outcome = shipped("crash-restart", 0.06);
    hold(&outcome);
    assert_eq!(outcome["faults"].as_array().unwrap().len(), 2);
}

#[test]
fn purchase_rush() {
    whole("purchase-rush", 0.025);
}
