//! From many clients to raw objects and tables: everything that was accepted, once, and nothing else.

use crate::support::{
    Bench, Client, Daemon, Health, Ledger, Table, Trip, Trips, array, lines, number_from_environment,
    placements,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const RECORDS: usize = 8_000;
const CLIENTS: usize = 4;
const READERS: [&str; 3] = ["bronze", "facts", "long-rides"];

/// All six kinds of node, with small rolls and commits so that a test need not wait for them.
const SIX_KINDS: &str = r#"
[topology]
name = "six-kinds"
drain_deadline = "40s"

[ingress.collector]
to = "trips"

[stream.trips]
shards = 4
partition_key = "/user_day_code"

[raw.bronze]
from = "trips"
store = "file://raw"
roll = { bytes = "256KiB", age = "200ms" }

[loader.facts]
from = "trips"
warehouse = "file://warehouse"
table = "trips"
sql = """
select "_id"."$oid" as trip_id, idunplug_station as origin, idplug_station as destination,
       travel_time as seconds, cast("unplug_hourTime"."$date" as timestamp) as started_at
from input"""
reject = [{ when = "seconds < 60", reason = "shorter than a minute" }]
commit = { bytes = "1MiB", age = "200ms" }
compact = { every = "2s" }

[queue.long-rides]
from = { node = "trips", where = "travel_time > 3600" }
visibility_timeout = "5s"
dead_letter = { queue = "long-rides-dlq", max_receives = 5 }

[workers.review]
from = "long-rides"
to = "reviewed"
scale = { min = 1, max = 3 }

[workers.review.run.rules]
sql = 'select "_id"."$oid" as trip_id, travel_time / 3600 as hours from input'

[loader.reviewed]
warehouse = "file://warehouse"
table = "long_rides"
commit = { bytes = "1MiB", age = "200ms" }
"#;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Posts a batch in one of the forms that clients use.
fn post(client: &mut Client, turn: usize, batch: &[Trip]) -> Vec<(i64, i64)> {
    let path = "/streams/trips/records";
    let answer = match turn {
        0 => client.post(path, &[("content-encoding", "gzip")], &gzip(&lines(batch))),
        1 => client.post(path, &[("content-type", "application/json")], &array(batch)),
        2 => {
            client.post(path, &[("content-encoding", "zstd")], &zstd::encode_all(&*lines(batch), 3).unwrap())
        }
        _ => client.post(path, &[("content-type", "application/x-ndjson")], &lines(batch)),
    };
    placements(&answer.unwrap())
}

fn client(daemon: &Daemon, mut trips: &[Trip], seed: u64, ledger: &Mutex<Ledger>) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut connection = daemon.ingress();
    for turn in 0.. {
        let (batch, rest) = trips.split_at(random.random_range(1..=250).min(trips.len()));
        ledger.lock().unwrap().sending(batch);
        let places = post(&mut connection, turn, batch);
        ledger.lock().unwrap().acknowledge(batch, &places);
        trips = rest;
        if trips.is_empty() {
            return;
        }
    }
}

fn post_by_many_clients(daemon: &Daemon, trips: &[Trip], seed: u64, ledger: &Mutex<Ledger>) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut checks = 0_u32;
            while !done.load(Ordering::Acquire) {
                let health = daemon.health();
                ledger.lock().unwrap().check_books(&health, &READERS);
                checks += 1;
                thread::sleep(Duration::from_millis(20));
            }
            checks
        });
        let shares = trips.chunks(trips.len().div_ceil(CLIENTS)).zip(seed..);
        let clients: Vec<_> =
            shares.map(|(share, seed)| scope.spawn(move || client(daemon, share, seed, ledger))).collect();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        done.store(true, Ordering::Release);
        assert!(watcher.join().unwrap() > 0);
        assert!(ended.iter().all(Result::is_ok), "a client failed");
    });
}

fn wait_until_settled(daemon: &Daemon, accepted: u64, long: u64) -> Health {
    daemon.wait_for("the end of every record", |health| {
        READERS.iter().all(|reader| health.tally(reader).sum() == accepted)
            && health.tally("reviewed").sum() == long
            && health.number("long-rides", "in_flight") == 0
    })
}

/// What a person with the input and a pencil would compute.
fn by_origin(trips: &[Trip]) -> BTreeMap<i64, (u64, i64)> {
    let mut totals = BTreeMap::new();
    for trip in trips.iter().filter(|trip| trip.seconds >= 60) {
        let entry: &mut (u64, i64) = totals.entry(trip.origin).or_default();
        entry.0 += 1;
        entry.1 += trip.seconds;
    }
    totals
}

fn stored_by_origin(table: &Table) -> BTreeMap<i64, (u64, i64)> {
    let mut totals = BTreeMap::new();
    for (origin, seconds) in table.numbers("origin").into_iter().zip(table.numbers("seconds")) {
        let entry: &mut (u64, i64) = totals.entry(origin).or_default();
        entry.0 += 1;
        entry.1 += seconds;
    }
    totals
}

fn check_stores(data: &Path, ledger: &Ledger, trips: &[Trip]) {
    ledger.check_places();
    assert_eq!(ledger.check_raw(&data.join("raw"), true), trips.len() as u64);
    let warehouse = data.join("warehouse");
    let (accepted, quarantined) = ledger.check_table(&warehouse, "trips", true, |_| true);
    let short = trips.iter().filter(|trip| trip.seconds < 60).count() as u64;
    assert_eq!((accepted, quarantined), (trips.len() as u64 - short, short));
    assert_eq!(stored_by_origin(&Table::read(&warehouse.join("trips"))), by_origin(trips));

    let reviewed = Table::read(&warehouse.join("long_rides"));
    let ids = reviewed.texts("trip_id");
    let once: BTreeSet<String> = ids.iter().cloned().collect();
    let long: BTreeSet<String> =
        trips.iter().filter(|trip| trip.seconds > 3_600).map(|trip| trip.id.clone()).collect();
    assert_eq!(ids.len(), once.len(), "a long ride was reviewed twice");
    assert_eq!(once, long, "the reviewed trips are the long ones");
}

fn check_counts(health: &Health, trips: &[Trip]) {
    let count = |condition: fn(&&Trip) -> bool| trips.iter().filter(condition).count() as u64;
    let short = count(|trip| trip.seconds < 60);
    let long = count(|trip| trip.seconds > 3_600);
    let all = trips.len() as u64;
    let facts = health.tally("facts");
    assert_eq!((facts.finished, facts.quarantined, facts.filtered), (all - short, short, 0));
    let bronze = health.tally("bronze");
    assert_eq!((bronze.finished, bronze.quarantined, bronze.filtered), (all, 0, 0));
    let queue = health.tally("long-rides");
    assert_eq!((queue.finished, queue.quarantined, queue.filtered), (long, 0, all - long));
}

fn check_queries(bench: &Bench, trips: &[Trip]) {
    let sql = "select origin, count(*) as rides, sum(seconds) as seconds from warehouse.trips group by 1 order by 1";
    let answered = bench.query(sql).into_iter();
    let totals: BTreeMap<i64, (u64, i64)> = answered
        .map(|row| {
            let totals = (row["rides"].as_u64().unwrap(), row["seconds"].as_i64().unwrap());
            (row["origin"].as_i64().unwrap(), totals)
        })
        .collect();
    assert_eq!(totals, by_origin(trips));
    let raw = bench.query("select count(*) as records from raw.bronze");
    assert_eq!(raw[0]["records"].as_u64(), Some(trips.len() as u64));
}

#[test]
fn every_accepted_record_ends_once_in_raw_and_once_in_warehouse_or_quarantine() {
    let seed = number_from_environment("CAUDAL_SEED", 20_190_601);
    println!("CAUDAL_SEED={seed}");
    let trips: Vec<Trip> = Trips::seeded(seed).take(RECORDS + 500).collect();
    let (first, second) = trips.split_at(RECORDS);
    let long = |trips: &[Trip]| trips.iter().filter(|trip| trip.seconds > 3_600).count() as u64;
    let bench = Bench::new(SIX_KINDS);
    let ledger = Mutex::new(Ledger::default());

    let daemon = bench.start();
    post_by_many_clients(&daemon, first, seed, &ledger);
    let health = wait_until_settled(&daemon, first.len() as u64, long(first));
    check_counts(&health, first);
    check_queries(&bench, first);
    daemon.stop();
    check_stores(&bench.data(), &ledger.lock().unwrap(), first);

    // A graceful restart goes on where the last run stopped.
    let daemon = bench.start();
    post_by_many_clients(&daemon, second, seed + 100, &ledger);
    let health = wait_until_settled(&daemon, trips.len() as u64, long(&trips));
    check_counts(&health, &trips);
    daemon.stop();
    check_stores(&bench.data(), &ledger.lock().unwrap(), &trips);
    let data = bench.data();
    let doctor = bench.verb(&["doctor", data.to_str().unwrap()]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}

#[test]
fn sigterm_drains_what_was_accepted() {
    let trips: Vec<Trip> = Trips::seeded(11).take(3_000).collect();
    // Nothing rolls or commits by itself within the test: only the drain can store it.
    let bench = Bench::new(&SIX_KINDS.replace("200ms", "10m"));
    let ledger = Mutex::new(Ledger::default());
    let daemon = bench.start();
    client(&daemon, &trips, 11, &ledger);
    daemon.stop();
    let ledger = ledger.lock().unwrap();
    assert_eq!(ledger.check_raw(&bench.data().join("raw"), true), trips.len() as u64);
    ledger.check_table(&bench.data().join("warehouse"), "trips", true, |_| true);
}

#[test]
fn quarantine_keeps_original_bytes_and_a_reason() {
    let trips: Vec<Trip> = Trips::seeded(5).filter(|trip| trip.seconds < 60).take(20).collect();
    let bench = Bench::new(SIX_KINDS);
    let daemon = bench.start();
    placements(&daemon.ingress().post("/streams/trips/records", &[], &lines(&trips)).unwrap());
    daemon.stop();
    let table = Table::read(&bench.data().join("warehouse/quarantine/trips"));
    let kept: BTreeSet<String> = table.texts("payload").into_iter().collect();
    assert_eq!(kept, trips.iter().map(|trip| trip.line.clone()).collect());
    assert!(table.texts("reason").iter().all(|reason| reason.contains("shorter than a minute")));
    assert!(table.texts("rule_version").iter().all(|version| !version.is_empty()));
}
