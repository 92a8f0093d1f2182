//! Raw objects of trips: Parquet against the same columns through the parquet crate alone, compressed lines
//! against zstd over the same bytes at one go.

use super::{
    pairs::{Pair, Pairs},
    trips::{ARRIVED_AT, Trip, payload_bytes, trips},
};
use bytes::Bytes;
use caudal::{
    pipeline::raw::{Encoder, Format},
    storage::StoredRecord,
};
use datafusion::{
    arrow::array::RecordBatch,
    parquet::{
        arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
        basic::{Compression, ZstdLevel},
        file::properties::WriterProperties,
    },
};
use std::hint::black_box;

const RECORDS: usize = 5_000;
/// As raw objects are compressed.
const ZSTD_LEVEL: i32 = 3;
/// Rows that raw objects hand to the crate at a time.
const ROWS: usize = 4_096;

fn stored(trips: &[Trip]) -> Vec<StoredRecord> {
    let record = |(sequence, trip): (u64, &Trip)| StoredRecord {
        sequence,
        arrived_at_ms: ARRIVED_AT,
        key: Bytes::from(trip.key.clone()),
        attributes: Bytes::new(),
        payload: Bytes::from(trip.payload.clone()),
        crc: 0,
        provenance: None,
    };
    (0..).zip(trips).map(record).collect()
}

fn encoded(format: Format, records: &[StoredRecord]) -> Vec<u8> {
    let mut encoder = Encoder::new(format).expect("encoder");
    for record in records {
        encoder.push(0, record).expect("record");
    }
    encoder.finish().expect("object")
}

/// The columns that a Parquet object was made of.
fn columns(object: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(object)).expect("Parquet");
    let reader = reader.with_batch_size(ROWS).build().expect("reader");
    reader.map(|batch| batch.expect("batch")).collect()
}

fn written(batches: &[RecordBatch]) -> Vec<u8> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("level");
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), Some(properties)).expect("writer");
    for batch in batches {
        writer.write(batch).expect("batch");
    }
    writer.into_inner().expect("object")
}

pub fn measure(pairs: &mut Pairs) {
    let trips = trips(RECORDS);
    let (records, bytes) = (stored(&trips), payload_bytes(&trips));
    let pair = |piece, limit| Pair { piece, limit, records: RECORDS, bytes };

    let batches = columns(encoded(Format::Parquet, &records));
    pairs.measure(
        pair("raw, Parquet", "the same columns, by the parquet crate"),
        |bencher| bencher.iter(|| written(black_box(&batches))),
        |bencher| bencher.iter(|| encoded(Format::Parquet, black_box(&records))),
    );

    let lines = trips.iter().flat_map(|trip| [trip.payload.as_slice(), b"\n"]);
    let lines: Vec<u8> = lines.flatten().copied().collect();
    pairs.measure(
        pair("raw, JSON lines with zstd", "zstd over all bytes at once"),
        |bencher| bencher.iter(|| zstd::bulk::compress(black_box(&lines), ZSTD_LEVEL).expect("object")),
        |bencher| bencher.iter(|| encoded(Format::JsonLinesZstd, black_box(&records))),
    );
}
