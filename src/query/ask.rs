//! From a statement to its answer.

use super::{answer::Answer, lake::Lake, statement::Asked, tables, trouble::Trouble};
use crate::pipeline::catalog::Catalog;
use std::path::Path;

/// Answers one statement. A file that compaction has removed since the tables were listed is no
/// reason to fail: the tables are listed again, once.
///
/// # Errors
/// See [`Trouble`].
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
