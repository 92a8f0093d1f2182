//! `kill -9` at random moments of ingest, load, roll, compaction, drain and recovery: nothing that was
//! acknowledged is lost, nothing is stored twice.
//!
//! `CAUDAL_KILL_CYCLES` sets how often, `CAUDAL_SEED` the decisions.

use crate::support::{
    Bench, Client, Daemon, Ledger, PATIENCE, Table, Trip, Trips, files_below, lines, number_from_environment,
    placements,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

const PRODUCERS: u64 = 3;
const READERS: [&str; 3] = ["bronze", "facts", "long-rides"];
/// Stored files are compared as a whole after every so many cycles.
const CHECK_EVERY: u64 = 10;
const LARGEST_SETTLED_LOG: u64 = 4 << 20;

/// Everything rolls, commits, compacts and trims many times a second.
const HASTY: &str = r#"
[topology]
name = "hasty"
drain_deadline = "50s"

[ingress.collector]
to = "trips"

[stream.trips]
shards = 3
retention = "1s"

[raw.bronze]
from = "trips"
store = "file://raw"
roll = { bytes = "24KiB", age = "60ms" }

[loader.facts]
from = "trips"
warehouse = "file://warehouse"
table = "trips"
sql = 'select "_id"."$oid" as trip_id, idunplug_station as origin, travel_time as seconds from input'
reject = [{ when = "seconds < 60", reason = "shorter than a minute" }]
commit = { bytes = "48KiB", age = "80ms" }
compact = { every = "120ms", target = "4MiB", vacuum_after = "2s" }

[queue.long-rides]
from = { node = "trips", where = "travel_time > 3600" }
visibility_timeout = "1s"

[workers.review]
from = "long-rides"
to = "reviews"
scale = { min = 2, max = 2 }

[workers.review.run.rules]
sql = 'select "_id"."$oid" as trip_id, travel_time as seconds from input'

[stream.reviews]
retention = "1s"

[loader.reviewed]
from = "reviews"
warehouse = "file://warehouse"
table = "long_rides"
commit = { bytes = "48KiB", age = "120ms" }
compact = { every = "700ms", target = "4MiB", vacuum_after = "2s" }
"#;

/// A batch that a client will send until it is answered, because its key makes that safe.
#[derive(Debug)]
struct Keyed {
    key: String,
    trips: Vec<Trip>,
}

/// What the producers share over all lives of the daemon.
#[derive(Debug)]
struct Clients {
    ledger: Ledger,
    trips: Trips,
    unanswered: Vec<Keyed>,
    keys: u64,
}

impl Clients {
    fn new(seed: u64) -> Mutex<Self> {
        let trips = Trips::seeded(seed);
        Mutex::new(Self { ledger: Ledger::default(), trips, unanswered: Vec::new(), keys: 0 })
    }

    /// The next batch to send: one that was never answered, or a new one, some of these with a key.
    fn next(&mut self, random: &mut SmallRng) -> (Option<String>, Vec<Trip>) {
        if let Some(keyed) = self.unanswered.pop() {
            return (Some(keyed.key), keyed.trips);
        }
        let trips: Vec<Trip> = self.trips.by_ref().take(random.random_range(1..=12)).collect();
        self.ledger.sending(&trips);
        self.keys += 1;
        let key = random.random_bool(0.5).then(|| format!("batch-{}", self.keys));
        (key, trips)
    }
}

/// Posts until the daemon dies. A batch without a key is never sent again: it may or may not be stored.
fn produce(address: SocketAddr, seed: u64, clients: &Mutex<Clients>) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut connection = Client::new(address);
    loop {
        // Clients think, so that flushes carry one batch or several.
        thread::sleep(Duration::from_micros(random.random_range(0..8_000)));
        let (key, trips) = clients.lock().unwrap().next(&mut random);
        let header = key.as_deref().map(|key| ("idempotency-key", key));
        let answer = connection.post("/streams/trips/records", header.as_slice(), &lines(&trips));
        let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
        match (answer, key) {
            (Ok(answer), _) if answer.status == 200 => {
                clients.ledger.acknowledge(&trips, &placements(&answer));
            }
            (Ok(answer), _) if answer.status < 500 && answer.status != 429 => {
                panic!("a good batch was answered {}: {}", answer.status, answer.text());
            }
            (_, Some(key)) => {
                clients.unanswered.push(Keyed { key, trips });
                return;
            }
            (_, None) => return,
        }
    }
}

/// What the restarted daemon shows of itself agrees with the clients' books.
fn check_books(daemon: &Daemon, clients: &Mutex<Clients>) {
    let health = daemon.wait_until_ready();
    clients.lock().unwrap().ledger.check_books(&health, &READERS);
}

/// One life of the daemon, ended by SIGKILL at a moment that nobody planned for.
fn cycle(bench: &Bench, seed: u64, clients: &Mutex<Clients>) -> Duration {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut daemon = bench.launch();
    if random.random_bool(0.1) {
        // During recovery, or at its start, or just after it.
        thread::sleep(Duration::from_millis(random.random_range(1..120)));
        daemon.kill();
        return Duration::ZERO;
    }
    let launched = Instant::now();
    daemon.wait_until_serving();
    let ready = launched.elapsed();
    check_books(&daemon, clients);
    let address = daemon.ingress_address();
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            scope.spawn(move || produce(address, seed.wrapping_mul(31) + producer, clients));
        }
        thread::sleep(Duration::from_millis(random.random_range(10..450)));
        if random.random_bool(0.1) {
            // While it drains.
            daemon.terminate();
            thread::sleep(Duration::from_millis(random.random_range(1..80)));
        }
        daemon.kill();
    });
    ready
}

fn check_stored(bench: &Bench, clients: &Mutex<Clients>, settled: bool) {
    let clients = clients.lock().unwrap();
    let ledger = &clients.ledger;
    ledger.check_places();
    let data = bench.data();
    let raw = ledger.check_raw(&data.join("raw"), settled);
    let warehouse = data.join("warehouse");
    let (accepted, quarantined) = ledger.check_table(&warehouse, "trips", settled, |_| true);
    let reviewed = Table::read(&warehouse.join("long_rides"));
    let ids = reviewed.texts("trip_id");
    let once: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(ids.len(), once.len(), "a long ride was reviewed twice");
    assert!(reviewed.numbers("seconds").iter().all(|seconds| *seconds > 3_600));
    ledger.check_complete("long_rides", &once, settled, |trip| trip.seconds > 3_600);
    if settled {
        assert_eq!(raw, accepted + quarantined, "raw and warehouse hold the same records");
    }
}

/// Bytes of the log on disk.
fn log_bytes(bench: &Bench) -> u64 {
    files_below(&bench.data().join("log")).iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Answers the last keyed batches, lets everything flow to its end, and stops gracefully.
fn settle(bench: &Bench, clients: &Mutex<Clients>) {
    let daemon = bench.start();
    let mut connection = daemon.ingress();
    while let Some(keyed) = { clients.lock().unwrap().unanswered.pop() } {
        let header = [("idempotency-key", keyed.key.as_str())];
        let answer = connection.post("/streams/trips/records", &header, &lines(&keyed.trips)).unwrap();
        clients.lock().unwrap().ledger.acknowledge(&keyed.trips, &placements(&answer));
    }
    let health = daemon.wait_for("the end of every record", |health| {
        let readers = READERS.iter().all(|reader| health.in_flight(reader) == 0);
        let queue = health.number("long-rides", "backlog") + health.number("long-rides", "in_flight") == 0;
        readers && queue && health.tally("long-rides").finished == health.tally("reviewed").sum()
    });
    clients.lock().unwrap().ledger.check_books(&health, &READERS);
    let ended: Vec<u64> = READERS.iter().map(|reader| health.tally(reader).sum()).collect();
    assert!(ended.windows(2).all(|pair| pair[0] == pair[1]), "readers ended {ended:?} records");
    // Whatever died in the middle of something, what nobody needs any more is let go.
    daemon.wait_for("a log without old records", |_| log_bytes(bench) < LARGEST_SETTLED_LOG);
    daemon.stop();
}

#[test]
fn kill_nine_loses_nothing_acknowledged_and_doubles_nothing() {
    let cycles = number_from_environment("CAUDAL_KILL_CYCLES", 30);
    let seed = number_from_environment("CAUDAL_SEED", 9);
    println!("CAUDAL_SEED={seed} CAUDAL_KILL_CYCLES={cycles}");
    let bench = Bench::new(HASTY)
        .with("CAUDAL__STORAGE__LOG_FILE", "256KiB")
        .with("CAUDAL__STORAGE__SNAPSHOT", "512KiB");
    let clients = Clients::new(seed);
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    for number in 1..=cycles {
        slowest = slowest.max(cycle(&bench, seed.wrapping_add(number), &clients));
        if number % CHECK_EVERY == 0 {
            check_stored(&bench, &clients, false);
        }
    }
    let spent = begun.elapsed();
    settle(&bench, &clients);
    check_stored(&bench, &clients, true);
    let data = bench.data();
    let doctor = bench.verb(&["doctor", data.to_str().unwrap()]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    let ledger = &clients.lock().unwrap().ledger;
    let facts = Table::read(&data.join("warehouse/trips"));
    println!(
        "{cycles} kills in {spent:.1?}; {} records acknowledged of {} sent; slowest restart {slowest:.2?}; \
         {} commits left {} data files",
        ledger.acknowledged(),
        ledger.sent(),
        facts.commits,
        facts.files
    );
    assert!(ledger.acknowledged() > cycles, "hardly anything was acknowledged");
    assert!(slowest < PATIENCE / 6, "a restart took {slowest:?}");
}
