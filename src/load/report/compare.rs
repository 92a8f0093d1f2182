//! Two runs beside each other: what differs, and whether the second is worse.

use crate::{
    load::{
        figure,
        outcome::{Latency, Outcome},
        thresholds::Measure,
    },
    simulation::plot::Table,
};
use std::fmt::Write;

/// Two outcomes held against each other.
#[derive(Debug)]
pub struct Comparison {
    rows: Vec<Row>,
    /// Why the two may not be comparable.
    remarks: Vec<String>,
    /// Percent.
    tolerance: f64,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    first: Option<String>,
    second: Option<String>,
    difference: String,
    is_worse: bool,
}

/// A measure of both, and when a difference is one.
struct Pair {
    name: &'static str,
    values: [Option<f64>; 2],
    text: fn(f64) -> String,
    is_better_when_more: bool,
    /// A difference up to this is none, whatever it is in percent.
    slack: f64,
}

const SECOND: f64 = 1.0;
const MILLISECOND: f64 = 0.001;
const MIB: f64 = 1_048_576.0;

/// Compares the second with the first. It is worse in a measure when it is by more than `tolerance` percent,
/// and by more than chance makes of nothing: 1 ms of latency, 1 s of age or drain, 0.1 % of the records
/// refused or unsent, 16 MiB, a drift of 5 %, 1 action, 1 worker-second. A single record lost, doubled or out of
/// order more is worse.
pub fn compare(first: &Outcome, second: &Outcome, tolerance: f64) -> Comparison {
    let latencies = [first.latency(), second.latency()];
    let rate = |outcome: &Outcome| Some(outcome.accepted_per_second());
    let rate = Pair {
        name: "accepted",
        values: [rate(first), rate(second)],
        text: figure::rate,
        is_better_when_more: true,
        slack: 0.0,
    };
    let rest = Measure::ALL.into_iter().map(|measure| measured(measure, [first, second], &latencies));
    let rows = std::iter::once(rate.row(tolerance)).chain(rest.map(|pair| pair.row(tolerance)));
    let rows = rows.filter(|row| row.first.is_some() || row.second.is_some());
    Comparison { rows: rows.collect(), remarks: remarks(first, second), tolerance }
}

fn measured(measure: Measure, outcomes: [&Outcome; 2], latencies: &[Latency; 2]) -> Pair {
    let [first, second] = outcomes;
    let [one, other] = latencies;
    let (text, slack): (fn(f64) -> String, f64) = match measure {
        Measure::P50 | Measure::P99 | Measure::P999 => (figure::duration, MILLISECOND),
        Measure::Age | Measure::Drain => (figure::duration, SECOND),
        Measure::Refused | Measure::Unsent => (figure::share, 0.001),
        Measure::Memory => (figure::bytes, 16.0 * MIB),
        Measure::MemoryDrift => (figure::share, 0.05),
        Measure::ScaleActions | Measure::WorkerSeconds => (whole, 1.0),
        Measure::Losses | Measure::Duplicates | Measure::Inversions | Measure::RefusedStored => (whole, 0.0),
    };
    let values = [measure.of(first, one).ok(), measure.of(second, other).ok()];
    Pair { name: measure.name(), values, text, is_better_when_more: false, slack }
}

fn whole(value: f64) -> String {
    figure::count(value.round() as u64)
}

impl Pair {
    fn row(self, tolerance: f64) -> Row {
        let [first, second] = self.values;
        let text = |value: Option<f64>| value.map(self.text);
        let (difference, is_worse) = match (first, second) {
            (Some(first), Some(second)) => {
                (difference(first, second), self.is_worse(first, second, tolerance))
            }
            // What is not measured any more is not shown to be as good.
            (Some(_), None) => ("not measured".to_owned(), true),
            _ => (String::new(), false),
        };
        Row { name: self.name, first: text(first), second: text(second), difference, is_worse }
    }

    fn is_worse(&self, first: f64, second: f64, tolerance: f64) -> bool {
        let worse_by = if self.is_better_when_more { first - second } else { second - first };
        worse_by > self.slack && worse_by > first * tolerance / 100.0
    }
}

fn difference(first: f64, second: f64) -> String {
    if first == second {
        return "same".to_owned();
    }
    if first == 0.0 {
        return "from none".to_owned();
    }
    let percent = (second - first) / first * 100.0;
    if percent.abs() < 0.05 { "same".to_owned() } else { format!("{percent:+.1} %") }
}

fn remarks(first: &Outcome, second: &Outcome) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut differs = |what: &str, one: &str, other: &str| {
        if one != other {
            remarks.push(format!("the {what} differs: {one} and {other}"));
        }
    };
    differs("scenario", &first.scenario, &second.scenario);
    differs("seed", &first.seed.to_string(), &second.seed.to_string());
    differs("machine", &machine(first), &machine(second));
    for (outcome, which) in [(first, "first"), (second, "second")] {
        if let Some(why) = &outcome.cut_short {
            remarks.push(format!("the {which} run ended early: {why}"));
        }
    }
    remarks
}

fn machine(outcome: &Outcome) -> String {
    let machine = &outcome.machine;
    let cores = figure::counted(machine.cores as u64, "core");
    format!("{cores}, {}, {}", figure::bytes(machine.memory_bytes as f64), machine.system)
}

impl Comparison {
    /// Measures in which the second run is worse.
    pub fn worse(&self) -> Vec<&'static str> {
        self.rows.iter().filter(|row| row.is_worse).map(|row| row.name).collect()
    }

    /// Both runs by these names in a table, with the verdict.
    pub fn text(&self, first: &str, second: &str) -> String {
        let mut table = Table::default();
        table.row(["measure", first, second, "difference", ""].map(str::to_owned));
        for row in &self.rows {
            let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
            let mark = if row.is_worse { "worse" } else { "" };
            let cells = [row.name.to_owned(), cell(&row.first), cell(&row.second), row.difference.clone()];
            table.row(cells.into_iter().chain([mark.to_owned()]));
        }
        let mut text = table.text();
        for remark in &self.remarks {
            let _ = writeln!(text, "note: {remark}");
        }
        let worse = self.worse();
        let tolerance = self.tolerance;
        let _ = match worse.is_empty() {
            true => writeln!(text, "\nno worse, with a tolerance of {tolerance} %"),
            false => writeln!(text, "\nWORSE by more than {tolerance} %: {}", worse.join(", ")),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::outcome::made;

    #[test]
    fn a_run_is_no_worse_than_itself() {
        let outcome = made::outcome();
        let comparison = compare(&outcome, &outcome, 10.0);
        assert_eq!(comparison.worse(), Vec::<&str>::new());
        let text = comparison.text("a.json", "b.json");
        assert!(text.ends_with("\n\nno worse, with a tolerance of 10 %\n"), "{text}");
        assert!(!text.contains("note:"), "{text}");
    }

    #[test]
    fn what_is_worse_is_marked_and_what_is_within_the_tolerance_is_not() {
        let first = made::outcome();
        let mut second = first.clone();
        for stage in &mut second.stages {
            stage.seconds *= 1.05;
        }
        if let Some(proof) = &mut second.proof {
            proof.duplicates = 1;
        }
        second.scaling = Some(crate::load::outcome::Scaling { actions: 3, worker_seconds: 400.0 });
        second.seed = 8;
        let comparison = compare(&first, &second, 10.0);
        assert_eq!(comparison.worse(), ["duplicates", "worker_seconds"]);
        let expected = "\
measure               a.json    b.json  difference
accepted               400/s     381/s      -4.8 %
p50                  45.7 ms   45.7 ms        same
p99                   1.06 s    1.06 s        same
p999                  1.19 s    1.19 s        same
age                      4 s       4 s        same
refused               0.08 %    0.08 %        same
unsent                0.01 %    0.01 %        same
losses                     0         0        same
duplicates                 0         1   from none  worse
inversions                 0         0        same
refused but stored         0         0        same
scale_actions              2         3     +50.0 %
worker_seconds           286       400     +39.9 %  worse
memory              67.8 MiB  67.8 MiB        same
memory_drift          0.93 %    0.93 %        same
drain                  2.3 s     2.3 s        same
note: the seed differs: 7 and 8

WORSE by more than 10 %: duplicates, worker_seconds
";
        assert_eq!(comparison.text("a.json", "b.json"), expected);
        assert_eq!(compare(&first, &second, 1.0).worse(), ["accepted", "duplicates", "worker_seconds"]);
    }

    #[test]
    fn what_only_the_first_measured_is_worse_and_what_neither_did_is_left_out() {
        let first = made::outcome();
        let mut second = first.clone();
        second.proof = None;
        let comparison = compare(&first, &second, 10.0);
        let lost = ["losses", "duplicates", "inversions", "refused but stored", "drain"];
        assert_eq!(comparison.worse(), lost);
        assert!(compare(&second, &first, 10.0).worse().is_empty(), "the second proves more");
        assert!(!compare(&second, &second, 10.0).text("a", "b").contains("losses"));
    }

    #[test]
    fn an_improvement_is_never_worse() {
        let mut first = made::outcome();
        let second = first.clone();
        first.totals.accepted = 100;
        first.totals.refused = 20_000;
        assert!(compare(&first, &second, 0.0).worse().is_empty());
    }
}
