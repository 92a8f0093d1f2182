//! The pieces that a record passes through, each next to its limit: the least that any program would have to do
//! for the same bytes, such as a copy, a bare system call, or the same columns written by the library alone.
//!
//! `cargo bench --bench pieces` measures all of them within a minute and prints a table; words and options are
//! criterion's: `cargo bench --bench pieces -- append`, `-- --measurement-time 10`. The table is also written
//! for machines, into `criterion/pieces.json` of the target folder; it holds what this run measured.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench that cannot measure stops"
)]

mod append;
mod disk;
mod figures;
mod objects;
mod pairs;
mod parse;
mod queue;
mod read;
mod rules;
mod trips;

use criterion::Criterion;
use pairs::Pairs;
use std::{path::Path, time::Duration};

const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_millis(1_500);
const SAMPLES: usize = 20;
/// Of the bootstrap, which would take as long as the measurement by default.
const RESAMPLES: usize = 10_000;

fn main() {
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion");
    let criterion = Criterion::default()
        .without_plots()
        .output_directory(&results)
        .warm_up_time(WARM_UP)
        .measurement_time(MEASURED)
        .sample_size(SAMPLES)
        .nresamples(RESAMPLES)
        .configure_from_args();
    let mut pairs = Pairs::new(criterion, results);
    parse::measure(&mut pairs);
    rules::measure(&mut pairs);
    objects::measure(&mut pairs);
    read::measure(&mut pairs);
    append::measure(&mut pairs);
    queue::measure(&mut pairs);
    pairs.tell();
}
