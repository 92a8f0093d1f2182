//! Outcomes in a terminal, without colours.

use super::{
    chart::{Room, beside, number, text, time},
    shown::{Shown, by_trace},
};
use crate::simulation::Outcome;

const LEAST_WIDTH: usize = 40;
const MOST_WIDTH: usize = 160;
/// From here on two charts stand side by side.
const WIDE: usize = 72;
const BETWEEN: usize = 4;
/// Rows of a picture: odd, so that a tick is in the middle.
const SMALL: usize = 5;
const MEDIUM: usize = 7;
const LARGE: usize = 9;

/// For each trace its arrivals, and for each sizing the workers it ordered and the age that came of it; no line
/// is wider than `width` columns (at least 40).
pub fn terminal(outcomes: &[Outcome], width: usize) -> String {
    let width = width.clamp(LEAST_WIDTH, MOST_WIDTH);
    let mut lines = Vec::new();
    for shown in by_trace(outcomes) {
        lines.push(ruled(&shown, width));
        lines.extend(text(&shown.arrivals(), Room { width, up: SMALL, has_legend: true }));
        match shown.outcomes.as_slice() {
            [only] => lines.extend(alone(&shown, only, width)),
            several => {
                for (place, outcome) in several.iter().enumerate() {
                    lines.extend(together(&shown, outcome, width, place == 0));
                }
            }
        }
        lines.push(String::new());
    }
    let mut out = lines.join("\n");
    out.push('\n');
    out
}

fn ruled(shown: &Shown, width: usize) -> String {
    let words = format!("── {} ── {}, goal {} s ", shown.trace, time(shown.seconds()), number(shown.goal()));
    let rest = width.saturating_sub(words.chars().count());
    fitted(&format!("{words}{}", "─".repeat(rest)), width)
}

fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn alone(shown: &Shown, outcome: &Outcome, width: usize) -> Vec<String> {
    let mut lines = text(&shown.workers_of(outcome), Room { width, up: LARGE, has_legend: true });
    lines.extend(text(&shown.age_of(outcome), Room { width, up: MEDIUM, has_legend: true }));
    lines.push(fitted(&caption(outcome), width));
    lines
}

fn together(shown: &Shown, outcome: &Outcome, width: usize, has_legend: bool) -> Vec<String> {
    let room = |width| Room { width, up: SMALL, has_legend };
    let mut lines = vec![String::new(), fitted(&caption(outcome), width)];
    let (workers, age) = (shown.workers_of(outcome), shown.age_of(outcome));
    if width < WIDE {
        lines.extend(text(&workers, room(width)));
        lines.extend(text(&age, room(width)));
    } else {
        let half = (width - BETWEEN) / 2;
        lines.extend(beside(&text(&workers, room(half)), &text(&age, room(half)), half + BETWEEN));
    }
    lines
}

fn caption(outcome: &Outcome) -> String {
    let score = &outcome.score;
    format!(
        "{}: cost ×{}, age p99 {} s, max {} s, {} changes/h",
        outcome.sizing,
        number(score.cost_ratio),
        number(score.p99_age),
        number(score.max_age),
        number(score.actions_per_hour.round())
    )
}
