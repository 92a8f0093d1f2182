//! What the cursor of a page reads.

use crate::simulation::plot::chart::buckets;
use serde::Serialize;

/// Intervals of the values that the cursor shows.
const INTERVALS: usize = 300;

/// Values by interval, in groups that are shown or hidden together.
#[derive(Debug, Serialize)]
pub struct Readings {
    seconds: f64,
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    parts: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Part {
    before: String,
    after: String,
    values: Vec<Option<f64>>,
}

/// Values over time, and what is said before and after each.
#[derive(Debug)]
pub struct Told<'a> {
    pub before: &'a str,
    pub after: &'a str,
    pub points: &'a [(f64, f64)],
    /// Of an interval the largest value is told; otherwise the last.
    pub is_peak: bool,
}

impl Readings {
    pub fn new(seconds: f64) -> Self {
        Self { seconds, groups: Vec::new() }
    }

    /// Adds a group; one with the name of a series is hidden with it.
    pub fn add<'a>(&mut self, name: &str, told: impl IntoIterator<Item = Told<'a>>) {
        let parts = told.into_iter().map(|told| Part {
            before: told.before.to_owned(),
            after: told.after.to_owned(),
            values: buckets(told.points, self.seconds, INTERVALS)
                .into_iter()
                .map(|bucket| bucket.map(|seen| rounded(if told.is_peak { seen.most } else { seen.last })))
                .collect(),
        });
        let parts = parts.collect();
        self.groups.push(Group { name: name.to_owned(), parts });
    }

    /// As part of a page: no text in it can end the script that it lies in.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default().replace('<', "\\u003c")
    }
}

/// To a tenth, and small values to a hundredth.
fn rounded(value: f64) -> f64 {
    let parts = if value.abs() < 10.0 { 100.0 } else { 10.0 };
    (value * parts).round() / parts
}
