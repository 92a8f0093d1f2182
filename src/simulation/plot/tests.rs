//! Both pictures of small runs, whatever their names and numbers are.

use super::*;
use crate::simulation::{Outcome, Sample, Score, targets::Measure};

/// Ten minutes in which the load is tenfold from the third to the sixth, and workers follow after 5 s.
fn outcome(trace: &str, sizing: &str, delay: u32) -> Outcome {
    let load = |second: u32| if (180..360).contains(&second) { 400.0 } else { 40.0 };
    let workers = |second: u32| if (180 + delay..400).contains(&second) { 50 } else { 5 };
    let samples = (0..600).map(|second| Sample {
        second: f64::from(second + 1),
        arrivals_per_second: load(second),
        desired: workers(second),
        in_service: workers(second.saturating_sub(5)),
        backlog: 0.0,
        oldest_age: if (180..180 + delay).contains(&second) { f64::from(second - 179) } else { 0.1 },
        needed: if load(second) > 100.0 { 50 } else { 5 },
    });
    Outcome {
        sizing: sizing.to_owned(),
        trace: trace.to_owned(),
        goal: 10.0,
        samples: samples.collect(),
        score: Score { p99_age: 4.0, max_age: f64::from(delay), cost_ratio: 1.31, ..Score::default() },
        decisions: vec![
            (180.0 + f64::from(delay), 5, 50, "400/s at 10/s per worker needs 50".to_owned()),
            (400.0, 50, 5, String::new()),
        ],
    }
}

#[test]
fn no_line_in_the_terminal_is_wider_than_asked() {
    let outcomes = [
        outcome("step", "caudal", 3),
        outcome("step", "a-rival-of-long-name", 300),
        outcome("two", "caudal", 4),
    ];
    for width in [40, 60, 71, 72, 80, 100, 133, 160] {
        let picture = terminal(&outcomes, width);
        for line in picture.lines() {
            assert!(line.chars().count() <= width, "{width}: {line:?}");
            assert_eq!(line.trim_end(), line, "spaces at the end");
        }
    }
    assert!(terminal(&outcomes, 0).lines().all(|line| line.chars().count() <= 40));
    assert_eq!(terminal(&[], 80), "\n");
}

#[test]
fn one_run_shows_load_workers_and_age_with_their_goal() {
    let picture = terminal(&[outcome("step", "caudal", 3)], 80);
    for part in
        ["── step ── 10 min, goal 10 s ──", "arrivals (records/s)", "░ needed  ⠒ ordered", "┄ goal 10 s"]
    {
        assert!(picture.contains(part), "{part} is not in\n{picture}");
    }
    assert!(picture.contains("caudal: cost ×1.31, age p99 4 s, max 3 s"), "{picture}");
}

#[test]
fn several_runs_stand_one_below_the_other_with_two_charts_each() {
    let picture = terminal(&[outcome("step", "caudal", 3), outcome("step", "aws", 180)], 80);
    assert_eq!(picture.matches("arrivals (records/s)").count(), 1);
    assert_eq!(
        picture.lines().filter(|line| line.contains("workers") && line.contains("age (s)")).count(),
        2
    );
}

/// Names of elements that are open at the end, or the fault.
fn unclosed(page: &str) -> Result<Vec<String>, String> {
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').ok_or("a tag without an end")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name: String = tag.chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
        match tag.strip_prefix('/') {
            Some(closed) if open.pop().as_deref() != Some(closed) => return Err(format!("</{closed}>")),
            Some(_) => {}
            None if tag.starts_with('!')
                || tag.ends_with('/')
                || ["meta", "input", "br"].contains(&name.as_str()) => {}
            None => open.push(name.clone()),
        }
        if name == "script" || name == "style" {
            let close = format!("</{name}>");
            let end = rest.find(&close).ok_or("no end of a script")?;
            rest = &rest[end..];
        }
    }
    Ok(open)
}

#[test]
fn a_page_is_well_formed_and_needs_nothing_else() {
    let page = html(
        &[outcome("step", "caudal", 3), outcome("step", "aws", 180), outcome("two", "caudal", 4)],
        &Targets::new(),
    );
    assert_eq!(unclosed(&page), Ok(Vec::new()));
    for foreign in ["http:", "https:", "src=", "url(\"", "@import", "NaN", "inf,"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "an id twice: {ids:?}");
    for named in page.split("labelledby=\"").skip(1).filter_map(|part| part.split('"').next()) {
        assert!(named.split(' ').all(|id| ids.contains(&id)), "{named} names nothing");
    }
}

#[test]
fn names_and_reasons_from_files_cannot_become_markup() {
    let evil = "</script><script>alert('1')</script>\"&";
    let mut run = outcome(evil, evil, 3);
    run.decisions.push((500.0, 5, 6, evil.to_owned()));
    let page = html(&[run.clone(), outcome(evil, "aws", 9)], &Targets::new());
    assert!(!page.contains("<script>alert"), "{page}");
    assert_eq!(unclosed(&page), Ok(Vec::new()));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)"));
    assert!(html(&[run], &Targets::new()).contains("\\u003c/script>"));
}

#[test]
fn each_change_is_told_with_its_reason_on_the_line_and_in_a_list() {
    let page = html(&[outcome("step", "caudal", 3)], &Targets::new());
    let told = "5 → 50 at 3 min 3 s: 400/s at 10/s per worker needs 50";
    assert!(page.contains(&format!("<title>caudal: {told}</title>")));
    assert!(page.contains(&format!("<li>{told}</li>")));
    assert!(page.contains("<li>50 → 5 at 6 min 40 s</li>"), "without a reason");
}

#[test]
fn a_far_worse_run_is_cut_off_and_named() {
    let page = html(&[outcome("step", "caudal", 3), outcome("step", "aws", 180)], &Targets::new());
    assert!(page.contains("Beyond the chart: aws up to 180 s"), "{page}");
}

#[test]
fn an_outcome_without_samples_makes_no_fault() {
    let mut run = outcome("step", "caudal", 3);
    run.samples.clear();
    assert_eq!(unclosed(&html(&[run.clone()], &Targets::new())), Ok(Vec::new()));
    assert!(terminal(&[run], 80).contains("goal 10 s"));
}

#[test]
fn a_restless_run_does_not_swell_the_page() {
    let mut run = outcome("step", "caudal", 3);
    run.decisions =
        (0..20_000).map(|turn| (f64::from(turn) * 0.03, 1 + turn % 2, 2, "x".repeat(60))).collect();
    let page = html(&[run], &Targets::new());
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(page.contains("<p>and 19500 more</p>"));
}

#[test]
fn a_page_marks_each_measure_that_misses_its_target_and_counts_them() {
    let target = |measure, most| Target { measure, most, is_relative: false };
    let of_step = vec![target(Measure::MaxAge, 10.0), target(Measure::CostRatio, 1.5)];
    let targets = Targets::from([("step".to_owned(), of_step)]);
    let page = html(&[outcome("step", "caudal", 3), outcome("step", "aws", 180)], &targets);
    assert_eq!(unclosed(&page), Ok(Vec::new()));
    let missed = "<span class=\"missed\" title=\"target: at most 10.0 s\">180<span class=\"unseen\"> misses the target";
    assert!(page.contains(missed), "{page}");
    assert!(page.contains("<span class=\"met\" title=\"target: at most 1.50×\">1.31"), "{page}");
    assert!(
        page.contains("<span class=\"met\">all 2</span>")
            && page.contains("<span class=\"missed\">1 of 2</span>")
    );
}
