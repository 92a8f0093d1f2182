//! Records into the bytes of an object. The same records always give the same bytes, however many
//! came at a time: an object written again after a crash must not differ.

use super::{Format, columns::Columns};
use crate::storage::StoredRecord;
use datafusion::parquet::errors::ParquetError;
use flate2::{Compression, GzBuilder, write::GzEncoder};
use std::io::{self, Write};

const ZSTD_LEVEL: i32 = 3;

/// Why records could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("compressing: {0}")]
    Compress(#[from] io::Error),
    #[error("encoding Parquet: {0}")]
    Parquet(#[from] ParquetError),
    #[error("the encoder stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// An object being filled; it holds only what is already encoded.
pub struct Encoder {
    form: Form,
    /// One line at a time, so that compressors are fed alike whatever the reads were.
    line: Vec<u8>,
}

enum Form {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Parquet(Box<Columns>),
}

impl Encoder {
    /// # Errors
    /// When the format's encoder cannot be made.
    pub fn new(format: Format) -> Result<Self, EncodeError> {
        let form = match format {
            Format::JsonLines => Form::Plain(Vec::new()),
            // No time and no name in the header: the same records, the same bytes.
            Format::JsonLinesGzip => {
                Form::Gzip(GzBuilder::new().mtime(0).write(Vec::new(), Compression::default()))
            }
            Format::JsonLinesZstd => {
                let mut out = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                // An object that was taken elsewhere, without the checksums beside it, still shows damage.
                out.include_checksum(true)?;
                Form::Zstd(out)
            }
            Format::Parquet => Form::Parquet(Box::new(Columns::new()?)),
        };
        Ok(Self { form, line: Vec::new() })
    }

    /// # Errors
    /// See [`EncodeError`]; the encoder is of no use then.
    pub fn push(&mut self, shard: u32, record: &StoredRecord) -> Result<(), EncodeError> {
        self.line.clear();
        match &mut self.form {
            Form::Parquet(columns) => return Ok(columns.push(shard, record)?),
            Form::Plain(out) => write_line(out, &record.payload),
            Form::Gzip(out) => {
                write_line(&mut self.line, &record.payload);
                out.write_all(&self.line)?;
            }
            Form::Zstd(out) => {
                write_line(&mut self.line, &record.payload);
                out.write_all(&self.line)?;
            }
        }
        Ok(())
    }

    /// The whole object.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        match self.form {
            Form::Plain(out) => Ok(out),
            Form::Gzip(out) => Ok(out.finish()?),
            Form::Zstd(out) => Ok(out.finish()?),
            Form::Parquet(columns) => Ok(columns.finish()?),
        }
    }
}

/// One JSON value on one line: line breaks, which JSON allows only between tokens, become spaces;
/// every other byte stays as it came.
fn write_line(out: &mut Vec<u8>, payload: &[u8]) {
    let start = out.len();
    out.extend_from_slice(payload);
    for byte in out.iter_mut().skip(start) {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.push(b'\n');
}
