//! What a reload did, in lines for a person.

use crate::{
    supervisor::Applied,
    topology::{Changes, Fate, LeftReader, NodeChange},
};
use std::{fmt::Write as _, time::Duration};

/// A line for the whole, then one for each node that did not just run on.
pub(super) fn report(
    topology: &str,
    changes: &Changes,
    applied: &Applied,
    left: &[LeftReader],
    took: Duration,
) -> String {
    let mut lines = match applied.rolled_back.is_empty() {
        true => format!("reloaded {topology} in {:.1} s\n", took.as_secs_f64()),
        false => format!("a part of {topology} was rolled back, after {:.1} s\n", took.as_secs_f64()),
    };
    if !changes.topology.is_empty() {
        line(&mut lines, "changed", "topology", &changes.topology.join(", "));
    }
    let rolled_back = applied.rolled_back.iter().map(|(name, _)| name);
    let unsettled: Vec<&str> = rolled_back.chain(&applied.refreshing).map(|name| &**name).collect();
    let fates = [
        ("added", Fate::Added),
        ("replaced", Fate::Replaced),
        ("redefined", Fate::Redefined),
        ("rescaled", Fate::Rescaled),
        ("removed", Fate::Removed),
    ];
    for (word, fate) in fates {
        for node in changes.of(fate).filter(|node| !unsettled.contains(&node.node.as_str())) {
            let because = match (fate, node.fields.is_empty()) {
                (Fate::Replaced, true) => "as the reload before asked for".to_owned(),
                _ => node.fields.join(", "),
            };
            line(&mut lines, word, &named(node), &because);
        }
    }
    for name in &applied.refreshing {
        let told = format!("its workers are still being replaced or watched; see /pools/{name}/refreshes");
        line(&mut lines, "replacing", name, &told);
    }
    for (name, why) in &applied.rolled_back {
        line(&mut lines, "rolled back", name, &format!("{why}; it runs as before"));
    }
    for straggler in &applied.stragglers {
        let told = "did not end in time; what was held is still in the log";
        line(&mut lines, "cut off", &straggler.to_string(), told);
    }
    for reader in left {
        let told = format!(
            "has left with {} records unread, which are kept; put its node back, or drop it at the next start with --forget {}",
            reader.unread, reader.reader
        );
        line(&mut lines, "reader", &reader.reader, &told);
    }
    let kept = changes.of(Fate::Kept).count();
    let _ = writeln!(lines, "  {:<11} {kept} nodes", "kept");
    lines
}

fn named(node: &NodeChange) -> String {
    format!("{} {}", node.kind.name(), node.node)
}

fn line(lines: &mut String, word: &str, what: &str, told: &str) {
    let colon = if told.is_empty() { "" } else { ": " };
    // Writing to a string does not fail.
    let _ = writeln!(lines, "  {word:<11} {what}{colon}{told}");
}
