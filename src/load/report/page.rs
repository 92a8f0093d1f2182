//! A run as a page of its own.

use super::{
    charts::Drawn,
    summary::{circumstances, facts, headline},
};
use crate::{
    load::{
        figure,
        outcome::{Latency, Outcome, StageOutcome, Totals},
        scenario::Thresholds,
    },
    simulation::plot::{
        chart::{Chart, escaped, time},
        document::{Charts, Readings, Told, document},
    },
};
use std::fmt::Write;

/// One HTML document with everything it needs; limits are drawn where thresholds set them.
pub fn html(outcome: &Outcome, thresholds: &Thresholds) -> String {
    let header = format!(
        "<h1>{}</h1>\n<p>{}</p>\n",
        escaped(headline(outcome).trim_end()),
        escaped(&circumstances(outcome)).replace('\n', "<br>\n")
    );
    let drawn = Drawn { outcome, thresholds };
    let charts = drawn.charts();
    let readings = readings(&charts, drawn.seconds());
    let charts =
        Charts { id: "chart".to_owned(), of: &outcome.scenario, charts, has_legends: true, readings };
    let main = format!(
        "<section class=\"beside\" aria-label=\"Thresholds and figures\">\n{}{}</section>\n\
         <section aria-label=\"Charts\">\n{}</section>\n<section>\n{}</section>\n",
        verdicts(outcome),
        figures(outcome),
        charts.html(),
        stages(outcome)
    );
    document(&format!("{}: a load test by Caudal", outcome.scenario), &header, &main)
}

fn readings(charts: &[(Chart, f64)], seconds: f64) -> Readings {
    let mut readings = Readings::new(seconds);
    for (chart, _) in charts {
        let unit = if chart.unit.is_empty() { String::new() } else { format!(" {}", chart.unit) };
        let names: Vec<String> = chart.series.iter().map(|series| format!("{} ", series.name)).collect();
        let told = chart.series.iter().zip(&names).map(|(series, name)| Told {
            before: name,
            after: &unit,
            points: &series.points,
            is_peak: true,
        });
        readings.add("", told);
    }
    readings
}

fn verdicts(outcome: &Outcome) -> String {
    let mut out = String::from(
        "<div class=\"wide\"><table class=\"plain\">\n<thead><tr><th scope=\"col\">threshold</th>\
         <th scope=\"col\">limit</th><th scope=\"col\">measured</th></tr></thead>\n<tbody>\n",
    );
    let (held, failed): (Vec<_>, Vec<_>) = outcome.verdicts.iter().partition(|verdict| verdict.is_met);
    for verdict in failed.into_iter().chain(held) {
        let (class, word) = if verdict.is_met { ("met", "held") } else { ("missed", "not held") };
        let remark = if verdict.is_only_told { " (not judged)" } else { "" };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\"><span class=\"{class}\">{}<span class=\"unseen\"> {word}</span></span></th>\
             <td>{}</td><td>{}{remark}</td></tr>",
            escaped(&verdict.threshold),
            escaped(&verdict.limit),
            escaped(&verdict.measured)
        );
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn figures(outcome: &Outcome) -> String {
    let mut out = String::from("<dl>\n");
    for (name, lines) in facts(outcome) {
        let lines: Vec<String> = lines.iter().map(|line| format!("<dd>{}</dd>", escaped(line))).collect();
        let _ = writeln!(out, "<dt>{name}</dt>{}", lines.join(""));
    }
    out.push_str("</dl>\n");
    out
}

fn stages(outcome: &Outcome) -> String {
    let headings = [
        "stage",
        "time",
        "planned",
        "accepted",
        "refused",
        "unsent",
        "no answer",
        "per second",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
    ];
    let mut out = String::from("<h2>Stages</h2>\n<div class=\"wide\"><table class=\"plain\">\n<thead><tr>");
    for heading in headings {
        let _ = write!(out, "<th scope=\"col\">{heading}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for stage in &outcome.stages {
        let StageOutcome { name, seconds, totals, latency, .. } = stage;
        row(&mut out, name, *seconds, totals, latency);
    }
    if outcome.stages.len() > 1 {
        let seconds = outcome.stages.iter().map(|stage| stage.seconds).sum();
        row(&mut out, "all", seconds, &outcome.totals, &outcome.latency());
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn row(out: &mut String, name: &str, seconds: f64, totals: &Totals, latency: &Latency) {
    let _ = write!(out, "<tr><th scope=\"row\">{}</th><td>{}</td>", escaped(name), time(seconds.round()));
    let counts = [totals.planned, totals.accepted, totals.refused, totals.unsent, totals.unknown];
    let rate = if seconds > 0.0 { totals.accepted as f64 / seconds } else { 0.0 };
    let times = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(figure::duration);
    for cell in counts.map(figure::count).into_iter().chain([figure::rate(rate)]).chain(times) {
        let _ = write!(out, "<td>{cell}</td>");
    }
    out.push_str("</tr>\n");
}
