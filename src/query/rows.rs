//! Rows of a select as they come, for answers too long to be held.

use super::{lake::Lake, statement::Asked, trouble::Trouble};
use crate::pipeline::catalog::Catalog;
use datafusion::{
    arrow::array::RecordBatch, arrow::datatypes::SchemaRef, execution::SendableRecordBatchStream,
};
use futures::StreamExt;
use std::path::Path;

/// The batches of an answer.
pub struct Rows {
    stream: SendableRecordBatchStream,
    sql: String,
}

/// Begins to answer a select. What a compaction removes meanwhile is told as [`Trouble::Vanished`]: ask again.
///
/// # Errors
/// See [`Trouble`].
pub async fn rows(data: &Path, sql: &str) -> Result<Rows, Trouble> {
    let Asked::Query(statement) = Asked::read(sql)? else {
        return Err(Trouble::Refused("only a select has rows that are read as they come".to_owned()));
    };
    let stream = Lake::new(Catalog::load(data)?, data).rows(*statement).await?;
    Ok(Rows { stream, sql: sql.to_owned() })
}

impl Rows {
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next rows; nothing at the end.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, Trouble> {
        self.stream.next().await.transpose().map_err(|error| Trouble::of(error, &self.sql))
    }
}
