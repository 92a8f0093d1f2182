//! `caudal query`: SQL over warehouse, quarantine and raw objects, beside a running daemon.

use super::{QueryArguments, QueryFormat, output::print};
use crate::{
    error::Failure,
    query::{Answer, ask},
};
use std::time::{Duration, Instant};

/// Answers a query on standard output.
///
/// # Errors
/// Exit code 2 when the query cannot be asked, 1 when it cannot be answered.
pub(super) fn run(arguments: &QueryArguments) -> Result<(), Failure> {
    let data = arguments.data_folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::fault("starting to query", error))?;
    let begun = Instant::now();
    let answer = runtime.block_on(ask(&data, &arguments.sql)).map_err(Failure::from)?;
    print(&rendered(&answer, arguments.format, begun.elapsed())?)
}

fn rendered(answer: &Answer, format: QueryFormat, took: Duration) -> Result<String, Failure> {
    let text = match format {
        QueryFormat::Table => answer.table(took),
        QueryFormat::Json => answer.json_lines(),
        QueryFormat::Csv => answer.csv(),
    };
    text.map_err(|error| Failure::fault("writing the answer", error))
}
