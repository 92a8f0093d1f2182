//! What the run was in the midst of: shaded ground and lines behind all series, names before them.

use super::{Plane, TOP, escaped};
use crate::simulation::plot::chart::{Mark, MarkKind};
use std::fmt::Write;

/// A fault of a moment is still seen.
const LEAST_WIDTH: f64 = 2.0;
/// About the width of a letter of a name.
const LETTER: f64 = 6.6;
/// Names of stages are in the first row, those of faults in the second.
const ROWS: [(MarkKind, f64); 2] = [(MarkKind::Stage, 11.0), (MarkKind::Fault, 25.0)];

/// What is drawn behind the series.
pub fn ground(out: &mut String, plane: &Plane, marks: &[Mark]) {
    for mark in marks {
        let (x, until) = (plane.x(mark.from), plane.x(mark.until));
        let (bottom, says) = (plane.bottom(), escaped(&mark.says));
        let _ = match mark.kind {
            MarkKind::Fault => writeln!(
                out,
                "<rect class=\"fault\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\">\
                 <title>{says}</title></rect>",
                (until - x).max(LEAST_WIDTH),
                bottom - TOP
            ),
            MarkKind::Stage => writeln!(
                out,
                "<line class=\"stage\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\">\
                 <title>{says}</title></line>"
            ),
        };
    }
}

/// Their names, as far as none stands on another.
pub fn names(out: &mut String, plane: &Plane, marks: &[Mark]) {
    for (kind, below) in ROWS {
        let class = if kind == MarkKind::Fault { "fault" } else { "stage" };
        let mut free_from = 0.0;
        for mark in marks.iter().filter(|mark| mark.kind == kind && !mark.name.is_empty()) {
            let width = mark.name.chars().count() as f64 * LETTER;
            let x = (plane.x(mark.from) + 4.0).min(plane.right() - width);
            if x < free_from {
                continue;
            }
            free_from = x + width + LETTER;
            let (name, says) = (escaped(&mark.name), escaped(&mark.says));
            let _ = writeln!(
                out,
                "<text class=\"name {class}\" x=\"{x:.1}\" y=\"{:.1}\"><title>{says}</title>{name}</text>",
                TOP + below
            );
        }
    }
}
