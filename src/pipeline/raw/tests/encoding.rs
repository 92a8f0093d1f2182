use crate::{
    pipeline::raw::{
        Format, PathTemplate,
        draft::{Draft, Judged, Shape},
        encode::Encoder,
    },
    storage::StoredRecord,
};
use bytes::Bytes;
use std::io::Read;

pub const FORMATS: [Format; 4] =
    [Format::JsonLines, Format::JsonLinesGzip, Format::JsonLinesZstd, Format::Parquet];
const HOUR: i64 = 3_600_000;

pub fn expand(format: Format, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        Format::JsonLines | Format::Parquet => out.extend_from_slice(bytes),
        Format::JsonLinesGzip => {
            flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
        }
        Format::JsonLinesZstd => out = zstd::stream::decode_all(bytes).unwrap(),
    }
    out
}

fn record(sequence: u64, arrived_at_ms: i64, payload: &str) -> Judged {
    let record = StoredRecord {
        sequence,
        arrived_at_ms,
        key: Bytes::from(format!("key-{sequence}")),
        attributes: Bytes::new(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        crc: 0,
        provenance: None,
    };
    Judged { record, keep: true }
}

/// Records with lengths from 20 bytes to 40 KiB, so that compressors' blocks end anywhere.
fn many(count: u64) -> Vec<Judged> {
    let payload = |n: u64| {
        let filler =
            "x".repeat(usize::try_from(n * 7919 % 40_000 * u64::from(n.is_multiple_of(50))).unwrap());
        format!("{{\"n\":{n},\"noise\":{},\"filler\":\"{filler}\"}}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    };
    (0..count).map(|n| record(n, i64::try_from(n).unwrap(), &payload(n))).collect()
}

fn shape(format: Format, roll_bytes: u64) -> Shape {
    let template = PathTemplate::parse("{stream}/{date}/{hour}").unwrap();
    Shape { stream: "trips".to_owned(), shard: 2, template, format, roll_bytes }
}

/// Fills one object, giving it records in pieces of the size given.
fn fill(format: Format, records: &[Judged], piece: usize) -> Vec<u8> {
    let mut draft = Draft::new(format, 0).unwrap();
    for piece in records.chunks(piece) {
        assert_eq!(draft.take(piece, &shape(format, u64::MAX)).unwrap(), (piece.len(), false));
    }
    draft.finish().unwrap()
}

#[test]
fn the_same_records_are_the_same_bytes_however_they_were_read() {
    let records = many(20_000);
    for format in FORMATS {
        let whole = fill(format, &records, records.len());
        for piece in [1, 7, 4096] {
            assert!(whole == fill(format, &records, piece), "{format:?} differs in pieces of {piece}");
        }
        let mut settled = Encoder::new(format).unwrap();
        records.iter().for_each(|judged| settled.push(2, &judged.record).unwrap());
        assert!(whole == settled.finish().unwrap(), "{format:?} differs when written again");
    }
}

#[test]
fn lines_are_the_payloads_byte_by_byte() {
    let payloads = [
        "{\"a\":1.00e2,\"a\":2,  \"b\" : \"\\u00e9é\\n\"}",
        "{\n  \"pretty\": [\r\n    1,\n    2\n  ]\n}",
        "\"text\"",
        "12",
    ];
    let lines = "{\"a\":1.00e2,\"a\":2,  \"b\" : \"\\u00e9é\\n\"}\n{   \"pretty\": [      1,     2   ] }\n\"text\"\n12\n";
    let records: Vec<Judged> = (0..).zip(payloads).map(|(n, payload)| record(n, 0, payload)).collect();
    for format in [Format::JsonLines, Format::JsonLinesGzip, Format::JsonLinesZstd] {
        let text = expand(format, &fill(format, &records, 1));
        assert_eq!(String::from_utf8(text).unwrap(), lines);
    }
    for (line, payload) in lines.lines().zip(payloads) {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(line), value(payload));
    }
}

#[test]
fn an_object_ends_with_the_record_that_reaches_its_size() {
    let records: Vec<Judged> = (0..10).map(|n| record(n, 0, "0123456789")).collect();
    let mut draft = Draft::new(Format::JsonLines, 0).unwrap();
    assert_eq!(draft.take(&records, &shape(Format::JsonLines, 25)).unwrap(), (3, true));
    assert_eq!((draft.next, draft.kept, draft.bytes), (3, 3, 30));
}

#[test]
fn an_object_ends_before_a_record_of_another_folder() {
    let mut records: Vec<Judged> =
        (0..4).map(|n| record(n, HOUR - 2 + i64::try_from(n).unwrap(), "1")).collect();
    let mut draft = Draft::new(Format::JsonLines, 0).unwrap();
    let shape = shape(Format::JsonLines, u64::MAX);
    assert_eq!(draft.take(&records, &shape).unwrap(), (2, true));
    assert_eq!(draft.folder(), Some("trips/1970-01-01/00"));
    let mut second = Draft::new(Format::JsonLines, 2).unwrap();
    assert_eq!(second.take(&records[2..], &shape).unwrap(), (2, false));
    assert_eq!(second.folder(), Some("trips/1970-01-01/01"));
    // A record that is left out belongs to no folder, so it cuts nothing.
    records[2].keep = false;
    records[3].keep = false;
    let mut filtered = Draft::new(Format::JsonLines, 0).unwrap();
    assert_eq!(filtered.take(&records, &shape).unwrap(), (4, false));
    assert_eq!((filtered.next, filtered.kept, filtered.filtered), (4, 2, 2));
}

#[test]
fn folders_without_a_time_hold_any_hour() {
    let records: Vec<Judged> = (0..5).map(|n| record(n, i64::try_from(n).unwrap() * HOUR, "1")).collect();
    let template = PathTemplate::parse("{stream}/all").unwrap();
    let shape = Shape { template, ..shape(Format::JsonLines, u64::MAX) };
    let mut draft = Draft::new(Format::JsonLines, 0).unwrap();
    assert_eq!(draft.take(&records, &shape).unwrap(), (5, false));
    assert_eq!(draft.folder(), Some("trips/all"));
}
