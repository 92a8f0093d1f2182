//! Which runs keep their thresholds, and what is said of those that do not.

use super::*;
use crate::{
    load::outcome::made,
    units::{ByteSize, Span},
};
use std::time::Duration;

fn span(milliseconds: u64) -> Option<Span> {
    Some(Span(Duration::from_millis(milliseconds)))
}

fn failed(verdicts: &[Verdict]) -> Vec<String> {
    let failed = verdicts.iter().filter(|verdict| !verdict.is_met);
    failed.map(|one| format!("{}: {}, measured {}", one.threshold, one.limit, one.measured)).collect()
}

#[test]
fn without_a_word_unsent_records_are_limited_and_with_a_proof_all_that_it_finds() {
    let mut outcome = made::outcome();
    let names = |outcome: &Outcome| -> Vec<String> {
        judge(&Thresholds::default(), outcome).into_iter().map(|verdict| verdict.threshold).collect()
    };
    assert_eq!(names(&outcome), ["unsent", "losses", "duplicates", "inversions", "refused but stored"]);
    assert_eq!(failed(&judge(&Thresholds::default(), &outcome)), Vec::<String>::new());
    outcome.proof = None;
    assert_eq!(names(&outcome), ["unsent"]);
}

#[test]
fn each_threshold_that_is_passed_says_its_limit_and_what_was_measured() {
    let mut outcome = made::outcome();
    if let Some(proof) = &mut outcome.proof {
        (proof.losses, proof.duplicates, proof.inversions, proof.refused_stored) = (1, 2, 3, 4);
    }
    outcome.totals.unsent = 240;
    let thresholds = Thresholds {
        p50: span(1),
        p99: span(50),
        p999: span(100),
        age: span(2_500),
        refused: Some(0.0),
        duplicates: Some(1),
        scale_actions: Some(1),
        worker_seconds: Some(100.0),
        memory: Some(ByteSize(64 << 20)),
        memory_drift: Some(0.0001),
        drain: span(2_000),
        ..Thresholds::default()
    };
    let told = failed(&judge(&thresholds, &outcome));
    let latency = outcome.latency();
    let expected = [
        format!("p50: at most 1 ms, measured {}", figure::duration(latency.p50)),
        format!("p99: at most 50 ms, measured {}", figure::duration(latency.p99)),
        format!("p999: at most 100 ms, measured {}", figure::duration(latency.p999)),
        "age: at most 2.5 s, measured 4 s".to_owned(),
        "refused: none, measured 0.08 %".to_owned(),
        "unsent: at most 0.1 %, measured 1 %".to_owned(),
        "losses: none, measured 1 record".to_owned(),
        "duplicates: at most 1 record, measured 2 records".to_owned(),
        "inversions: none, measured 3 records".to_owned(),
        "refused but stored: none, measured 4 records".to_owned(),
        "scale_actions: at most 1 action, measured 2 actions".to_owned(),
        "worker_seconds: at most 100 worker-seconds, measured 286 worker-seconds".to_owned(),
        "memory: at most 64 MiB, measured 67.8 MiB".to_owned(),
        "memory_drift: at most 0.01 %, measured 0.93 %".to_owned(),
        "drain: at most 2 s, measured 2.3 s".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_limit_is_kept_by_what_reaches_it_exactly() {
    let thresholds = Thresholds { scale_actions: Some(2), drain: span(2_300), ..Thresholds::default() };
    assert!(failed(&judge(&thresholds, &made::outcome())).is_empty());
}

#[test]
fn what_was_asked_for_and_cannot_be_measured_is_not_kept() {
    let mut outcome = made::outcome();
    (outcome.proof, outcome.scaling) = (None, None);
    for sample in &mut outcome.samples {
        sample.daemon = None;
    }
    let memory = Some(ByteSize(1 << 30));
    let thresholds = Thresholds {
        memory,
        losses: Some(5),
        scale_actions: Some(9),
        drain: span(1),
        ..Thresholds::default()
    };
    let told = failed(&judge(&thresholds, &outcome));
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].ends_with("nothing: the scenario asks for no [proof]"), "{told:?}");
    assert!(told[2].ends_with("nothing: the target tells no health"), "{told:?}");
}

#[test]
fn a_run_in_which_nothing_was_accepted_is_not_kept_whatever_is_asked() {
    let mut outcome = made::outcome();
    outcome.totals.accepted = 0;
    outcome.stages.clear();
    let told = failed(&judge(&Thresholds { p99: span(5), ..Thresholds::default() }, &outcome));
    assert_eq!(told[0], "accepted: at least 1 record, measured none of 24,022 planned");
    assert_eq!(told[1], "p99: at most 5 ms, measured nothing: no record was accepted");
    assert!(judge(&Thresholds::default(), &Outcome::default()).iter().all(|verdict| verdict.is_met));
}

#[test]
fn where_only_the_proof_is_judged_speed_is_told_and_fails_nothing() {
    let mut outcome = made::outcome();
    if let Some(proof) = &mut outcome.proof {
        proof.losses = 1;
    }
    let thresholds = Thresholds { p99: span(1), drain: span(1), ..Thresholds::default() };
    outcome.verdicts = judge(&thresholds, &outcome);
    let failed = |outcome: &Outcome| -> Vec<String> {
        outcome.failed().map(|verdict| verdict.threshold.clone()).collect()
    };
    assert_eq!(failed(&outcome), ["p99", "losses", "drain"]);
    of_proof_only(&mut outcome.verdicts);
    assert_eq!(failed(&outcome), ["losses"]);
    assert!(outcome.verdicts.iter().any(|verdict| verdict.threshold == "p99" && !verdict.is_met));
    outcome.totals.accepted = 0;
    outcome.verdicts = judge(&thresholds, &outcome);
    of_proof_only(&mut outcome.verdicts);
    assert_eq!(failed(&outcome), ["accepted", "losses"], "a run that stored nothing proves nothing");
}

#[test]
fn a_run_is_ended_early_only_when_asked_and_only_after_that_time() {
    let mut outcome = made::outcome();
    let mut thresholds = Thresholds { age: span(2_000), ..Thresholds::default() };
    assert_eq!(passed_early(&thresholds, &outcome), None, "not asked");
    thresholds.abort_after = span(45_000);
    assert_eq!(passed_early(&thresholds, &outcome).unwrap().threshold, "age");
    outcome.samples.truncate(44);
    assert_eq!(passed_early(&thresholds, &outcome), None, "too early");
}

#[test]
fn what_only_the_end_can_tell_ends_no_run() {
    let mut outcome = made::outcome();
    if let Some(proof) = &mut outcome.proof {
        proof.losses = 7;
    }
    let thresholds = Thresholds { drain: span(1), abort_after: span(0), ..Thresholds::default() };
    assert_eq!(passed_early(&thresholds, &outcome), None);
    outcome.samples.clear();
    assert_eq!(passed_early(&thresholds, &outcome), None, "nothing measured yet");
}
