//! What `caudal load` takes, refuses and makes of it.

use super::{LoadArguments, compare, options, read, verdict};
use crate::{
    error::Failure,
    load::{
        arrivals::Factors,
        outcome::{Outcome, Verdict},
        report,
    },
};
use clap::Parser;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: LoadArguments,
}

fn parsed(line: &str) -> Result<LoadArguments, String> {
    let words = std::iter::once("load").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.arguments).map_err(|error| error.to_string())
}

#[test]
fn a_scenario_or_two_files_to_compare_are_asked_for() {
    assert!(parsed("").unwrap_err().contains("<SCENARIO|--compare <A.json> <B.json>>"));
    assert_eq!(parsed("--compare a.json b.json").unwrap().compare.len(), 2);
    for line in [
        "--compare a.json",
        "s.toml --compare a.json b.json",
        "--compare a.json b.json --seed 2",
        "s.toml --tolerance 5",
        "s.toml --trial 5s",
        "s.toml --url http://a --topology t.toml",
        "s.toml --find-max --short 0.5",
        "s.toml --find-max --rates 2",
        "s.toml --trials 3",
        "s.toml --find-max --trials 0",
    ] {
        assert!(parsed(line).is_err(), "{line}");
    }
    assert!(parsed("s.toml --find-max --trial 5s --trials 4 --json best.json").is_ok());
}

#[test]
fn a_factor_that_cannot_be_meant_is_refused_with_an_example() {
    assert_eq!(options(&parsed("s.toml --short 0.1").unwrap()).factors.times, 0.1);
    assert_eq!(options(&parsed("s.toml").unwrap()).factors, Factors::AS_WRITTEN);
    for factor in ["0", "-1", "2", "NaN", "fast"] {
        let message = parsed(&format!("s.toml --short={factor}")).unwrap_err();
        assert!(message.contains("up to 1, such as 0.1"), "{message}");
    }
    assert_eq!(options(&parsed("s.toml --rates 4.5").unwrap()).factors.rates, 4.5);
    for factor in ["0", "-1", "1001", "NaN", "fast"] {
        let message = parsed(&format!("s.toml --rates={factor}")).unwrap_err();
        assert!(message.contains("up to 1000, such as 0.7 or 4"), "{message}");
    }
}

const SCENARIO: &str = r#"
[scenario]
name = "smoke"
about = "a few records"
topology = "daemon.toml"
[target]
stream = "trips"
[records]
kind = "trips"
[[stage]]
name = "steady"
for = "1s"
arrival = { kind = "constant", rate = 10 }
"#;

/// A scenario beside its topology.
fn written(folder: &Path, scenario: &str) -> PathBuf {
    let file = folder.join("smoke.toml");
    fs::write(folder.join("daemon.toml"), "").unwrap();
    fs::write(&file, scenario).unwrap();
    file
}

#[test]
fn the_command_line_names_another_target_and_other_chances() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), SCENARIO);
    let scenario = read(&file, &parsed("s.toml --url http://127.0.0.1:1 --seed 9").unwrap()).unwrap();
    assert_eq!(scenario.target.url.as_deref(), Some("http://127.0.0.1:1"));
    assert_eq!((scenario.scenario.topology, scenario.scenario.seed), (None, 9), "nothing is started");
    let scenario = read(&file, &parsed("s.toml").unwrap()).unwrap();
    assert!(scenario.scenario.topology.is_some());
}

#[test]
fn judging_only_a_proof_wants_one_and_ends_no_run_early() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), SCENARIO);
    let failure = read(&file, &parsed("s.toml --proof-only").unwrap()).unwrap_err();
    assert_eq!(failure.to_string(), "--proof-only: the scenario smoke has no [proof]");
    let proven = format!("{SCENARIO}[proof]\nraw = [\"bronze\"]\n[thresholds]\nabort_after = \"1s\"\n");
    let file = written(folder.path(), &proven);
    let scenario = read(&file, &parsed("s.toml --proof-only").unwrap()).unwrap();
    assert_eq!(scenario.thresholds.abort_after, None);
}

#[test]
fn a_scenario_with_faults_names_all_of_them_and_ends_with_two() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = SCENARIO.replace("\"1s\"", "\"1 parsec\"").replace("kind = \"trips\"", "kind = \"trip\"");
    let file = written(folder.path(), &wrong);
    let failure = read(&file, &parsed("s.toml").unwrap()).unwrap_err();
    let text = failure.to_string();
    assert_eq!(failure.exit_code(), 2);
    assert!(text.contains("smoke.toml:") && text.contains("1 parsec") && text.contains("2 faults"), "{text}");
}

fn outcome(is_met: bool) -> Outcome {
    let verdict = Verdict { threshold: "p99".to_owned(), is_met, ..Verdict::default() };
    Outcome { scenario: "smoke".to_owned(), verdicts: vec![verdict], ..Outcome::default() }
}

#[test]
fn a_run_ends_with_one_when_a_threshold_was_not_held_or_it_ended_early() {
    assert!(verdict(&outcome(true)).is_ok());
    let failure = verdict(&outcome(false)).unwrap_err();
    assert_eq!((failure.to_string().as_str(), failure.exit_code()), ("smoke: not held: p99", 1));
    let cut_short = Outcome { cut_short: Some("interrupted".to_owned()), ..outcome(true) };
    let failure = verdict(&cut_short).unwrap_err();
    assert_eq!((failure.to_string().as_str(), failure.exit_code()), ("smoke: ended early: interrupted", 1));
}

#[test]
fn comparing_ends_with_one_when_the_second_is_worse_and_with_two_when_a_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, unsent| {
        let mut outcome = outcome(true);
        (outcome.totals.planned, outcome.totals.unsent) = (1_000, unsent);
        let file = folder.path().join(name);
        fs::write(&file, report::json(&outcome).unwrap()).unwrap();
        file
    };
    let (good, bad) = (write("good.json", 0), write("bad.json", 500));
    assert!(compare(&good, &good, 10.0).is_ok() && compare(&bad, &good, 10.0).is_ok());
    let failure = compare(&good, &bad, 10.0).unwrap_err();
    assert_eq!(failure.to_string(), "bad.json is worse than good.json: unsent");
    assert_eq!(failure.exit_code(), 1);
    let failure = compare(&good, Path::new("nowhere.json"), 10.0).unwrap_err();
    assert!(matches!(&failure, Failure::Configuration(text) if text.contains("nowhere.json")), "{failure}");
}
