//! The measures of the outcomes on one trace, as a table of a page.

use super::{
    chart::{escaped, number},
    shown::Shown,
};
use crate::simulation::{Outcome, Score};
use std::fmt::Write;

/// A column: its heading, what it means, and how it is read from a score.
struct Column {
    heading: &'static str,
    about: &'static str,
    value: fn(&Score) -> Option<f64>,
    unit: &'static str,
}

const COLUMNS: [Column; 14] = [
    Column {
        heading: "reaction",
        about: "from a sudden rise of the load to the first new worker in service",
        value: |score| score.reaction,
        unit: "s",
    },
    Column {
        heading: "drain",
        about: "from a sudden rise until the oldest record stays under the goal",
        value: |score| score.drain,
        unit: "s",
    },
    Column {
        heading: "p99 age",
        about: "age that the oldest record exceeds for 1 % of the time",
        value: |score| Some(score.p99_age),
        unit: "s",
    },
    Column {
        heading: "max age",
        about: "greatest age of the oldest record",
        value: |score| Some(score.max_age),
        unit: "s",
    },
    Column {
        heading: "cost",
        about: "worker-seconds over those of an oracle that knows the trace",
        value: |score| Some(score.cost_ratio),
        unit: "×",
    },
    Column {
        heading: "futile",
        about: "cost ratio while the sink takes less than what arrives",
        value: |score| score.futile,
        unit: "×",
    },
    Column {
        heading: "over",
        about: "share of the time with more than 110 % of the workers needed",
        value: |score| Some(score.over * 100.0),
        unit: "%",
    },
    Column {
        heading: "under",
        about: "share of the time with less than 95 % of the workers needed",
        value: |score| Some(score.under * 100.0),
        unit: "%",
    },
    Column {
        heading: "changes",
        about: "changes of what is ordered, per hour",
        value: |score| Some(score.actions_per_hour),
        unit: "/h",
    },
    Column {
        heading: "reversals",
        about: "changes of direction, per hour",
        value: |score| Some(score.reversals_per_hour),
        unit: "/h",
    },
    Column {
        heading: "idle tail",
        about: "from a sudden fall of the load to 110 % of the workers then needed",
        value: |score| score.idle_tail,
        unit: "s",
    },
    Column {
        heading: "estimate",
        about: "error of the workers it reckons with while the load is steady, 95th percentile",
        value: |score| score.estimator_error.map(|share| share * 100.0),
        unit: "%",
    },
    Column {
        heading: "restart",
        about: "greatest change of what is ordered in the minute after a restart of the supervisor",
        value: |score| score.amnesia.map(|share| share * 100.0),
        unit: "%",
    },
    Column {
        heading: "handed back",
        about: "records handed back by workers that left, of those finished",
        value: |score| Some(score.lost_to_scale_in * 100.0),
        unit: "%",
    },
];

/// One row for each sizing; columns that no outcome has are left out.
pub fn scores(shown: &Shown) -> String {
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
        row(&mut out, outcome, &columns);
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn row(out: &mut String, outcome: &Outcome, columns: &[&Column]) {
    let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&outcome.sizing));
    for column in columns {
        let value = (column.value)(&outcome.score).map_or_else(|| "–".to_owned(), number);
        let _ = write!(out, "<td>{}</td>", escaped(&value));
    }
    out.push_str("</tr>\n");
}
