//! The charts of a run in a terminal.

use super::charts::Drawn;
use crate::{
    load::{outcome::Outcome, scenario::Thresholds},
    simulation::plot::chart::{Chart, Room, beside, text},
};

const LEAST_WIDTH: usize = 40;
const MOST_WIDTH: usize = 160;
/// From here on two charts stand side by side.
const WIDE: usize = 90;
const BETWEEN: usize = 4;
const ROWS: usize = 5;
/// Series that are left out: dots without colours tell few lines apart.
const LEFT_OUT: [&str; 4] = ["refused", "unsent", "p50", "max"];

/// Rate and latency, and what waits and who works where the target tells; no line is wider than `width` columns
/// (at least 40).
pub fn terminal(outcome: &Outcome, thresholds: &Thresholds, width: usize) -> String {
    if outcome.samples.is_empty() {
        return String::new();
    }
    let width = width.clamp(LEAST_WIDTH, MOST_WIDTH);
    let drawn = Drawn { outcome, thresholds };
    let mut charts = vec![(sparse("records per second", drawn.rate()), sparse("latency", drawn.latency()))];
    if outcome.daemon_samples().next().is_some() {
        charts.push((sparse("records that wait", drawn.backlog()), sparse("workers", drawn.workers())));
    }
    let mut lines = Vec::new();
    for (left, right) in charts {
        let room = |width| Room { width, up: ROWS, has_legend: true };
        if width < WIDE {
            lines.extend(text(&left, room(width)));
            lines.extend(text(&right, room(width)));
        } else {
            let half = (width - BETWEEN) / 2;
            lines.extend(beside(&text(&left, room(half)), &text(&right, room(half)), half + BETWEEN));
        }
        lines.push(String::new());
    }
    lines.join("\n")
}

/// With a title that leaves room for the names of series, and few of these.
fn sparse(title: &str, mut chart: Chart) -> Chart {
    title.clone_into(&mut chart.title);
    chart.series.retain(|series| !LEFT_OUT.contains(&series.name.as_str()));
    chart
}
