//! What was measured, as a table and for machines.

use super::pairs::Pair;
use serde_json::{Value, json};
use std::fmt::Write;

/// Seconds for one iteration: the median, and where it lies with 95 % confidence.
#[derive(Clone, Copy)]
pub struct Time {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

pub struct Row {
    pub pair: Pair,
    pub piece: Time,
    pub limit: Time,
}

pub struct Figures {
    pub rows: Vec<Row>,
}

/// Small ones with more digits.
fn share(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.2}") }
}

impl Row {
    fn bytes_a_second(&self, time: Time) -> f64 {
        self.pair.bytes as f64 / time.median
    }

    fn records_a_second(&self, time: Time) -> f64 {
        self.pair.records as f64 / time.median
    }

    /// The piece's share of the limit's rate, and its bounds by the two confidence intervals.
    fn ratio(&self) -> [f64; 3] {
        let Self { piece, limit, .. } = self;
        [limit.median / piece.median, limit.least / piece.most, limit.most / piece.least]
    }

    fn json(&self) -> Value {
        let side = |time: Time| {
            json!({
                "seconds": time.median, "seconds_least": time.least, "seconds_most": time.most,
                "records_per_second": self.records_a_second(time), "bytes_per_second": self.bytes_a_second(time),
            })
        };
        let [ratio, least, most] = self.ratio();
        json!({
            "piece": self.pair.piece, "limit": self.pair.limit,
            "records": self.pair.records, "bytes": self.pair.bytes,
            "measured": side(self.piece), "at_limit": side(self.limit),
            "ratio": ratio, "ratio_least": least, "ratio_most": most,
        })
    }
}

impl Figures {
    pub fn table(&self) -> String {
        let mut table = format!(
            "\n{:<26} {:>11} {:>9} {:>9}  {:<24} the limit\n",
            "piece", "records/s", "MB/s", "limit", "ratio"
        );
        for row in &self.rows {
            let [ratio, least, most] = row.ratio().map(share);
            let ratio = format!("{ratio} ({least} to {most})");
            let mega = |time: Time| row.bytes_a_second(time) / 1e6;
            let records = row.records_a_second(row.piece);
            let Pair { piece, limit, .. } = row.pair;
            writeln!(
                table,
                "{piece:<26} {records:>11.0} {:>9.1} {:>9.1}  {ratio:<24} {limit}",
                mega(row.piece),
                mega(row.limit)
            )
            .expect("text");
        }
        table
    }

    /// A line for each, as `limits` tells it.
    pub fn lines(&self) -> String {
        let mut lines = String::from("\n");
        for row in &self.rows {
            let [ratio, least, most] = row.ratio().map(share);
            let (ours, limit) = (row.records_a_second(row.piece), row.records_a_second(row.limit));
            let piece = row.pair.piece;
            writeln!(
                lines,
                "{piece}: {ours:.0} records/s against {limit:.0} records/s at the limit: ratio {ratio} ({least} to {most}), no target"
            )
            .expect("text");
        }
        lines
    }

    /// One object; times in seconds for one iteration of `records` records with `bytes` bytes.
    pub fn json(&self) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        serde_json::to_string_pretty(&json!({"bench": "pieces", "pieces": rows})).expect("JSON") + "\n"
    }
}
