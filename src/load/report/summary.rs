//! A run in a few lines: what failed first, then what was measured.

use crate::{
    load::{
        figure,
        outcome::{Latency, Outcome, Proof, StageOutcome, Verdict},
    },
    simulation::plot::{Table, chart::time},
};
use std::fmt::Write;

/// Text for a terminal, at most about 100 columns wide.
pub fn summary(outcome: &Outcome) -> String {
    let mut text = headline(outcome);
    for verdict in outcome.verdicts.iter().filter(|verdict| !verdict.is_met) {
        let _ = match verdict.is_only_told {
            true => writeln!(text, "  · {} (not judged)", told(verdict)),
            false => writeln!(text, "  ✗ {}", told(verdict)),
        };
    }
    let _ = writeln!(text, "{}\n", circumstances(outcome));
    for (name, lines) in facts(outcome) {
        for (place, line) in lines.iter().enumerate() {
            let _ = writeln!(text, "{:<10} {line}", if place == 0 { name } else { "" });
        }
    }
    let _ = write!(text, "\n{}", stages(&outcome.stages));
    let held: Vec<&str> =
        outcome.verdicts.iter().filter(|one| one.is_met).map(|verdict| verdict.threshold.as_str()).collect();
    if !held.is_empty() {
        let _ = writeln!(text, "\nheld       {}", held.join(", "));
    }
    text
}

/// `spike10x: held`, or what it was not.
pub fn headline(outcome: &Outcome) -> String {
    let failed: Vec<&str> = outcome.failed().map(|verdict| verdict.threshold.as_str()).collect();
    let said = match failed.as_slice() {
        [] if outcome.cut_short.is_some() => "cut short".to_owned(),
        [] => "held".to_owned(),
        failed => format!("NOT HELD: {}", failed.join(", ")),
    };
    let because = outcome.cut_short.as_ref().map(|why| format!(" (ended early: {why})"));
    format!("{}: {said}{}\n", outcome.scenario, because.unwrap_or_default())
}

/// `p99: at most 50 ms, measured 80 ms`.
pub fn told(verdict: &Verdict) -> String {
    format!("{}: {}, measured {}", verdict.threshold, verdict.limit, verdict.measured)
}

/// What was done to what, when, where.
pub fn circumstances(outcome: &Outcome) -> String {
    let machine = &outcome.machine;
    format!(
        "{}\n{}, {}, seed {}; {}, {}; {}",
        outcome.about,
        outcome.target,
        time(outcome.seconds.round()),
        outcome.seed,
        figure::counted(machine.cores as u64, "core"),
        machine.system,
        outcome.began_at
    )
}

/// What was measured, by its name.
pub fn facts(outcome: &Outcome) -> Vec<(&'static str, Vec<String>)> {
    let mut facts = vec![("records", vec![records(outcome)])];
    facts.push(("latency", vec![latency(&outcome.latency())]));
    let hops: Vec<String> =
        outcome.hops.iter().map(|(place, hop)| format!("{place}: {}", latency(hop))).collect();
    facts.push(("end to end", hops));
    facts.push(("proof", outcome.proof.as_ref().map_or_else(Vec::new, proof)));
    facts.push(("daemon", daemon(outcome)));
    let faults = outcome.faults.iter().map(|fault| {
        let from = time(fault.from.round());
        format!("{} at {from}, for {}: {}", fault.kind, figure::duration(fault.seconds), fault.detail)
    });
    facts.push(("faults", faults.collect()));
    facts.retain(|(_, lines)| !lines.is_empty());
    facts
}

fn records(outcome: &Outcome) -> String {
    let totals = &outcome.totals;
    let mut parts = vec![
        format!("{} planned", figure::count(totals.planned)),
        format!(
            "{} accepted ({})",
            figure::count(totals.accepted),
            figure::rate(outcome.accepted_per_second())
        ),
    ];
    let shares = [
        (totals.refused, totals.refused_share(), "refused"),
        (totals.unsent, totals.unsent_share(), "unsent"),
    ];
    for (count, share, name) in shares {
        if count > 0 {
            parts.push(format!("{} {name} ({})", figure::count(count), figure::share(share)));
        }
    }
    if totals.unknown > 0 {
        parts.push(format!("{} without an answer", figure::count(totals.unknown)));
    }
    parts.push(format!("{} sent", figure::bytes(totals.bytes as f64)));
    parts.join(", ")
}

fn latency(latency: &Latency) -> String {
    let at = [
        ("p50", latency.p50),
        ("p90", latency.p90),
        ("p99", latency.p99),
        ("p99.9", latency.p999),
        ("max", latency.max),
    ];
    at.map(|(name, value)| format!("{name} {}", figure::duration(value))).join(", ")
}

fn proof(proof: &Proof) -> Vec<String> {
    let found = proof.places.iter().map(|(place, count)| format!("{place} {}", figure::count(*count)));
    let found: Vec<String> = found.collect();
    let wrong = [
        (proof.losses, "loss", "losses"),
        (proof.duplicates, "duplicate", "duplicates"),
        (proof.inversions, "inversion", "inversions"),
    ];
    let mut wrong: Vec<String> = wrong
        .into_iter()
        .map(|(count, one, many)| match count {
            0 => format!("no {many}"),
            1 => format!("1 {one}"),
            count => format!("{} {many}", figure::count(count)),
        })
        .collect();
    let rest =
        [(proof.refused_stored, "refused but stored"), (proof.unknown_stored, "stored without an answer")];
    let rest = rest.iter().filter(|(count, _)| *count > 0);
    wrong.extend(rest.map(|(count, what)| format!("{} {what}", figure::count(*count))));
    let mut lines = vec![format!(
        "{} accepted: {}; drained in {}",
        figure::count(proof.accepted),
        wrong.join(", "),
        figure::duration(proof.drain_seconds)
    )];
    if !found.is_empty() {
        lines.push(format!("found in {}", found.join(", ")));
    }
    lines.extend(proof.examples.iter().cloned());
    lines
}

fn daemon(outcome: &Outcome) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(scaling) = &outcome.scaling {
        parts.push(figure::counted(scaling.actions, "scaling action"));
        parts.push(format!("{} worker-seconds", figure::count(scaling.worker_seconds.round() as u64)));
    }
    let most = |of: fn(&crate::load::outcome::DaemonSample) -> f64| {
        outcome.daemon_samples().map(|(_, sample)| of(sample)).reduce(f64::max)
    };
    if let Some(age) = most(|sample| sample.oldest_age()) {
        parts.push(format!("oldest record {}", figure::duration(age)));
    }
    if let Some(memory) = most(|sample| sample.memory_bytes as f64) {
        parts.push(format!("memory up to {}", figure::bytes(memory)));
    }
    if parts.is_empty() { Vec::new() } else { vec![parts.join(", ")] }
}

fn stages(stages: &[StageOutcome]) -> String {
    let mut table = Table::default();
    let headings = ["stage", "time", "planned", "accepted", "per second", "p50", "p99", "max"];
    table.row(headings.map(str::to_owned));
    for stage in stages {
        let rate = if stage.seconds > 0.0 { stage.totals.accepted as f64 / stage.seconds } else { 0.0 };
        let counts = [stage.totals.planned, stage.totals.accepted].map(figure::count);
        let times = [stage.latency.p50, stage.latency.p99, stage.latency.max].map(figure::duration);
        let row = [stage.name.clone(), time(stage.seconds.round())].into_iter().chain(counts);
        table.row(row.chain([figure::rate(rate)]).chain(times));
    }
    table.text()
}
