use super::{
    super::{
        journal::Journal,
        judge::Judge,
        table::{Covered, Particulars, Table},
        upkeep,
    },
    bench::{Bench, NODE, section},
};
use crate::pipeline::{Retire, Tally, object_stores::open_store, rules::RejectRule};
use std::collections::BTreeMap;

const SQL: &str = "select id, v, cast(at as timestamp) as at from input where coalesce(v, 0) <> 7";
const SHORT: (&str, &str) = ("v < 3", "too short");

fn record(id: usize, v: usize) -> Vec<u8> {
    format!("{{\"id\": {id}, \"v\":{v}, \"at\":\"2019-06-01T00:00:00.000+0200\"}}").into_bytes()
}

async fn append(bench: &Bench, shard: u32, ids: std::ops::Range<usize>) {
    let records: Vec<Vec<u8>> = ids.map(|id| record(id, id % 10)).collect();
    bench.append(shard, &records.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_a_row_or_quarantined_or_filtered_and_the_totals_agree() {
    let bench = Bench::new(2).await;
    append(&bench, 0, 0..100).await;
    append(&bench, 1, 100..250).await;
    bench.append(1, &[b"[1]", b"{\"id\": 900, \"v\": \"abc\"}", b"\xff\xfe"]).await;
    let progress = bench.load(&section(SQL, &[SHORT]), None).await.unwrap();
    assert_eq!(bench.tally(), Tally { finished: 150, quarantined: 78, filtered: 25 });
    assert_eq!(progress.processed.load(std::sync::atomic::Ordering::Relaxed), 253);
    let sums = "select count(*), count(distinct id), sum(v), min(at) from trips";
    assert_eq!(bench.query(sums).await, "150|150|875|2019-05-31T22:00:00Z");
    let reasons =
        "select reason, count(*), count(payload_bytes) from aside group by 1 order by 2 desc, 1 limit 1";
    assert_eq!(bench.query(reasons).await, "too short|75|0");
    let others = bench.query("select payload, payload_bytes, key, _shard, _sequence from aside where reason <> 'too short' order by _sequence").await;
    assert_eq!(others, "[1]||key|1|150\n{\"id\": 900, \"v\": \"abc\"}||key|1|151\n|fffe|key|1|152");
    let original = bench.query("select payload from aside where _shard = 0 and _sequence = 1").await;
    assert_eq!(original.as_bytes(), record(1, 1));
    let names = bench.table("trips").await;
    let names: Vec<String> = names
        .snapshot()
        .unwrap()
        .snapshot()
        .arrow_schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    assert_eq!(names, ["id", "v", "at", "_shard", "_sequence"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_tables_commit_and_the_checkpoint_loads_nothing_twice() {
    let bench = Bench::new(2).await;
    let rules = section(SQL, &[SHORT]);
    bench.load(&rules, None).await.unwrap();
    append(&bench, 0, 0..100).await;
    append(&bench, 1, 100..130).await;
    let copy = bench.copy_log();
    bench.load(&rules, None).await.unwrap();
    let tally = bench.tally();
    let bench = bench.back_to(copy, 2).await;
    assert_eq!(bench.tally(), Tally::default());
    append(&bench, 1, 130..150).await;
    bench.load(&rules, None).await.unwrap();
    let rows = "select count(*), count(distinct id), count(distinct _sequence * 2 + _shard) from trips";
    assert_eq!(bench.query(rows).await, "90|90|90");
    assert_eq!(bench.query("select count(*), count(distinct payload) from aside").await, "45|45");
    assert_eq!(tally, Tally { finished: 78, quarantined: 39, filtered: 13 });
    assert_eq!(bench.tally(), Tally { finished: 90, quarantined: 45, filtered: 15 });
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_changed_within_a_begun_commit_do_not_lose_a_record_between_two_tables() {
    let bench = Bench::new(1).await;
    let before = section(SQL, &[SHORT]);
    bench.load(&before, None).await.unwrap();
    append(&bench, 0, 0..100).await;
    let judge = Judge::new(&before.sql, &before.reject, None).unwrap();
    let (_switch, retire) = Retire::pair();
    let journal = Journal::new(bench.store.clone(), NODE.into(), retire);
    journal.intend(&judge, BTreeMap::from([(0, 100)])).await.unwrap();
    let copy = bench.copy_log();
    bench.load(&before, None).await.unwrap();
    // The crash comes before the rejects were committed.
    std::fs::remove_dir_all(bench.folder.path().join("warehouse/quarantine")).unwrap();
    let bench = bench.back_to(copy, 1).await;
    append(&bench, 0, 100..200).await;
    bench.load(&section(SQL, &[]), None).await.unwrap();
    assert_eq!(bench.query("select count(*), count(distinct id) from trips").await, "150|150");
    assert_eq!(bench.query("select count(*), max(_sequence) from aside").await, "30|92");
    assert_eq!(bench.tally(), Tally { finished: 150, quarantined: 30, filtered: 20 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_begins_again_is_not_taken_for_the_old_one() {
    let bench = Bench::new(1).await;
    let rules = section("select id from input", &[]);
    append(&bench, 0, 0..10).await;
    bench.load(&rules, None).await.unwrap();
    let empty = bench.folder.path().join("other");
    let bench = bench.back_to(empty, 1).await;
    append(&bench, 0, 10..20).await;
    bench.load(&rules, None).await.unwrap();
    assert_eq!(bench.query("select count(*), count(distinct id) from trips").await, "20|20");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_are_appended_once() {
    let bench = Bench::new(1).await;
    append(&bench, 0, 0..10).await;
    let judge = Judge::new("select id from input", &[] as &[RejectRule], None).unwrap();
    let id = bench.stream.shard(0).unwrap().id;
    let records = bench.store.read(id, 0, 100, 1 << 20).await.unwrap().records;
    let rows = judge.judge(0, records).await.unwrap().rows.remove(0);
    let warehouse = open_store("file://warehouse", bench.folder.path()).unwrap();
    let open = || Table::new(&warehouse, "trips", "caudal/x".to_owned(), Particulars::default()).unwrap();
    let mut table = open();
    assert_eq!(table.append(&[rows.slice(0, 4)], &Covered::from([(0, 3)])).await.unwrap(), 4);
    assert_eq!(table.append(&[rows.slice(0, 4)], &Covered::from([(0, 3)])).await.unwrap(), 0);
    let mut other = open();
    assert_eq!(other.append(std::slice::from_ref(&rows), &Covered::from([(0, 9)])).await.unwrap(), 6);
    // The first handle is behind: it finds out by the conflict and takes nothing twice.
    assert_eq!(table.append(&[rows], &Covered::from([(0, 9)])).await.unwrap(), 0);
    assert_eq!(bench.query("select count(*), count(distinct id) from trips").await, "10|10");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_fields_become_columns_and_values_that_do_not_fit_are_quarantined() {
    let bench = Bench::new(1).await;
    let rules = section("select * from input", &[]);
    bench.append(0, &[b"{\"a\":1,\"later\":null,\"o\":{\"x\":1}}"]).await;
    bench.load(&rules, None).await.unwrap();
    let more: [&[u8]; 5] = [
        b"{\"a\":2,\"later\":\"now\",\"o\":{\"x\":2,\"y\":[1.5]}}",
        b"{\"a\":2.5}",
        b"{\"a\":\"3\"}",
        b"{\"a\":\"three\"}",
        b"{\"a\":4,\"A\":5,\"b c\":true}",
    ];
    bench.append(0, &more).await;
    bench.load(&rules, None).await.unwrap();
    let rows = "select a, later, o['x'], o['y'], \"b_c\" from trips order by _sequence";
    assert_eq!(bench.query(rows).await, "1||1||\n2|now|2|[1.5]|\n3||||");
    let reasons = bench.query("select reason from aside order by _sequence").await;
    let reasons: Vec<&str> = reasons.lines().collect();
    assert_eq!(reasons[..2], ["column a: 2.5 is no whole number", "column a: three is no whole number"]);
    assert!(reasons[2].contains("differs by case only"), "{reasons:?}");
    assert_eq!(bench.tally(), Tally { finished: 3, quarantined: 3, filtered: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_on_the_edge_filters_and_what_it_cannot_judge_is_quarantined() {
    let bench = Bench::new(1).await;
    append(&bench, 0, 0..20).await;
    bench.append(0, &[b"7"]).await;
    bench.load(&section("select id from input", &[]), Some("v >= 5")).await.unwrap();
    assert_eq!(bench.tally(), Tally { finished: 10, quarantined: 1, filtered: 10 });
}

#[tokio::test(flavor = "multi_thread")]
async fn care_joins_small_files_and_removes_them_without_touching_rows() {
    let bench = Bench::new(1).await;
    let rules = section("select id, v from input", &[]);
    for part in 0..6 {
        append(&bench, 0, part * 50..(part + 1) * 50).await;
        bench.load(&rules, None).await.unwrap();
    }
    let warehouse = open_store("file://warehouse", bench.folder.path()).unwrap();
    let mut table = Table::new(&warehouse, "trips", "caudal/x".to_owned(), Particulars::default()).unwrap();
    table.refresh().await.unwrap();
    assert_eq!(table.files(), 6);
    let mut compact = rules.compact.clone();
    compact.vacuum_after = "0s".parse().unwrap();
    let cared = upkeep::care(&mut table, &compact).await.unwrap();
    assert_eq!((cared.joined, table.files()), (6, 1));
    let again = upkeep::care(&mut table, &compact).await.unwrap();
    assert_eq!((cared.removed, again.removed), (6, 0), "{cared:?} {again:?}");
    append(&bench, 0, 300..350).await;
    bench.load(&rules, None).await.unwrap();
    assert_eq!(bench.query("select count(*), count(distinct id) from trips").await, "350|350");
    let left = std::fs::read_dir(bench.folder.path().join("warehouse/trips")).unwrap();
    let left =
        left.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "parquet"));
    assert_eq!(left.count(), 2);
}
