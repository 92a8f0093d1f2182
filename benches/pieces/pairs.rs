//! A piece and its limit, measured one after the other in the same run.

use super::figures::{Figures, Row, Time};
use criterion::{Bencher, Criterion, Throughput};
use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Names of the two measurements of a group.
const PIECE: &str = "caudal";
const LIMIT: &str = "limit";

/// What a measurement is of.
#[derive(Clone, Copy)]
pub struct Pair {
    /// Begins with the word that picks it.
    pub piece: &'static str,
    /// What the limit does.
    pub limit: &'static str,
    /// In one iteration of the piece, and of the limit too.
    pub records: usize,
    pub bytes: usize,
}

pub struct Pairs {
    criterion: Criterion,
    results: PathBuf,
    begun: SystemTime,
    rows: Vec<Row>,
}

impl Pairs {
    pub fn new(criterion: Criterion, results: PathBuf) -> Self {
        Self { criterion, results, begun: SystemTime::now(), rows: Vec::new() }
    }

    /// Measures the limit first, then the piece.
    pub fn measure(
        &mut self,
        pair: Pair,
        limit: impl FnMut(&mut Bencher<'_>),
        piece: impl FnMut(&mut Bencher<'_>),
    ) {
        let Pair { records, bytes, .. } = pair;
        let mut group = self.criterion.benchmark_group(pair.piece);
        group.throughput(Throughput::ElementsAndBytes { elements: records as u64, bytes: bytes as u64 });
        group.bench_function(LIMIT, limit);
        group.bench_function(PIECE, piece);
        group.finish();
        let time = |what: &str| time_of(&self.results.join(pair.piece).join(what), self.begun);
        // What a word of the command line leaves out is in no table.
        if let (Some(limit), Some(piece)) = (time(LIMIT), time(PIECE)) {
            self.rows.push(Row { pair, piece, limit });
        }
    }

    /// Prints the table, writes the file and says where it is.
    pub fn tell(self) {
        self.criterion.final_summary();
        if self.rows.is_empty() {
            return;
        }
        let (figures, path) = (Figures { rows: self.rows }, self.results.join("pieces.json"));
        print!("{}{}", figures.table(), figures.lines());
        std::fs::write(&path, figures.json()).expect("pieces.json");
        println!("\n{}", path.display());
    }
}

/// The median of what criterion measured in this run, with its confidence interval of 95 %.
fn time_of(measurement: &Path, begun: SystemTime) -> Option<Time> {
    let path = measurement.join("new/estimates.json");
    if path.metadata().ok()?.modified().ok()? < begun {
        return None;
    }
    let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    let seconds = |nanoseconds: &serde_json::Value| Some(nanoseconds.as_f64()? / 1e9);
    Some(Time {
        median: seconds(&median["point_estimate"])?,
        least: seconds(&interval["lower_bound"])?,
        most: seconds(&interval["upper_bound"])?,
    })
}
