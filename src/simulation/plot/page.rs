//! Outcomes as a page of its own: charts, measures and decisions, with style and script inside.

use super::{
    Targets,
    chart::{escaped, legend, number, time},
    document::{Charts, Readings, Told, document},
    shown::{Shown, by_trace, told},
    table::{scores, summary},
};
use crate::simulation::{Outcome, targets::Target};
use std::fmt::Write;

/// Changes of one sizing that are listed.
const MOST_TOLD: usize = 500;

/// One HTML document with everything it needs. The first sizing of each trace is the one that the others are
/// compared with; measures are held against the targets of their trace, where there are some.
pub fn html(outcomes: &[Outcome], targets: &Targets) -> String {
    let all = by_trace(outcomes);
    let header = format!(
        "<h1>A rehearsal of scaling</h1>\n<p>{}</p>\n{}",
        introduction(&all),
        contents(&all, targets)
    );
    let mut main = String::new();
    for (number, shown) in all.iter().enumerate() {
        section(&mut main, shown, number, targets.get(shown.trace).map(Vec::as_slice).unwrap_or_default());
    }
    document("Caudal: a rehearsal of scaling", &header, &main)
}

fn introduction(all: &[Shown]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for outcome in all.iter().flat_map(|shown| &shown.outcomes) {
        if !names.contains(&outcome.sizing.as_str()) {
            names.push(&outcome.sizing);
        }
    }
    let traces = if all.len() == 1 { "one trace".to_owned() } else { format!("{} traces", all.len()) };
    format!(
        "Workers of one pool on a virtual clock, on {traces}, sized by {}. Shaded is what the arrivals need \
         at 80 % load; the dashed line is the goal.",
        escaped(&names.join(", "))
    )
}

/// What leads to the traces: the table of targets missed, or else their names.
fn contents(all: &[Shown], targets: &Targets) -> String {
    if !targets.is_empty() {
        return summary(all, targets);
    }
    if all.len() < 2 {
        return String::new();
    }
    let links = all
        .iter()
        .enumerate()
        .map(|(number, shown)| format!("<a href=\"#trace{number}\">{}</a>", escaped(shown.trace)));
    format!("<nav aria-label=\"Traces\">{}</nav>\n", links.collect::<Vec<String>>().join("\n"))
}

fn section(out: &mut String, shown: &Shown, number: usize, targets: &[Target]) {
    let trace = escaped(shown.trace);
    let _ = writeln!(
        out,
        "<section id=\"trace{number}\" aria-labelledby=\"name{number}\">\n<h2 id=\"name{number}\">{trace}</h2>\n\
         <p class=\"terms\">{}, goal {} s</p>",
        time(shown.seconds()),
        self::number(shown.goal())
    );
    out.push_str(&scores(shown, targets));
    let names: Vec<(String, usize)> = match shown.outcomes.as_slice() {
        [_] => vec![("ordered".to_owned(), 0), ("in service".to_owned(), 1)],
        several => several.iter().enumerate().map(|(at, outcome)| (outcome.sizing.clone(), at)).collect(),
    };
    out.push_str(&legend(&names));
    let charts = Charts {
        id: format!("chart{number}"),
        of: shown.trace,
        charts: vec![(shown.arrivals(), 120.0), (shown.workers(), 260.0), (shown.age(), 210.0)],
        has_legends: false,
        readings: readings(shown),
    };
    out.push_str(&charts.html());
    decisions(out, shown);
    out.push_str("</section>\n");
}

fn readings(shown: &Shown) -> Readings {
    let mut readings = Readings::new(shown.seconds());
    let (arrivals, workers) = (shown.arrivals(), shown.workers());
    readings.add("", [read("/s", arrivals.points(0), false), read(" needed", workers.points(0), false)]);
    for outcome in &shown.outcomes {
        let (workers, age) = (shown.workers_of(outcome), shown.age_of(outcome));
        let parts = [read(" workers", workers.points(1), false), read(" s", age.points(0), true)];
        readings.add(&outcome.sizing, parts);
    }
    readings
}

fn read<'a>(after: &'a str, points: &'a [(f64, f64)], is_peak: bool) -> Told<'a> {
    Told { before: "", after, points, is_peak }
}

fn decisions(out: &mut String, shown: &Shown) {
    out.push_str("<h3>Changes</h3>\n");
    for outcome in &shown.outcomes {
        let count = outcome.decisions.len();
        let ending = if count == 1 { "" } else { "s" };
        let _ = writeln!(
            out,
            "<details><summary>{}: {count} change{ending}</summary>\n<ol>",
            escaped(&outcome.sizing)
        );
        for change in outcome.decisions.iter().take(MOST_TOLD) {
            let _ = writeln!(out, "<li>{}</li>", escaped(&told(change)));
        }
        out.push_str("</ol>");
        if count > MOST_TOLD {
            let _ = write!(out, "<p>and {} more</p>", count - MOST_TOLD);
        }
        out.push_str("</details>\n");
    }
}
