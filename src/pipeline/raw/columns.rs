//! Records as the rows of a Parquet file.

use crate::storage::StoredRecord;
use datafusion::{
    arrow::{
        array::{Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMillisecondBuilder},
        datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    },
    parquet::{
        arrow::ArrowWriter,
        basic::{Compression, ZstdLevel},
        errors::ParquetError,
        file::properties::WriterProperties,
    },
};
use std::{borrow::Cow, sync::Arc};

/// Rows and bytes that are gathered before they are encoded.
const GATHERED_ROWS: usize = 4096;
const GATHERED_BYTES: usize = 4 << 20;
/// Rows that readers may skip as one.
const GROUP_ROWS: usize = 131_072;

/// A Parquet file being filled: `_shard`, `_sequence`, `_arrived_at`, `_key` and `data`, the payload.
pub struct Columns {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    shard: Int32Builder,
    sequence: Int64Builder,
    arrived_at: TimestampMillisecondBuilder,
    key: StringBuilder,
    data: StringBuilder,
    rows: usize,
    bytes: usize,
}

/// The columns of a raw Parquet object.
fn schema() -> SchemaRef {
    let arrived_at = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("_shard", DataType::Int32, false),
        Field::new("_sequence", DataType::Int64, false),
        Field::new("_arrived_at", arrived_at, false),
        Field::new("_key", DataType::Utf8, false),
        Field::new("data", DataType::Utf8, false),
    ]))
}

/// A key as text; one that is not UTF-8 is written as `0x` and its bytes in hexadecimal.
fn readable(key: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(key) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let digits = key.iter().map(|byte| format!("{byte:02x}"));
            Cow::Owned(std::iter::once("0x".to_owned()).chain(digits).collect())
        }
    }
}

impl Columns {
    pub fn new() -> Result<Self, ParquetError> {
        let schema = schema();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by("caudal".to_owned())
            .build();
        Ok(Self {
            writer: ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?,
            schema,
            shard: Int32Builder::new(),
            sequence: Int64Builder::new(),
            arrived_at: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            key: StringBuilder::new(),
            data: StringBuilder::new(),
            rows: 0,
            bytes: 0,
        })
    }

    pub fn push(&mut self, shard: u32, record: &StoredRecord) -> Result<(), ParquetError> {
        self.shard.append_value(i32::try_from(shard).unwrap_or(i32::MAX));
        self.sequence.append_value(i64::try_from(record.sequence).unwrap_or(i64::MAX));
        self.arrived_at.append_value(record.arrived_at_ms);
        self.key.append_value(readable(&record.key));
        self.data.append_value(String::from_utf8_lossy(&record.payload));
        self.rows += 1;
        self.bytes += record.payload.len() + record.key.len();
        if self.rows >= GATHERED_ROWS || self.bytes >= GATHERED_BYTES {
            self.encode_rows()?;
        }
        Ok(())
    }

    fn encode_rows(&mut self) -> Result<(), ParquetError> {
        let rows = RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![
                Arc::new(self.shard.finish()),
                Arc::new(self.sequence.finish()),
                Arc::new(self.arrived_at.finish()),
                Arc::new(self.key.finish()),
                Arc::new(self.data.finish()),
            ],
        )?;
        (self.rows, self.bytes) = (0, 0);
        self.writer.write(&rows)
    }

    pub fn finish(mut self: Box<Self>) -> Result<Vec<u8>, ParquetError> {
        if self.rows > 0 {
            self.encode_rows()?;
        }
        self.writer.into_inner()
    }
}
