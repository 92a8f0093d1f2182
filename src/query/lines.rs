//! Reading the lines of an object, as they were written or compressed.

use crate::pipeline::raw::Format;
use bytes::Buf;
use bytes::Bytes;
use datafusion::arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::SchemaRef,
    error::ArrowError,
    json::ReaderBuilder,
};
use std::io::{self, BufRead, BufReader};

const BATCH_ROWS: usize = 8192;
const BUFFER: usize = 256 << 10;

/// The object's text; a crash never leaves half an object, so damage is an error.
pub fn text(format: Format, object: Bytes) -> io::Result<Box<dyn BufRead + Send>> {
    let object = object.reader();
    Ok(match format {
        Format::JsonLinesGzip => {
            Box::new(BufReader::with_capacity(BUFFER, flate2::read::MultiGzDecoder::new(object)))
        }
        Format::JsonLinesZstd => {
            Box::new(BufReader::with_capacity(BUFFER, zstd::stream::read::Decoder::new(object)?))
        }
        Format::JsonLines | Format::Parquet => Box::new(object),
    })
}

/// Reads an object's lines as batches of the columns given, until `take` wants no more.
///
/// # Errors
/// When the object is damaged, or a line does not fit the columns.
pub fn batches(
    text: Box<dyn BufRead + Send>,
    schema: &SchemaRef,
    mut take: impl FnMut(RecordBatch) -> bool,
) -> Result<(), ArrowError> {
    if schema.fields().is_empty() {
        // Only their number is asked for.
        let rows = RecordBatchOptions::new().with_row_count(Some(count(text)?));
        take(RecordBatch::try_new_with_options(schema.clone(), Vec::new(), &rows)?);
        return Ok(());
    }
    let reader = ReaderBuilder::new(schema.clone()).with_batch_size(BATCH_ROWS).with_coerce_primitive(true);
    for batch in reader.build(text)? {
        if !take(batch?) {
            break;
        }
    }
    Ok(())
}

fn count(mut text: Box<dyn BufRead + Send>) -> io::Result<usize> {
    let mut lines = 0;
    loop {
        let piece = text.fill_buf()?;
        if piece.is_empty() {
            return Ok(lines);
        }
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
        let read = piece.len();
        text.consume(read);
    }
}
