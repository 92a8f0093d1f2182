//! What is said of rehearsals.

use super::{pool::Pool, rehearsed::Rehearsed};
use crate::{
    error::Failure,
    simulation::{
        Outcome, Score,
        plot::Table,
        targets::{Measure, Target},
        versus::Verdict,
    },
    units::Span,
};
use std::fmt::Write as _;

/// Missed targets that the last line names.
const NAMED: usize = 12;
/// Letters of a heading before it is broken.
const HEADING: usize = 9;

/// The pool in a line.
pub(super) fn pool(pool: &Pool) -> String {
    let model = &pool.model;
    let limit = model.sink_limit.map_or_else(String::new, |limit| format!(", the sink takes {limit}/s"));
    format!(
        "pool {}: {} to {} workers, {} for a record, {} to start, goal {}{limit}\n",
        pool.name,
        model.min,
        model.max,
        Span(model.service),
        Span(model.start),
        Span(model.goal)
    )
}

/// Every measure of every sizing on one trace.
pub(super) fn one(rehearsed: &Rehearsed) -> String {
    let mut text = format!(
        "trace {}: {} s, {} records; the oracle needs {:.0} worker-seconds\n\n",
        rehearsed.name(),
        rehearsed.seconds,
        rehearsed.records,
        rehearsed.oracle_cost
    );
    let rows = rehearsed.outcomes().map(|outcome| (outcome.sizing.as_str(), outcome, &rehearsed.targets));
    text.push_str(&measures(rows));
    text.push_str(&relative(rehearsed));
    for (other, verdict) in rehearsed.verdicts() {
        let _ = writeln!(text, "{} against {}: {}", rehearsed.own.sizing, other.sizing, verdict.text());
    }
    for target in rehearsed.missed() {
        let _ = writeln!(text, "missed: {}", missed(rehearsed, target));
    }
    text
}

/// Every measure of the own autoscaler on many traces, and how it compares.
pub(super) fn many(all: &[Rehearsed]) -> String {
    let rows = all.iter().map(|rehearsed| (rehearsed.name(), &rehearsed.own, &rehearsed.targets));
    let mut text = measures(rows);
    for rehearsed in all {
        text.push_str(&relative(rehearsed));
    }
    if all.iter().any(|rehearsed| !rehearsed.others.is_empty()) {
        if !text.ends_with("\n\n") {
            text.push('\n');
        }
        text.push_str(&comparison(all));
    }
    text
}

/// What random traces come to: of each measure the middle, the 95th percentile and the worst.
pub(super) fn spread(all: &[Rehearsed]) -> String {
    let mut table = Table::default();
    let headings = ["measure", "median", "p95", "worst", "on", "missed"];
    table.row(headings.map(str::to_owned));
    for measure in Measure::ALL {
        let mut values: Vec<(f64, &str)> = all
            .iter()
            .filter_map(|rehearsed| Some((measure.of(&rehearsed.own.score)?, rehearsed.name())))
            .collect();
        values.sort_by(|one, other| one.0.total_cmp(&other.0));
        let at = |share: f64| {
            let place = (values.len() as f64 * share).ceil() as usize;
            values.get(place.saturating_sub(1)).copied()
        };
        let (Some(median), Some(p95), Some((worst, name))) = (at(0.5), at(0.95), at(1.0)) else { continue };
        let missed =
            all.iter().flat_map(Rehearsed::missed).filter(|target| target.measure == measure).count();
        let figures = [median.0, p95.0, worst].map(|value| measure.text(value));
        let rest = [name.to_owned(), missed.to_string()];
        table.row(std::iter::once(measure.name().to_owned()).chain(figures).chain(rest));
    }
    let mut text = table.text();
    if all.iter().any(|rehearsed| !rehearsed.others.is_empty()) {
        text.push('\n');
        text.push_str(&counted_verdicts(all));
    }
    text
}

type Row<'a> = (&'a str, &'a Outcome, &'a Vec<Target>);

/// A line for each measure and a column for each row's name: eight traces fit into 100 columns.
fn measures<'a>(rows: impl Iterator<Item = Row<'a>>) -> String {
    let rows: Vec<Row<'a>> = rows.collect();
    let has = |measure: &Measure| rows.iter().any(|(_, outcome, _)| measure.of(&outcome.score).is_some());
    let mut table = Table::default();
    let names: Vec<Vec<String>> = rows.iter().map(|(name, _, _)| parts(name)).collect();
    let lines = names.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..lines {
        // Names stand at the bottom of the heading; figures end with a blank or a mark.
        let cells = names.iter().map(|name| {
            let part = (line + name.len()).checked_sub(lines).and_then(|at| name.get(at));
            part.map_or_else(String::new, |part| format!("{part} "))
        });
        let first = if line + 1 == lines { "measure" } else { "" };
        table.row(std::iter::once(first.to_owned()).chain(cells));
    }
    for measure in Measure::ALL.into_iter().filter(has) {
        let label = format!("{} ({})", measure.name(), measure.unit());
        let cells = rows.iter().map(|(_, outcome, targets)| cell(measure, &outcome.score, targets));
        table.row(std::iter::once(label).chain(cells));
    }
    let text = table.text();
    let key = if text.contains('!') { "! misses its target\n" } else { "" };
    format!("{text}{key}\n")
}

/// A name in pieces of at most [`HEADING`] letters where its hyphens allow it.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for piece in name.split_inclusive('-') {
        match parts.last_mut().filter(|part| part.chars().count() + piece.chars().count() <= HEADING) {
            Some(part) => part.push_str(piece),
            None => parts.push(piece.to_owned()),
        }
    }
    parts
}

/// A figure, marked when it misses its target.
fn cell(measure: Measure, score: &Score, targets: &[Target]) -> String {
    let is_missed = targets.iter().any(|target| target.measure == measure && !target.is_met(score));
    let figure = measure.of(score).map_or_else(|| "–".to_owned(), |value| measure.figure(value));
    format!("{figure}{}", if is_missed { '!' } else { ' ' })
}

/// Targets that the trace makes impossible, and what stands in their place.
fn relative(rehearsed: &Rehearsed) -> String {
    let relative = rehearsed.targets.iter().filter(|target| target.is_relative);
    let stated: Vec<String> = relative
        .map(|target| format!("{} {}", target.measure.name(), target.measure.text(target.most)))
        .collect();
    if stated.is_empty() {
        return String::new();
    }
    format!("{}: stated by what is possible: {}\n", rehearsed.name(), stated.join(", "))
}

fn comparison(all: &[Rehearsed]) -> String {
    let mut table = Table::default();
    let headings = ["trace", "against", "cost", "ours", "p99 age", "ours", "max age", "ours", "we are"];
    table.row(headings.map(str::to_owned));
    for rehearsed in all {
        for (place, (other, verdict)) in rehearsed.verdicts().enumerate() {
            let pairs = [Measure::CostRatio, Measure::P99Age, Measure::MaxAge].map(|measure| {
                [&other.score, &rehearsed.own.score]
                    .map(|score| measure.of(score).map_or_else(String::new, |value| measure.text(value)))
            });
            let trace = if place == 0 { rehearsed.name() } else { "" };
            let names = [trace.to_owned(), other.sizing.clone()];
            let verdict = [verdict.text().to_owned()];
            table.row(names.into_iter().chain(pairs.into_iter().flatten()).chain(verdict));
        }
    }
    table.text()
}

fn counted_verdicts(all: &[Rehearsed]) -> String {
    let mut table = Table::default();
    let verdicts = [Verdict::Better, Verdict::Cheaper, Verdict::InTime, Verdict::Younger, Verdict::Worse];
    table.row(["against"].into_iter().chain(verdicts.map(Verdict::text)).map(str::to_owned));
    let names = all.first().map(|first| first.others.iter().map(|other| other.sizing.as_str()));
    for name in names.into_iter().flatten() {
        let found: Vec<Verdict> = all
            .iter()
            .flat_map(Rehearsed::verdicts)
            .filter(|(other, _)| other.sizing == name)
            .map(|(_, verdict)| verdict)
            .collect();
        let count = |wanted| found.iter().filter(|verdict| **verdict == wanted).count().to_string();
        table.row(std::iter::once(name.to_owned()).chain(verdicts.map(count)));
    }
    table.text()
}

fn missed(rehearsed: &Rehearsed, target: &Target) -> String {
    let value = target.measure.of(&rehearsed.own.score).unwrap_or_default();
    format!(
        "{}: {} is {}, target at most {}",
        rehearsed.name(),
        target.measure.name(),
        target.measure.text(value),
        target.measure.text(target.most)
    )
}

/// Fails when a target is missed, or when another autoscaler does better.
///
/// # Errors
/// [`Failure::Fault`], which names what is missed.
pub(super) fn verdict(all: &[Rehearsed]) -> Result<(), Failure> {
    let mut faults: Vec<String> = Vec::new();
    for rehearsed in all {
        faults.extend(rehearsed.missed().map(|target| missed(rehearsed, target)));
        let worse = rehearsed.verdicts().filter(|(_, verdict)| *verdict == Verdict::Worse);
        faults.extend(worse.map(|(other, _)| format!("{}: {} does better", rehearsed.name(), other.sizing)));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let more = faults.len().saturating_sub(NAMED);
    let number = faults.len();
    faults.truncate(NAMED);
    let rest = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    let cause = format!("{number} missed\n  {}{rest}", faults.join("\n  "));
    Err(Failure::fault(format!("rehearsing {} traces", all.len()), cause))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn long_names_are_broken_at_their_hyphens() {
        assert_eq!(parts("step10x"), ["step10x"]);
        assert_eq!(parts("constant-noisy"), ["constant-", "noisy"]);
        assert_eq!(parts("hpa-keda-goal"), ["hpa-keda-", "goal"]);
        assert_eq!(parts("of-my-own-traces.csv"), ["of-my-", "own-", "traces.csv"]);
    }
}
