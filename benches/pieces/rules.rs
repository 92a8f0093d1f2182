//! SQL rules over a small batch of trips, against the same fields decoded from JSON to columns and nothing else.

use super::{
    pairs::{Pair, Pairs},
    trips::{ARRIVED_AT, Trip, payload_bytes, trips},
};
use bytes::Bytes;
use caudal::pipeline::rules::{InputRecord, RejectRule, Rulebook};
use datafusion::arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Fields, Schema, SchemaRef},
    json::ReaderBuilder,
};
use std::{hint::black_box, sync::Arc};

const RECORDS: usize = 1_000;
/// The loader of `topologies/bicimad.toml`.
const SQL: &str = r#"
select "_id"."$oid" as trip_id,
       idunplug_station as origin,
       idplug_station as destination,
       travel_time as seconds,
       cast("unplug_hourTime"."$date" as timestamp) as started_at
from input"#;

fn rulebook() -> Rulebook {
    let short = RejectRule { when: "seconds < 60".to_owned(), reason: "shorter than a minute".to_owned() };
    Rulebook::compile(SQL, &[short]).expect("rules")
}

fn input(trips: &[Trip]) -> Vec<InputRecord> {
    let record = |(sequence, trip): (u64, &Trip)| InputRecord {
        shard: 0,
        sequence,
        arrived_at_ms: ARRIVED_AT,
        key: Bytes::from(trip.key.clone()),
        payload: Bytes::from(trip.payload.clone()),
    };
    (0..).zip(trips).map(record).collect()
}

/// The fields that the SQL reads.
fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let whole = |name: &str| Field::new(name, DataType::Int64, true);
    let holding =
        |name: &str, inner: Field| Field::new(name, DataType::Struct(Fields::from(vec![inner])), true);
    Arc::new(Schema::new(vec![
        holding("_id", text("$oid")),
        whole("idunplug_station"),
        whole("idplug_station"),
        whole("travel_time"),
        holding("unplug_hourTime", text("$date")),
    ]))
}

fn decoded(records: &[InputRecord], schema: &SchemaRef) -> RecordBatch {
    let builder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(records.len());
    let mut decoder = builder.build_decoder().expect("decoder");
    for record in records {
        decoder.decode(&record.payload).expect("JSON");
    }
    decoder.flush().expect("columns").expect("a batch")
}

pub fn measure(pairs: &mut Pairs) {
    let trips = trips(RECORDS);
    let (records, schema, rulebook) = (input(&trips), schema(), rulebook());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    pairs.measure(
        Pair {
            piece: "rules, SQL over a batch",
            limit: "the fields out of JSON, by arrow-json",
            records: RECORDS,
            bytes: payload_bytes(&trips),
        },
        |bencher| {
            bencher.iter(|| {
                let batch = decoded(black_box(&records), &schema);
                assert_eq!(batch.num_rows(), RECORDS);
                batch
            });
        },
        |bencher| {
            bencher.iter(|| {
                let outcome = runtime.block_on(rulebook.apply(black_box(&records))).expect("outcome");
                assert_eq!(outcome.rows.num_rows() + outcome.rejected.len(), RECORDS);
                outcome
            });
        },
    );
}
