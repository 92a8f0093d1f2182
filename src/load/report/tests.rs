//! Reports of an outcome made by hand.

use super::*;
use crate::load::{
    outcome::{Outcome, made},
    scenario::Thresholds,
    thresholds::judge,
};

fn thresholds() -> Thresholds {
    let p99 = Some("50ms".parse().unwrap());
    Thresholds { p99, age: Some("10s".parse().unwrap()), ..Thresholds::default() }
}

fn judged() -> Outcome {
    let mut outcome = made::outcome();
    outcome.verdicts = judge(&thresholds(), &outcome);
    outcome
}

#[test]
fn a_summary_begins_with_what_failed_and_then_says_what_was_measured() {
    let expected = "\
spike10x: NOT HELD: p99
  ✗ p99: at most 50 ms, measured 1.06 s
ten times the load for 20 s, and a kill afterwards
http http://127.0.0.1:8080, 1 min 5 s, seed 7; 2 cores, Linux 6.1 x86_64; 2026-11-23T08:20:00Z

records    24,022 planned, 24,000 accepted (400/s), 20 refused (0.08 %), 2 unsent (0.01 %), 5.86 MiB sent
latency    p50 45.7 ms, p90 87.6 ms, p99 1.06 s, p99.9 1.19 s, max 1.2 s
end to end raw bronze: p50 798 ms, p90 1.2 s, p99 1.29 s, p99.9 1.3 s, max 1.3 s
proof      24,000 accepted: no losses, no duplicates, no inversions, 1 stored without an answer; drained in 2.3 s
           found in quarantine trips 120, raw bronze 24,000, warehouse trips 23,880
daemon     2 scaling actions, 286 worker-seconds, oldest record 4 s, memory up to 67.8 MiB
faults     kill_daemon at 50 s, for 1.4 s: killed, ready again after 0.21 s

stage    time  planned  accepted  per second     p50      p99    max
warm-up  20 s    2,000     2,000       100/s    4 ms  5.96 ms   6 ms
spike    20 s   20,000    20,000     1,000/s   46 ms  89.2 ms  90 ms
after    20 s    2,000     2,000       100/s  601 ms   1.19 s  1.2 s

held       age, unsent, losses, duplicates, inversions, refused but stored
";
    assert_eq!(summary(&judged()), expected);
}

#[test]
fn a_run_that_held_or_was_cut_short_says_so_in_its_first_line() {
    let first = |outcome: &Outcome| summary(outcome).lines().next().map(str::to_owned).unwrap_or_default();
    let mut outcome = made::outcome();
    assert_eq!(first(&outcome), "spike10x: held");
    outcome.cut_short = Some("interrupted".to_owned());
    assert_eq!(first(&outcome), "spike10x: cut short (ended early: interrupted)");
    outcome.verdicts = judged().verdicts;
    assert_eq!(first(&outcome), "spike10x: NOT HELD: p99 (ended early: interrupted)");
}

#[test]
fn what_is_only_told_is_told_as_such() {
    let mut outcome = judged();
    crate::load::thresholds::of_proof_only(&mut outcome.verdicts);
    let text = summary(&outcome);
    assert!(
        text.starts_with("spike10x: held\n  · p99: at most 50 ms, measured 1.06 s (not judged)\n"),
        "{text}"
    );
    assert!(html(&outcome, &thresholds()).contains("<td>1.06 s (not judged)</td>"));
}

#[test]
fn what_a_proof_finds_is_told_with_its_examples() {
    let mut outcome = judged();
    if let Some(proof) = &mut outcome.proof {
        (proof.losses, proof.duplicates, proof.refused_stored) = (1, 1_200, 3);
        proof.examples = vec!["lost: producer 3, number 17".to_owned()];
    }
    let text = summary(&outcome);
    let told = "24,000 accepted: 1 loss, 1,200 duplicates, no inversions, 3 refused but stored, 1 stored";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("\n           lost: producer 3, number 17\n"), "{text}");
}

#[test]
fn a_run_without_anything_is_still_a_report() {
    let empty = Outcome { scenario: "empty".to_owned(), ..Outcome::default() };
    assert!(summary(&empty).starts_with("empty: held\n"));
    assert_eq!(csv(&empty).lines().count(), 1);
    let page = html(&empty, &Thresholds::default());
    assert!(!page.contains("NaN") && !page.contains("inf,"), "{page}");
}

#[test]
fn a_written_outcome_is_read_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let outcome = judged();
    std::fs::write(&file, json(&outcome).unwrap()).unwrap();
    // The last binary digit of a number may be another one.
    assert_eq!(format!("{:.9?}", read(&file).unwrap()), format!("{outcome:.9?}"));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        read(&file).unwrap_err().to_string()
    };
    assert!(
        refused("a.json", "{}")
            .contains("a.json is not what `caudal load --json FILE` writes: missing field")
    );
    assert!(
        refused("b.json", "{\"form\": 9}").contains("b.json is of form 9, and this Caudal reads 1; run the")
    );
    let missing = read(&folder.path().join("c.json")).unwrap_err().to_string();
    assert!(missing.contains("c.json cannot be read"), "{missing}");
}

#[test]
fn the_table_of_seconds_has_a_column_for_all_that_was_told_and_empty_cells_for_what_was_not() {
    let text = csv(&judged());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 61);
    assert!(
        lines[0].starts_with("second,planned,accepted,refused,unsent,p50_seconds,p99_seconds,max_seconds,")
    );
    assert!(lines[0].ends_with("review.backlog,review.oldest_age_seconds,review.desired,review.in_service"));
    assert_eq!(lines[21], "21,1000,1000,20,0,0.012,0.08,0.09,0,68485120,4.2,3,0.2,2,2,40,0.2,8,1");
    assert_eq!(lines[51], "51,100,0,0,1,0.003,0.006,1.2,0,,,,,,,,,,", "the daemon was down");
    assert!(lines.iter().all(|line| line.matches(',').count() == 18), "{text}");
}

#[test]
fn a_page_shows_every_chart_with_stages_faults_and_limits() {
    let page = html(&judged(), &thresholds());
    for part in [
        "<h1>spike10x: NOT HELD: p99</h1>",
        "<figcaption>records per second; planned is shaded</figcaption>",
        "<figcaption>latency from the planned send time (ms)</figcaption>",
        "<figcaption>records that wait, by node</figcaption>",
        "<figcaption>age of the oldest record (s)</figcaption>",
        "<figcaption>workers</figcaption>",
        "<figcaption>memory of the daemon (MiB)</figcaption>",
        ">p99 at most 50 ms</text>",
        ">age at most 10 s</text>",
        "<title>kill_daemon: killed, ready again after 0.21 s</title>",
        ">warm-up</text>",
        "data-name=\"review in service\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("data-name=\"bronze ordered\""), "its workers never changed");
    for foreign in ["http-equiv", "src=", "url(\"", "@import", "NaN", "inf,"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_target_that_tells_no_health_has_no_charts_of_it() {
    let mut outcome = judged();
    for sample in &mut outcome.samples {
        sample.daemon = None;
    }
    let page = html(&outcome, &thresholds());
    assert_eq!(page.matches("<figure>").count(), 2);
}

#[test]
fn a_terminal_shows_the_run_in_small_charts_no_wider_than_it_is() {
    let drawn = terminal(&judged(), &thresholds(), 100);
    for part in ["records per second", "latency (ms)", "records that wait", "workers"] {
        assert!(drawn.contains(part), "{part} is not in\n{drawn}");
    }
    assert!(drawn.contains("┄ p99 at most 50 ms"), "{drawn}");
    for width in [0, 60, 80, 100, 200] {
        let drawn = terminal(&judged(), &thresholds(), width);
        assert!(drawn.lines().all(|line| line.chars().count() <= width.clamp(40, 160)), "{width}\n{drawn}");
    }
    assert_eq!(terminal(&Outcome::default(), &Thresholds::default(), 100), "", "nothing was measured");
}

#[test]
fn names_from_files_cannot_become_markup() {
    let evil = "</script><script>alert('1')</script>";
    let mut outcome = judged();
    (outcome.scenario, outcome.about, outcome.target) = (evil.to_owned(), evil.to_owned(), evil.to_owned());
    outcome.cut_short = Some(evil.to_owned());
    outcome.stages[0].name = evil.to_owned();
    outcome.faults[0].detail = evil.to_owned();
    outcome.verdicts[0].measured = evil.to_owned();
    if let Some(proof) = &mut outcome.proof {
        proof.examples = vec![evil.to_owned()];
    }
    for sample in &mut outcome.samples {
        if let Some(daemon) = &mut sample.daemon {
            let node = daemon.nodes["review"];
            daemon.nodes.insert(evil.to_owned(), node);
        }
    }
    let page = html(&outcome, &thresholds());
    assert!(!page.contains("<script>alert"), "{page}");
}
