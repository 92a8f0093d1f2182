//! From the arguments to an answer on standard output.

use super::{answer::Answer, lake::Lake, statement::Asked, tables, trouble::Trouble};
use crate::{
    cli::{QueryArguments, output::print},
    error::Failure,
    pipeline::catalog::Catalog,
};
use std::{path::Path, time::Instant};

/// Answers a query on standard output.
///
/// # Errors
/// Exit code 2 when the query cannot be asked, 1 when it cannot be answered.
pub(in crate::cli) fn run(arguments: &QueryArguments) -> Result<(), Failure> {
    let data = arguments.data_folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::fault("starting to query", error))?;
    let begun = Instant::now();
    let answer = runtime.block_on(ask(&data, &arguments.sql)).map_err(Failure::from)?;
    print(&answer.render(arguments.format, begun.elapsed())?)
}

/// Answers one statement. A file that compaction has removed since the tables were listed is no
/// reason to fail: the tables are listed again, once.
pub async fn ask(data: &Path, sql: &str) -> Result<Answer, Trouble> {
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
