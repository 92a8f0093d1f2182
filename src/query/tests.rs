use super::{ask::ask, objects::objects_in_order, rows::rows, trouble::Trouble};
use crate::pipeline::{
    catalog::{Catalog, LoaderEntry, RawEntry},
    object_stores::open_store,
    raw::{Format, RawSection, encode_payloads, object_path},
    warehouse::LoaderSection,
};
use bytes::Bytes;
use datafusion::arrow::{
    array::{AsArray, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Float64Type, Schema},
};
use deltalake_core::{DeltaTable, protocol::SaveMode};
use object_store::ObjectStoreExt;
use std::{path::Path, sync::Arc, time::Duration};

const TRIPS: [&str; 3] = [
    "{\"_id\":{\"$oid\":\"a\"},\"travel_time\":12,\"idplug_Station\":7,\"note\":null}",
    "{\"_id\":{\"$oid\":\"b\"},\"travel_time\":3.5,\"idplug_Station\":9,\"zip\":28001}",
    "{\"_id\":{\"$oid\":\"c\"},\"travel_time\":100,\"idplug_Station\":7,\"zip\":\"28-001\"}",
];

fn raw_entry(format: Format, path: &str) -> RawEntry {
    let section = serde_json::json!({ "store": "file://raw", "format": format, "path": path });
    RawEntry::new(&serde_json::from_value::<RawSection>(section).unwrap(), "trips")
}

fn loader_entry() -> LoaderEntry {
    let section = serde_json::json!({ "warehouse": "file://warehouse", "table": "trips" });
    LoaderEntry::new(&serde_json::from_value::<LoaderSection>(section).unwrap())
}

/// A data folder with a raw node for each format, named for it, and a loader of table `trips`.
fn lake() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let raw = [
        ("lines", raw_entry(Format::JsonLines, "{stream}/plain")),
        ("gzip", raw_entry(Format::JsonLinesGzip, "{stream}/{date}/{hour}")),
        ("long-rides", raw_entry(Format::JsonLinesZstd, "year={year}/day={day}/{shard}/{stream}")),
        ("columns", raw_entry(Format::Parquet, "{stream}/{date}")),
    ];
    let raw = raw.map(|(name, entry)| (name.to_owned(), entry));
    Catalog::update(data.path(), raw, [("facts".to_owned(), loader_entry())]).unwrap();
    data
}

async fn put(data: &Path, format: Format, folder: &str, first: u64, payloads: &[&str]) {
    let opened = open_store("file://raw", data).unwrap();
    let last = first + payloads.len() as u64 - 1;
    let at = format!("{}/{}", opened.prefix, object_path(folder, 0, (first, last), None, format));
    let bytes = encode_payloads(format, payloads);
    opened.store.put(&at.into(), Bytes::from(bytes).into()).await.unwrap();
}

async fn load(data: &Path, address: &str) {
    let origin = Arc::new(StringArray::from(vec!["north", "south", "north"]));
    let seconds = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let rows = RecordBatch::try_from_iter([("origin", origin as _), ("seconds", seconds as _)]).unwrap();
    let url = open_store(address, data).unwrap().url;
    let table = DeltaTable::try_from_url(url).await.unwrap();
    table.write([rows]).with_save_mode(SaveMode::Append).await.unwrap();
}

async fn json(data: &Path, sql: &str) -> String {
    ask(data, sql).await.unwrap().json_lines().unwrap()
}

async fn fault(data: &Path, sql: &str) -> String {
    ask(data, sql).await.unwrap_err().to_string()
}

#[tokio::test]
async fn raw_objects_of_every_format_answer() {
    let data = lake();
    put(data.path(), Format::JsonLines, "trips/plain", 0, &TRIPS[..2]).await;
    put(data.path(), Format::JsonLines, "trips/plain", 2, &TRIPS[2..]).await;
    put(data.path(), Format::JsonLinesGzip, "trips/2019-06-01/22", 0, &TRIPS).await;
    let folder = "year=2019/day=01/shardId-000000000000/trips";
    put(data.path(), Format::JsonLinesZstd, folder, 0, &TRIPS).await;
    put(data.path(), Format::Parquet, "trips/2019-06-01", 0, &TRIPS).await;
    for table in ["raw.lines", "raw.gzip", "raw.long_rides", "raw.\"long-rides\""] {
        let sql = format!("select count(*) as n, sum(travel_time) as t from {table}");
        assert_eq!(json(data.path(), &sql).await, "{\"n\":3,\"t\":115.5}\n", "{table}");
        let sql =
            format!("select _id['$oid'] as id, zip from {table} where \"idplug_Station\" = 7 order by 1");
        assert_eq!(
            json(data.path(), &sql).await,
            "{\"id\":\"a\",\"zip\":null}\n{\"id\":\"c\",\"zip\":\"28-001\"}\n"
        );
        let sql = format!("select count(*) as n from {table}");
        assert_eq!(json(data.path(), &sql).await, "{\"n\":3}\n");
        assert_eq!(
            json(data.path(), &format!("select 1 as one from {table} limit 2")).await.lines().count(),
            2
        );
    }
    let sql = "select _shard, _sequence, _key, data from raw.columns order by _sequence limit 1";
    let line = json(data.path(), sql).await;
    let row: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((row["_sequence"].clone(), row["data"].clone()), (0.into(), TRIPS[0].into()));
}

#[tokio::test]
async fn objects_of_every_format_are_read_in_the_order_of_the_stream() {
    let data = lake();
    let fields = vec![Field::new("travel_time", DataType::Float64, true)];
    let columns = Arc::new(Schema::new(fields));
    let nodes = [
        ("lines", Format::JsonLines, "trips/plain"),
        ("gzip", Format::JsonLinesGzip, "trips/2019-06-01/22"),
        ("long-rides", Format::JsonLinesZstd, "year=2019/day=01/shardId-000000000000/trips"),
        ("columns", Format::Parquet, "trips/2019-06-01"),
    ];
    for (node, format, folder) in nodes {
        assert!(objects_in_order(data.path(), node).await.unwrap().is_empty());
        put(data.path(), format, folder, 2, &TRIPS[2..]).await;
        put(data.path(), format, folder, 0, &TRIPS[..2]).await;
        let mut read = Vec::new();
        for object in objects_in_order(data.path(), node).await.unwrap() {
            assert!(object.written_at_ms() > 0 && object.shard == 0, "{}", object.name());
            for batch in object.read(&columns).await.unwrap() {
                let seconds = batch.column(0).as_primitive::<Float64Type>();
                read.extend(seconds.values().iter().map(|seconds| (object.first, *seconds)));
            }
        }
        assert_eq!(read, [(0, 12.0), (0, 3.5), (2, 100.0)], "{node}");
    }
    let unknown = objects_in_order(data.path(), "silver").await.unwrap_err().to_string();
    assert!(unknown.contains("no raw node \"silver\"; known are columns, gzip"), "{unknown}");
}

#[tokio::test]
async fn rows_come_one_batch_after_the_other_and_only_of_what_reads() {
    let data = lake();
    load(data.path(), "file://warehouse/trips").await;
    let mut found = rows(data.path(), "select seconds from warehouse.trips").await.unwrap();
    let mut count = 0;
    while let Some(batch) = found.next().await.unwrap() {
        count += batch.num_rows();
    }
    assert_eq!(count, 3);
    for sql in ["show tables", "drop table warehouse.trips"] {
        assert!(matches!(rows(data.path(), sql).await.err().unwrap(), Trouble::Refused(_)), "{sql}");
    }
    let none = rows(data.path(), "select * from quarantine.trips").await.err().unwrap();
    assert!(matches!(none, Trouble::NothingYet(_)), "{none}");
}

#[tokio::test]
async fn objects_of_other_nodes_in_the_same_store_are_left_out() {
    let data = lake();
    put(data.path(), Format::JsonLinesGzip, "trips/2019-06-01/22", 0, &TRIPS[..1]).await;
    put(data.path(), Format::JsonLinesGzip, "others/2019-06-01/22", 0, &TRIPS).await;
    put(data.path(), Format::JsonLinesGzip, "trips/2019-06-01", 0, &TRIPS).await;
    assert_eq!(json(data.path(), "select count(*) as n from raw.gzip").await, "{\"n\":1}\n");
}

#[tokio::test]
async fn a_node_is_answered_with_what_it_wrote_before_its_section_was_changed() {
    let data = lake();
    put(data.path(), Format::JsonLinesGzip, "trips/2019-06-01/22", 0, &TRIPS).await;
    put(data.path(), Format::Parquet, "trips/2019-06-01", 0, &TRIPS).await;
    let changed = [
        ("gzip".to_owned(), raw_entry(Format::JsonLines, "{stream}/{year}")),
        ("columns".to_owned(), raw_entry(Format::Parquet, "{year}/{stream}")),
    ];
    Catalog::update(data.path(), changed, []).unwrap();
    put(data.path(), Format::JsonLines, "trips/2019", 3, &TRIPS[..2]).await;
    put(data.path(), Format::Parquet, "2019/trips", 3, &TRIPS[..2]).await;
    for table in ["raw.gzip", "raw.columns"] {
        let sql = format!("select count(*) as n from {table}");
        assert_eq!(json(data.path(), &sql).await, "{\"n\":5}\n", "{table}");
    }
}

#[tokio::test]
async fn warehouse_and_quarantine_answer() {
    let data = lake();
    load(data.path(), "file://warehouse/trips").await;
    load(data.path(), "file://warehouse/quarantine/trips").await;
    load(data.path(), "file://warehouse/quarantine/trips").await;
    let sql = "select origin, count(*) as n from warehouse.trips group by 1 order by 2 desc limit 5";
    assert_eq!(
        json(data.path(), sql).await,
        "{\"origin\":\"north\",\"n\":2}\n{\"origin\":\"south\",\"n\":1}\n"
    );
    assert_eq!(json(data.path(), "select count(*) as n from quarantine.trips").await, "{\"n\":6}\n");
    assert_eq!(json(data.path(), "select count(*) as n from trips").await, "{\"n\":3}\n");
    let sql = "with t as (select seconds from warehouse.trips) select sum(seconds) as s from t";
    assert_eq!(json(data.path(), sql).await, "{\"s\":6}\n");
    let answer = ask(data.path(), "select origin, seconds from warehouse.trips order by 2").await.unwrap();
    let table = answer.table(Duration::from_millis(12)).unwrap();
    assert!(table.contains("| north  | 1       |") && table.ends_with("3 rows in 0.012 s\n"), "{table}");
    assert_eq!(answer.csv().unwrap(), "origin,seconds\nnorth,1\nsouth,2\nnorth,3\n");
    assert!(json(data.path(), "describe warehouse.trips").await.contains("\"seconds\""));
    assert!(json(data.path(), "explain select * from warehouse.trips").await.contains("plan"));
}

#[tokio::test]
async fn nested_columns_are_json_in_csv() {
    let data = lake();
    put(data.path(), Format::JsonLines, "trips/plain", 0, &TRIPS[..1]).await;
    let answer = ask(data.path(), "select _id, note from raw.lines").await.unwrap();
    assert_eq!(answer.csv().unwrap(), "_id,note\n\"{\"\"$oid\"\":\"\"a\"\"}\",\n");
    let none = ask(data.path(), "select _id, note from raw.lines where travel_time < 0").await.unwrap();
    assert_eq!(none.csv().unwrap(), "_id,note\n");
    assert!(none.table(Duration::ZERO).unwrap().contains("0 rows"));
}

#[tokio::test]
async fn tables_are_listed_without_being_opened() {
    let data = lake();
    let tables = json(data.path(), "show tables").await;
    assert_eq!(tables.lines().count(), 6, "{tables}");
    assert!(tables.contains("\"table\":\"long-rides\""), "{tables}");
}

#[tokio::test]
async fn what_is_not_there_yet_is_said_so() {
    let data = lake();
    assert!(
        fault(data.path(), "select * from raw.lines")
            .await
            .contains("nothing has been written to raw.lines yet")
    );
    assert!(fault(data.path(), "select * from warehouse.trips").await.contains("no row was loaded"));
    assert!(fault(data.path(), "select * from quarantine.trips").await.contains("no record was rejected"));
    let empty = tempfile::tempdir().unwrap();
    assert!(
        fault(empty.path(), "select * from raw.lines")
            .await
            .contains("nothing has run with this data folder")
    );
}

#[tokio::test]
async fn mistakes_are_answered_with_what_would_work() {
    let data = lake();
    put(data.path(), Format::JsonLines, "trips/plain", 0, &TRIPS).await;
    let unknown = fault(data.path(), "select * from raw.silver").await;
    assert!(unknown.contains("no table raw.silver") && unknown.contains("raw.lines"), "{unknown}");
    let unknown = fault(data.path(), "select * from silver.trips").await;
    assert!(unknown.contains("no table silver.trips") && unknown.contains("warehouse.trips"), "{unknown}");
    let capitals = fault(data.path(), "select idplug_Station from raw.lines").await;
    assert!(
        capitals.contains("write \"idplug_Station\" (names with capitals need double quotes)"),
        "{capitals}"
    );
    let near = fault(data.path(), "select travel_tme from raw.lines").await;
    assert!(near.contains("did you mean travel_time?") && near.contains("Columns: "), "{near}");
    let hyphen = fault(data.path(), "select * from raw.long-rides").await;
    assert!(hyphen.contains("raw.\"long-rides\""), "{hyphen}");
}

#[tokio::test]
async fn only_reading_is_answered() {
    let data = lake();
    load(data.path(), "file://warehouse/trips").await;
    for sql in [
        "drop table warehouse.trips",
        "delete from warehouse.trips",
        "insert into warehouse.trips values ('x', 1)",
        "create table t as select 1",
        "create external table t stored as csv location '/tmp/x'",
        "copy (select 1) to '/tmp/x.csv'",
        "set datafusion.execution.batch_size = 1",
        "explain insert into warehouse.trips values ('x', 1)",
        "select 1; select 2",
    ] {
        let error = ask(data.path(), sql).await.unwrap_err();
        assert!(matches!(error, Trouble::Refused(_)), "{sql}: {error}");
    }
    assert_eq!(json(data.path(), "select count(*) as n from trips").await, "{\"n\":3}\n");
}
