//! The measures of outcomes as tables of a page, held against their targets.

use super::{
    Targets,
    chart::{escaped, number},
    shown::Shown,
};
use crate::simulation::{
    Outcome, Score,
    targets::{Measure, Target},
};
use std::fmt::Write;

/// A column: its heading, what it means, and how it is read from a score.
struct Column {
    heading: &'static str,
    about: &'static str,
    unit: &'static str,
    value: fn(&Score) -> Option<f64>,
    /// The measure that its target is for.
    measure: Option<Measure>,
}

const fn column(
    measure: Option<Measure>,
    heading: &'static str,
    unit: &'static str,
    value: fn(&Score) -> Option<f64>,
    about: &'static str,
) -> Column {
    Column { heading, about, unit, value, measure }
}

const COLUMNS: [Column; 14] = [
    column(
        Some(Measure::Reaction),
        "reaction",
        "s",
        |score| score.reaction,
        "from a sudden rise of the load to the first new worker in service",
    ),
    column(
        Some(Measure::Drain),
        "drain",
        "s",
        |score| score.drain,
        "from a sudden rise until the oldest record stays under the goal",
    ),
    column(
        Some(Measure::P99Age),
        "p99 age",
        "s",
        |score| Some(score.p99_age),
        "age that the oldest record exceeds for 1 % of the time",
    ),
    column(
        Some(Measure::MaxAge),
        "max age",
        "s",
        |score| Some(score.max_age),
        "greatest age of the oldest record",
    ),
    column(
        Some(Measure::CostRatio),
        "cost",
        "×",
        |score| Some(score.cost_ratio),
        "worker-seconds over those of an oracle that knows the trace",
    ),
    column(
        None,
        "futile",
        "×",
        |score| score.futile,
        "cost ratio where the sink takes less than what arrives",
    ),
    column(
        None,
        "over",
        "%",
        |score| Some(score.over * 100.0),
        "share of the time with more than 110 % of the workers needed",
    ),
    column(
        Some(Measure::Under),
        "under",
        "%",
        |score| Some(score.under * 100.0),
        "share of the time with less than 95 % of the workers needed",
    ),
    column(
        Some(Measure::Actions),
        "changes",
        "/h",
        |score| Some(score.actions_per_hour),
        "changes of what is ordered, per hour",
    ),
    column(
        Some(Measure::Reversals),
        "reversals",
        "/h",
        |score| Some(score.reversals_per_hour),
        "changes of direction, per hour",
    ),
    column(
        Some(Measure::IdleTail),
        "idle tail",
        "s",
        |score| score.idle_tail,
        "from a sudden fall of the load to 110 % of the workers then needed",
    ),
    column(
        Some(Measure::EstimatorError),
        "estimate",
        "%",
        |score| score.estimator_error.map(percent),
        "error of the workers it reckons with while the load is steady, 95th percentile",
    ),
    column(
        Some(Measure::Amnesia),
        "restart",
        "%",
        |score| score.amnesia.map(percent),
        "greatest change of what is ordered in the minute after a restart of the supervisor",
    ),
    column(
        Some(Measure::LostToScaleIn),
        "handed back",
        "%",
        |score| Some(percent(score.lost_to_scale_in)),
        "records handed back by workers that left, of those finished",
    ),
];

fn percent(share: f64) -> f64 {
    share * 100.0
}

/// One row for each sizing; columns that no outcome has are left out.
pub fn scores(shown: &Shown, targets: &[Target]) -> String {
    let has =
        |column: &&Column| shown.outcomes.iter().any(|outcome| (column.value)(&outcome.score).is_some());
    let columns: Vec<&Column> = COLUMNS.iter().filter(has).collect();
    let mut out = String::from("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">sizing</th>");
    for column in &columns {
        let _ = write!(
            out,
            "<th scope=\"col\"><abbr title=\"{}\">{}</abbr> <small>{}</small></th>",
            escaped(column.about),
            escaped(column.heading),
            escaped(column.unit)
        );
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for outcome in &shown.outcomes {
        row(&mut out, outcome, &columns, targets);
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn row(out: &mut String, outcome: &Outcome, columns: &[&Column], targets: &[Target]) {
    let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&outcome.sizing));
    for column in columns {
        let Some(value) = (column.value)(&outcome.score) else {
            out.push_str("<td>–</td>");
            continue;
        };
        let target = targets.iter().find(|target| Some(target.measure) == column.measure);
        let value = escaped(&number(value));
        let _ = match target {
            Some(target) => write!(out, "<td>{}</td>", against(target, &outcome.score, &value)),
            None => write!(out, "<td>{value}</td>"),
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
    let (cost, age) = (number(score.cost_ratio), number(score.max_age));
    format!("<td>{verdict}<br><small>{}× · {} s</small></td>", escaped(&cost), escaped(&age))
}
