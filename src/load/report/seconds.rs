//! A run as a table of comma-separated values: a line for each second.

use crate::load::outcome::{NodeSample, Outcome, Sample};
use std::collections::BTreeSet;

/// What each second begins with.
const COLUMNS: [&str; 11] = [
    "second",
    "planned",
    "accepted",
    "refused",
    "unsent",
    "p50_seconds",
    "p99_seconds",
    "max_seconds",
    "behind_seconds",
    "memory_bytes",
    "processor_seconds",
];
/// What follows for each node.
const OF_NODE: [&str; 4] = ["backlog", "oldest_age_seconds", "desired", "in_service"];

/// The table, with names in its first line. What the target did not tell is left empty.
pub fn csv(outcome: &Outcome) -> String {
    let nodes: BTreeSet<&str> =
        outcome.daemon_samples().flat_map(|(_, sample)| sample.nodes.keys().map(String::as_str)).collect();
    let of_nodes = nodes.iter().flat_map(|node| OF_NODE.map(|what| quoted(&format!("{node}.{what}"))));
    let names = COLUMNS.into_iter().map(str::to_owned).chain(of_nodes);
    let mut text = names.collect::<Vec<String>>().join(",") + "\n";
    for sample in &outcome.samples {
        text.push_str(&line(sample, &nodes));
        text.push('\n');
    }
    text
}

fn line(sample: &Sample, nodes: &BTreeSet<&str>) -> String {
    let counts = [sample.planned, sample.accepted, sample.refused, sample.unsent];
    let times = [sample.p50, sample.p99, sample.max, sample.behind];
    let daemon = sample.daemon.as_ref();
    let of_daemon = [
        daemon.map(|daemon| daemon.memory_bytes.to_string()),
        daemon.map(|daemon| decimals(daemon.processor_seconds)),
    ];
    let of_nodes = nodes.iter().flat_map(|node| {
        let node = daemon.and_then(|daemon| daemon.nodes.get(*node));
        let of = |value: fn(&NodeSample) -> String| node.map(value).unwrap_or_default();
        [
            of(|node| decimals(node.backlog)),
            of(|node| decimals(node.oldest_age)),
            of(|node| node.desired.to_string()),
            of(|node| node.in_service.to_string()),
        ]
    });
    let cells = [decimals(sample.second)].into_iter();
    let cells = cells.chain(counts.map(|count| count.to_string())).chain(times.map(decimals));
    cells.chain(of_daemon.map(Option::unwrap_or_default)).chain(of_nodes).collect::<Vec<_>>().join(",")
}

/// To a microsecond, without zeros at the end.
fn decimals(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
