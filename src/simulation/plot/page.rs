//! Outcomes as a page of its own: charts, measures and decisions, with style and script inside.

use super::{
    Targets,
    chart::{Chart, Frame, buckets, escaped, legend, number, svg, time},
    shown::{Shown, beyond, by_trace, told},
    table::{scores, summary},
};
use crate::simulation::{Outcome, targets::Target};
use serde::Serialize;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const WIDTH: f64 = 1_000.0;
/// Intervals of the values that the cursor shows.
const INTERVALS: usize = 300;
/// Changes of one sizing that are listed.
const MOST_TOLD: usize = 500;

/// What the cursor shows, interval by interval.
#[derive(Serialize)]
struct Readings<'a> {
    seconds: f64,
    arrivals: Vec<f64>,
    needed: Vec<f64>,
    sizings: Vec<Reading<'a>>,
}

#[derive(Serialize)]
struct Reading<'a> {
    name: &'a str,
    workers: Vec<f64>,
    age: Vec<f64>,
}

/// One HTML document with everything it needs. The first sizing of each trace is the one that the others are
/// compared with; measures are held against the targets of their trace, where there are some.
pub fn html(outcomes: &[Outcome], targets: &Targets) -> String {
    let all = by_trace(outcomes);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Caudal: a rehearsal of scaling</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>A rehearsal of scaling</h1>\n<p>{}</p>\n{}</header>\n<main>\n",
        introduction(&all),
        contents(&all, targets)
    );
    for (number, shown) in all.iter().enumerate() {
        section(&mut out, shown, number, targets.get(shown.trace).map(Vec::as_slice).unwrap_or_default());
    }
    let _ = writeln!(out, "</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>");
    out
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
    let _ = writeln!(
        out,
        "<div class=\"charts\" tabindex=\"0\" role=\"group\" aria-label=\"Charts of {trace}; the arrow keys move \
         a cursor through time\">"
    );
    out.push_str(
        "<output class=\"reading\" aria-live=\"polite\">Point at a chart, or press an arrow key, to read values.\
         </output>\n",
    );
    let charts = [(shown.arrivals(), 120.0), (shown.workers(), 260.0), (shown.age(), 210.0)];
    for (at, (chart, height)) in charts.iter().enumerate() {
        figure(out, chart, Frame { id: format!("chart{number}-{at}"), width: WIDTH, height: *height });
    }
    let _ = writeln!(
        out,
        "<script type=\"application/json\" class=\"readings\">{}</script>\n</div>",
        readings(shown)
    );
    decisions(out, shown);
    out.push_str("</section>\n");
}

fn figure(out: &mut String, chart: &Chart, frame: Frame) {
    let _ = writeln!(out, "<figure>\n<figcaption>{}</figcaption>", escaped(&chart.heading()));
    out.push_str(&svg(chart, &frame));
    let peaks: Vec<String> = beyond(chart)
        .iter()
        .map(|(name, peak)| format!("{name} up to {} {}", number(*peak), chart.unit).trim_end().to_owned())
        .collect();
    if !peaks.is_empty() {
        let _ = writeln!(out, "<p class=\"beyond\">Beyond the chart: {}</p>", escaped(&peaks.join(", ")));
    }
    out.push_str("</figure>\n");
}

fn readings(shown: &Shown) -> String {
    let seconds = shown.seconds();
    let values = |chart: &Chart, place: usize, is_peak: bool| -> Vec<f64> {
        let points = chart.series.get(place).map(|series| series.points.as_slice()).unwrap_or_default();
        let kept = buckets(points, seconds, INTERVALS).into_iter().map(|bucket| {
            let value = bucket.map_or(0.0, |seen| if is_peak { seen.most } else { seen.last });
            (value * 10.0).round() / 10.0
        });
        kept.collect()
    };
    let sizings = shown.outcomes.iter().map(|outcome| Reading {
        name: &outcome.sizing,
        workers: values(&shown.workers_of(outcome), 1, false),
        age: values(&shown.age_of(outcome), 0, true),
    });
    let readings = Readings {
        seconds,
        arrivals: values(&shown.arrivals(), 0, false),
        needed: values(&shown.workers(), 0, false),
        sizings: sizings.collect(),
    };
    // Within a script element only the letter that could end it is dangerous.
    serde_json::to_string(&readings).unwrap_or_default().replace('<', "\\u003c")
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
