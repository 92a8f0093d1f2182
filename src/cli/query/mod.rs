//! `caudal query`: SQL over warehouse, quarantine and raw objects, beside a running daemon: it only
//! reads files and takes no lock.

mod answer;
mod lake;
mod lines;
mod raw_table;
mod sampling;
mod statement;
mod tables;
mod trouble;

#[cfg(test)]
mod tests;

use super::{QueryArguments, output::print};
use crate::{error::Failure, pipeline::catalog::Catalog};
use answer::Answer;
use lake::Lake;
use statement::Asked;
use std::{path::Path, time::Instant};
use trouble::Trouble;

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
    print(&answer.render(arguments.format, begun.elapsed())?)
}

/// Answers one statement. A file that compaction has removed since the tables were listed is no
/// reason to fail: the tables are listed again, once.
async fn ask(data: &Path, sql: &str) -> Result<Answer, Trouble> {
    match ask_once(data, sql).await {
        Err(Trouble::Vanished(_)) => ask_once(data, sql).await,
        outcome => outcome,
    }
}

async fn ask_once(data: &Path, sql: &str) -> Result<Answer, Trouble> {
    let asked = Asked::read(sql)?;
    let catalog = Catalog::load(data)?;
    match asked {
        Asked::Tables => tables::all(&catalog),
        Asked::Query(statement) => Lake::new(catalog, data).answer(*statement).await,
    }
}
