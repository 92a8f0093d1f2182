//! The measures of outcomes as tables of a page, held against their targets.

use super::{Targets, chart::escaped, shown::Shown};
use crate::simulation::{
    Outcome, Score,
    targets::{Measure, Target},
};
use std::fmt::Write;

/// What a measure means.
fn about(measure: Measure) -> &'static str {
    match measure {
        Measure::Reaction => "from a sudden rise of the load to the first new worker in service",
        Measure::Drain => "from a sudden rise until the oldest record stays under the goal",
        Measure::P99Age => "age that the oldest record exceeds for 1 % of the time",
        Measure::MaxAge => "greatest age of the oldest record",
        Measure::CostRatio => "worker-seconds over those of an oracle that knows the trace",
        Measure::Futile => "cost where the sink takes less than what arrives",
        Measure::Over => "share of the time with more than 110 % of the workers needed",
        Measure::Under => "share of the time with less than 95 % of the workers needed",
        Measure::Actions => "changes of what is ordered, per hour",
        Measure::Reversals => "changes of direction, per hour",
        Measure::IdleTail => "from a sudden fall of the load to 110 % of the workers then needed",
        Measure::LostToScaleIn => "records handed back by workers that left, of those finished",
        Measure::Amnesia => {
            "greatest change of what is ordered in the minute after a restart of the supervisor"
        }
        Measure::EstimatorError => {
            "error of the workers it reckons with under a steady load, 95th percentile"
        }
    }
}

/// One row for each sizing; measures that no outcome has are left out.
pub fn scores(shown: &Shown, targets: &[Target]) -> String {
    let has = |measure: &Measure| shown.outcomes.iter().any(|outcome| measure.of(&outcome.score).is_some());
    let measures: Vec<Measure> = Measure::ALL.into_iter().filter(has).collect();
    let mut out = String::from("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">sizing</th>");
    for measure in &measures {
        let _ = write!(
            out,
            "<th scope=\"col\"><abbr title=\"{}\">{}</abbr> <small>{}</small></th>",
            escaped(about(*measure)),
            escaped(measure.name()),
            escaped(measure.unit())
        );
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for outcome in &shown.outcomes {
        row(&mut out, outcome, &measures, targets);
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn row(out: &mut String, outcome: &Outcome, measures: &[Measure], targets: &[Target]) {
    let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&outcome.sizing));
    for measure in measures {
        let Some(value) = measure.of(&outcome.score) else {
            out.push_str("<td>–</td>");
            continue;
        };
        let figure = escaped(&measure.figure(value));
        let _ = match targets.iter().find(|target| target.measure == *measure) {
            Some(target) => write!(out, "<td>{}</td>", against(target, &outcome.score, &figure)),
            None => write!(out, "<td>{figure}</td>"),
        };
    }
    out.push_str("</tr>\n");
}

/// A value marked as one that reaches its target, or misses it.
fn against(target: &Target, score: &Score, value: &str) -> String {
    let (class, word) = if target.is_met(score) { ("met", "reaches") } else { ("missed", "misses") };
    let most = escaped(&target.measure.text(target.most));
    format!(
        "<span class=\"{class}\" title=\"target: at most {most}\">{value}\
         <span class=\"unseen\"> {word} the target of {most}</span></span>"
    )
}

/// How many targets each sizing misses on each trace, with its cost and greatest age.
pub fn summary(all: &[Shown], targets: &Targets) -> String {
    let names: Vec<&str> = all.first().map_or_else(Vec::new, |shown| {
        shown.outcomes.iter().map(|outcome| outcome.sizing.as_str()).collect()
    });
    let mut out = String::from(
        "<div class=\"wide\"><table class=\"summary\">\n<caption>Targets missed, cost over the oracle's, \
         greatest age</caption>\n<thead><tr><th scope=\"col\">trace</th>",
    );
    for name in &names {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(name));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (place, shown) in all.iter().enumerate() {
        let trace = escaped(shown.trace);
        let _ = write!(out, "<tr><th scope=\"row\"><a href=\"#trace{place}\">{trace}</a></th>");
        let targets = targets.get(shown.trace).map(Vec::as_slice).unwrap_or_default();
        for name in &names {
            let outcome = shown.outcomes.iter().find(|outcome| outcome.sizing == *name);
            out.push_str(&outcome.map_or_else(|| "<td>–</td>".to_owned(), |outcome| cell(outcome, targets)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn cell(outcome: &Outcome, targets: &[Target]) -> String {
    let score = &outcome.score;
    let missed = targets.iter().filter(|target| !target.is_met(score)).count();
    let verdict = match (missed, targets.len()) {
        (_, 0) => String::new(),
        (0, all) => format!("<span class=\"met\">all {all}</span>"),
        (missed, all) => format!("<span class=\"missed\">{missed} of {all}</span>"),
    };
    let said = [Measure::CostRatio, Measure::MaxAge]
        .map(|measure| measure.of(score).map(|value| measure.text(value)));
    let said = said.into_iter().flatten().collect::<Vec<String>>().join(" · ");
    format!("<td>{verdict}<br><small>{}</small></td>", escaped(&said))
}
