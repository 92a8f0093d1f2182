//! The topology of a running daemon is changed while clients post: nothing is refused, lost or doubled.

use crate::support::{
    Bench, Client, Daemon, Ledger, PATIENCE, Table, Trip, Trips, WorkServer, lines, number_from_environment,
    placements,
};
use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

const PATH: &str = "/streams/trips/records";
const READERS: [&str; 3] = ["bronze", "facts", "long-rides"];
const REVIEW: &str = "select \"_id\".\"$oid\" as trip_id, travel_time / 3600 as hours from input";

/// What differs between the topologies that take each other's place.
#[derive(Clone)]
struct Variant {
    require: &'static str,
    /// Part of the loader's rules.
    seconds: &'static str,
    /// What the workers run.
    run: String,
    retention: &'static str,
    has_gold: bool,
}

impl Default for Variant {
    fn default() -> Self {
        let run = rules(REVIEW);
        Self { require: "/_id", seconds: "travel_time", run, retention: "24h", has_gold: false }
    }
}

fn rules(sql: &str) -> String {
    format!("run = {{ rules = {{ sql = '{sql}' }} }}")
}

fn topology(variant: &Variant) -> String {
    let Variant { require, seconds, run, retention, has_gold } = variant;
    let gold = "[raw.gold]\nfrom = \"trips\"\nstore = \"file://gold\"\nroll = { age = \"200ms\" }\n";
    let gold = if *has_gold { gold } else { "" };
    format!(
        r#"
[topology]
name = "reloaded"
drain_deadline = "120s"

[ingress.collector]
to = "trips"
require = ["{require}"]

[stream.trips]
shards = 4
retention = "{retention}"

[raw.bronze]
from = "trips"
store = "file://raw"
roll = {{ bytes = "256KiB", age = "200ms" }}

[loader.facts]
from = "trips"
warehouse = "file://warehouse"
table = "trips"
sql = '''select "_id"."$oid" as trip_id, idunplug_station as origin, {seconds} as seconds from input'''
reject = [{{ when = "seconds < 60", reason = "shorter than a minute" }}]
commit = {{ bytes = "1MiB", age = "200ms" }}

[queue.long-rides]
from = {{ node = "trips", where = "travel_time > 3600" }}
visibility_timeout = "10s"

[workers.review]
from = "long-rides"
to = "reviewed"
scale = {{ min = 2, max = 3 }}
refresh = {{ warm_up = "200ms", bake_time = "1s" }}
{run}

[loader.reviewed]
warehouse = "file://warehouse"
table = "long_rides"
commit = {{ bytes = "1MiB", age = "200ms" }}

{gold}"#
    )
}

/// Each is one change or several at once; the last has all nodes.
fn variants() -> Vec<(Variant, &'static str)> {
    let first = Variant::default();
    let sql = Variant { seconds: "travel_time + 0", ..first.clone() };
    let reviewed = rules(&REVIEW.replace("travel_time / 3600", "travel_time / 60 / 60"));
    let gold = Variant { has_gold: true, ..first.clone() };
    vec![
        (sql.clone(), "replaced    loader facts: sql"),
        (Variant { require: "/travel_time", ..sql }, "replaced    ingress collector: require"),
        (gold.clone(), "added       raw gold"),
        (Variant { run: reviewed, ..gold.clone() }, "replaced    workers review: run.rules.sql"),
        (first, "removed     raw gold"),
        (Variant { retention: "25h", ..gold }, "redefined   stream trips: retention"),
    ]
}

/// Posts small batches until told to stop, over one connection or a new one each time. A connection
/// that is refused, broken or closed by the daemon fails, and so does any answer but a 200.
fn post(daemon: &Daemon, seed: u64, keeps: bool, stop: &AtomicBool, ledger: &Mutex<Ledger>) -> Vec<Trip> {
    let mut source = Trips::seeded(seed);
    let mut client = daemon.ingress();
    let mut posted = Vec::new();
    while !stop.load(Relaxed) {
        let batch: Vec<Trip> = source.by_ref().take(5).collect();
        if !keeps {
            client = daemon.ingress();
        }
        ledger.lock().unwrap().sending(&batch);
        let answer = client.post(PATH, &[], &lines(&batch)).unwrap();
        assert_eq!(answer.header("connection"), None, "the daemon ended a connection");
        ledger.lock().unwrap().acknowledge(&batch, &placements(&answer));
        posted.extend(batch);
        thread::sleep(Duration::from_millis(3));
    }
    posted
}

/// Changes from variant to variant, with files that are refused in between.
fn reload_again_and_again(bench: &Bench, rounds: u64) {
    let variants = variants();
    for round in 0..rounds {
        let (variant, expected) = &variants[usize::try_from(round).unwrap() % variants.len()];
        let text = topology(variant);
        bench.rewrite(&text.replace("retention = \"2", "retention = \"2 "));
        assert_eq!(bench.reload().0, Some(2), "a faulty file is not taken");
        bench.rewrite(&text);
        let (code, told) = bench.reload();
        assert_eq!(code, Some(0), "round {round}: {told}\n{}", bench.log());
        assert!(told.contains(expected) || round == 0, "round {round}: {expected} is not in\n{told}");
    }
}

/// CAUDAL_RELOADS changes (30 without it) under four clients.
#[test]
fn every_acknowledged_record_ends_once_while_the_topology_changes_again_and_again() {
    let seed = number_from_environment("CAUDAL_SEED", 20_190_601);
    let rounds = number_from_environment("CAUDAL_RELOADS", 30).next_multiple_of(6);
    let bench = Bench::new(&topology(&Variant::default()));
    let (ledger, stop) = (Mutex::new(Ledger::default()), AtomicBool::new(false));
    let daemon = bench.start();
    let trips: Vec<Trip> = thread::scope(|scope| {
        let (daemon, ledger, stop) = (&daemon, &ledger, &stop);
        let client = |client| scope.spawn(move || post(daemon, seed + client, client < 2, stop, ledger));
        let clients: Vec<_> = (0..4).map(client).collect();
        let reloads = scope.spawn(|| reload_again_and_again(&bench, rounds)).join();
        stop.store(true, Relaxed);
        let posted: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        assert!(reloads.is_ok(), "a reload failed");
        posted.into_iter().flat_map(|posted| posted.expect("a client failed")).collect()
    });
    let long = trips.iter().filter(|trip| trip.seconds > 3_600).count() as u64;
    let accepted = trips.len() as u64;
    daemon.wait_for("the end of every record", |health| {
        let ended = |reader: &&str| health.tally(reader).sum() == accepted;
        READERS.iter().chain(&["gold"]).all(ended) && health.tally("reviewed").sum() == long
    });
    daemon.stop();
    check_stores(&bench, &ledger.lock().unwrap(), &trips);
}

fn check_stores(bench: &Bench, ledger: &Ledger, trips: &[Trip]) {
    ledger.check_places();
    for store in ["raw", "gold"] {
        assert_eq!(ledger.check_raw(&bench.data().join(store), true), trips.len() as u64, "{store}");
    }
    let warehouse = bench.data().join("warehouse");
    ledger.check_table(&warehouse, "trips", true, |_| true);
    let reviewed = Table::read(&warehouse.join("long_rides")).texts("trip_id");
    let once: BTreeSet<&String> = reviewed.iter().collect();
    let long: BTreeSet<&String> =
        trips.iter().filter(|trip| trip.seconds > 3_600).map(|trip| &trip.id).collect();
    assert_eq!((reviewed.len(), once), (long.len(), long), "each long ride is reviewed once");
}

fn posted(client: &mut Client, body: &str) -> u16 {
    client.post(PATH, &[], body.as_bytes()).unwrap().status
}

#[test]
fn a_file_that_is_refused_leaves_everything_as_it_is_and_is_told_as_by_check() {
    let bench = Bench::new(&topology(&Variant::default()));
    let daemon = bench.start();
    let file = bench.topology();
    let mut client = daemon.ingress();
    let before = std::fs::read(bench.data().join("run.json")).unwrap();

    bench.rewrite(&topology(&Variant { require: "/nobody", seconds: "no_such(", ..Variant::default() }));
    let checked = bench.verb(&["check", file.to_str().unwrap()]);
    let (code, told) = bench.reload();
    assert_eq!((code, told.trim()), (Some(2), String::from_utf8_lossy(&checked.stderr).trim()));

    let other = Variant { require: "/nobody", ..Variant::default() };
    bench.rewrite(
        &topology(&other)
            .replace("shards = 4", "shards = 5")
            .replace("[raw.bronze]", "[raw.review]")
            .replace("[workers.review]", "[workers.bronze]"),
    );
    let (code, told) = bench.reload();
    assert_eq!(code, Some(2), "{told}");
    for expected in [":11: stream.trips.shards: ", "raw.review: ", "workers.bronze: ", "3 faults in "] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }

    bench.rewrite(&topology(&Variant::default()));
    let (code, told) = bench.reload();
    assert_eq!((code, told.contains("nothing has changed")), (Some(0), true), "{told}");
    assert_eq!(posted(&mut client, "{\"_id\":1}"), 200);
    assert_eq!(std::fs::read(bench.data().join("run.json")).unwrap(), before);
    daemon.stop();
    let (code, told) = bench.reload();
    assert!(code == Some(1) && told.contains("no daemon runs"), "{told}");
}

#[test]
fn new_rules_hold_on_an_open_connection_and_added_doors_open_and_close() {
    let bench = Bench::new(&topology(&Variant::default()));
    let daemon = bench.start();
    let mut client = daemon.ingress();
    assert_eq!(posted(&mut client, "{\"_id\":1}"), 200);
    let second = "[ingress.second]\nlisten = \"127.0.0.1:0\"\nto = \"trips\"\n";
    let strict = topology(&Variant { require: "/strict", ..Variant::default() });
    bench.rewrite(&(strict.clone() + second));
    // As a supervisor of services would ask.
    daemon.signal("HUP");
    daemon.wait_for("the second ingress", |health| health.0["nodes"].get("second").is_some());
    let address = || {
        let run = std::fs::read(bench.data().join("run.json")).unwrap();
        let run: serde_json::Value = serde_json::from_slice(&run).unwrap();
        run["ingress"]["second"].as_str().map(|address| address.parse().unwrap())
    };
    // Written a moment after the nodes are there.
    let begun = Instant::now();
    while address().is_none() {
        assert!(begun.elapsed() < PATIENCE, "{}", bench.log());
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(posted(&mut client, "{\"_id\":1}"), 400);
    let mut second = Client::new(address().unwrap());
    assert_eq!(posted(&mut second, "{\"_id\":1}"), 200);
    bench.rewrite(&strict);
    let (code, told) = bench.reload();
    assert!(code == Some(0) && told.contains("removed     ingress second"), "{told}");
    assert!(address().is_none());
    assert_eq!(posted(&mut client, "{\"_id\":1,\"strict\":1}"), 200);
    daemon.stop();
}

#[test]
fn workers_that_fail_are_rolled_back_and_the_old_ones_go_on() {
    let bench = Bench::new(&topology(&Variant::default()));
    let daemon = bench.start();
    let broken = Variant { run: "run = { command = [\"false\"] }".to_owned(), ..Variant::default() };
    let broken = topology(&Variant { seconds: "travel_time + 0", ..broken });
    bench.rewrite(&broken.replace("scale = { min = 2, max = 3 }", "scale = { min = 1, max = 1 }"));
    let (code, told) = bench.reload();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("rolled back") && told.contains("review: "), "{told}");
    assert!(told.contains("replaced    loader facts: sql"), "what works is kept: {told}");
    daemon.wait_for("the bounds of before", |health| {
        let pool = &health.node("review")["pool"];
        (pool["min"].as_u64(), pool["max"].as_u64()) == (Some(2), Some(3))
            && health.number("review", "in_service") == 2
    });
    let trips: Vec<Trip> = Trips::seeded(3).filter(|trip| trip.seconds > 3_600).take(20).collect();
    placements(&daemon.ingress().post(PATH, &[], &lines(&trips)).unwrap());
    daemon.wait_for("the reviews", |health| health.tally("reviewed").sum() == 20);
    // What was rolled back is not taken for what the file says.
    bench.rewrite(&topology(&Variant { seconds: "travel_time + 0", ..Variant::default() }));
    let (code, told) = bench.reload();
    assert_eq!((code, told.contains("nothing has changed")), (Some(0), true), "{told}");
    daemon.stop();
}

#[test]
fn one_reload_at_a_time_and_what_does_not_drain_is_cut_off_and_named() {
    let server = WorkServer::start(Duration::from_secs(50), 1);
    let run = format!("run = {{ http = {{ url = \"{}\", timeout = \"60s\" }} }}", server.url());
    let stuck = topology(&Variant { run, ..Variant::default() });
    let stuck =
        stuck.replace("\"10s\"", "\"90s\"").replace("drain_deadline = \"120s\"", "drain_deadline = \"15s\"");
    let bench = Bench::new(&stuck);
    let daemon = bench.start();
    let trips: Vec<Trip> = Trips::seeded(3).filter(|trip| trip.seconds > 3_600).take(3).collect();
    placements(&daemon.ingress().post(PATH, &[], &lines(&trips)).unwrap());
    daemon.wait_for("the message in the worker's hands", |health| health.number("review", "in_flight") > 0);
    let start = stuck.find("[workers.review]").unwrap();
    let end = stuck.find("[loader.reviewed]").unwrap();
    let without = stuck
        .replace(&stuck[start..end], "")
        .replace("[loader.reviewed]\n", "[loader.reviewed]\nfrom = \"trips\"\n");
    bench.rewrite(&without);
    thread::scope(|scope| {
        let first = scope.spawn(|| bench.reload());
        daemon.wait_for("the drain", |health| health.node("review")["state"] == "draining");
        let (code, told) = bench.reload();
        assert!(code == Some(1) && told.contains("under way"), "{told}");
        let (code, told) = first.join().unwrap();
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("cut off     review (worker-"), "{told}");
    });
    daemon.stop();
}
