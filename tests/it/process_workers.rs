//! Workers that are programs, in the real daemon: whatever the programs do, and whatever is done to the
//! daemon, each message has its result once, and no process outlives what it belongs to.

use crate::support::{Bench, Daemon, PATIENCE, Trip, Trips, lines, number_from_environment, raw_lines};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// A program without anything of ours: one message in forty kills it, in one of four ways, at its
/// first attempt.
const ROUGH: &str = r#"
import json, os, sys, time
def say(value):
    os.write(1, json.dumps(value).encode() + b"\n")
say({"ready": True, "protocol": 1})
for line in sys.stdin:
    for message in json.loads(line)["messages"]:
        trip = message["data"]["_id"]["$oid"]
        luck = int(trip, 16) % 160
        if message["attempt"] == 1 and luck == 0:
            os._exit(9)
        if message["attempt"] == 1 and luck == 40:
            print("where was I", flush=True)
            time.sleep(1000)
        if message["attempt"] == 1 and luck == 80:
            time.sleep(1000)
        if message["attempt"] == 1 and luck == 120:
            say({"id": message["id"], "status": "done", "results": [{"trip": trip}]})
            os.abort()
        say({"id": message["id"], "status": "done", "results": [{"trip": trip}]})
"#;

/// Slow, and a group of two: work is under way whenever the daemon is killed.
const SLOW: &str = r#"
import subprocess, sys, time
from caudal_worker import run
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", sys.argv[1]], stdin=subprocess.PIPE)
def review(message):
    time.sleep(0.003)
    return {"trip": message.data["_id"]["$oid"]}
run(review)
"#;

/// One pool of programs whose results are kept as raw objects.
fn topology(run: &str, pool: &str) -> String {
    format!(
        r#"
[topology]
name = "programs"
drain_deadline = "120s"
[ingress.collector]
to = "trips"
[stream.trips]
shards = 2
[queue.work]
from = "trips"
visibility_timeout = "3s"
dead_letter = {{ queue = "dead", max_receives = 9 }}
[workers.review]
from = "work"
to = "kept"
{pool}
[workers.review.run]
start = "60s"
{run}
[raw.kept]
store = "file://raw"
path = "kept"
roll = {{ bytes = "1MiB", age = "200ms" }}
"#
    )
}

fn folder(bench: &Bench) -> std::path::PathBuf {
    bench.topology().parent().unwrap().to_owned()
}

fn post(daemon: &Daemon, trips: &[Trip]) {
    let mut client = daemon.ingress();
    for part in trips.chunks(200) {
        let answer = client.post("/streams/trips/records", &[], &lines(part)).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// The trips whose results lie in raw objects; each must be there once.
fn kept(bench: &Bench) -> BTreeSet<String> {
    let lines = raw_lines(&bench.data().join("raw"));
    let trip = |line: &String| {
        let result: serde_json::Value = serde_json::from_str(line).unwrap();
        result["trip"].as_str().unwrap().to_owned()
    };
    let kept: BTreeSet<String> = lines.iter().map(trip).collect();
    assert_eq!(kept.len(), lines.len(), "a result was kept twice");
    kept
}

fn wait_until_kept(bench: &Bench, daemon: &Daemon, trips: &[Trip]) {
    let sent: BTreeSet<String> = trips.iter().map(|trip| trip.id.clone()).collect();
    let started = Instant::now();
    while kept(bench).len() < sent.len() {
        let patient = started.elapsed() < PATIENCE;
        assert!(patient, "{} of {} kept: {:#}", kept(bench).len(), sent.len(), daemon.health().0);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(kept(bench), sent);
    daemon.wait_for("the books", |health| health.tally("review").finished == sent.len() as u64);
}

/// Writes a program beside the topology and tells how it is started.
fn command(bench: &Bench, text: &str) -> String {
    let file = folder(bench).join("program.py");
    fs::write(&file, text).unwrap();
    format!(
        "command = [\"python3\", {:?}, {:?}]\nenv = {{ PYTHONPATH = \"{EXAMPLES}/python\", PYTHONDONTWRITEBYTECODE = \"1\" }}\n",
        file,
        folder(bench)
    )
}

fn bench_of(program: &str, limits: &str, pool: &str) -> Bench {
    let bench = Bench::new("");
    let run = command(&bench, program) + limits;
    fs::write(bench.topology(), topology(&run, pool)).unwrap();
    bench
}

fn trips(count: u64) -> Vec<Trip> {
    let seed = number_from_environment("CAUDAL_SEED", 20_190_601);
    Trips::seeded(seed).take(usize::try_from(count).unwrap()).collect()
}

/// CAUDAL_PROGRAM_MESSAGES messages (800 without it), of which every fortieth kills its program.
#[test]
fn programs_that_die_all_the_time_lose_and_double_nothing() {
    let bench = bench_of(ROUGH, "time = \"3s\"\n", "batch = 20\nscale = { min = 4, max = 4 }");
    let daemon = bench.start();
    let trips = trips(number_from_environment("CAUDAL_PROGRAM_MESSAGES", 800));
    post(&daemon, &trips);
    wait_until_kept(&bench, &daemon, &trips);
    let health = daemon.health();
    assert!(
        health.node("review")["restarts"].as_u64().unwrap() >= trips.len() as u64 / 100,
        "{:#}",
        health.0
    );
    assert_eq!(health.tally("review").quarantined, 0);
    daemon.stop();
    bench.wait_until_no_process_is_left();
}

#[test]
fn programs_end_with_a_killed_daemon_and_the_next_one_goes_on() {
    let bench = bench_of(SLOW, "", "batch = 10\nscale = { min = 3, max = 3 }");
    let trips = trips(1_500);
    for (round, part) in trips.chunks(500).enumerate() {
        let mut daemon = bench.start();
        // All of them, each with its child: what is killed is to be many.
        bench.wait_for_processes(6);
        post(&daemon, part);
        let wanted = (round * 500 + 100) as u64;
        daemon.wait_for("some work", |health| health.tally("review").finished >= wanted);
        assert!(bench.processes().len() >= 6, "{:?}", bench.processes());
        daemon.kill();
        bench.wait_until_no_process_is_left();
    }
    let daemon = bench.start();
    wait_until_kept(&bench, &daemon, &trips);
    daemon.stop();
    bench.wait_until_no_process_is_left();
}

/// False where the example of an interpreter is left out because the user says so.
fn is_wanted(interpreter: &str) -> bool {
    if interpreter == "node" && std::env::var_os("CAUDAL_WITHOUT_NODE").is_some() {
        // Past the test's own capture, so that it is seen.
        let _ = writeln!(io::stderr(), "skipped: the example in Node.js, because CAUDAL_WITHOUT_NODE is set");
        return false;
    }
    let found = std::process::Command::new(interpreter).arg("--version").output();
    let remedy = "install it (tests/run does), or set CAUDAL_WITHOUT_NODE=1 to leave out the Node.js example";
    assert!(found.is_ok_and(|output| output.status.success()), "{interpreter} does not run: {remedy}");
    true
}

#[test]
fn the_examples_review_rides_in_the_daemon() {
    let examples = [("python3", "python/review.py"), ("node", "node/review.mjs")];
    for (interpreter, file) in examples.into_iter().filter(|(interpreter, _)| is_wanted(interpreter)) {
        let bench = Bench::new("");
        let run = format!("command = [{interpreter:?}, \"{EXAMPLES}/{file}\"]\nmemory = \"512MiB\"\n");
        fs::write(bench.topology(), topology(&run, "scale = { min = 1, max = 2 }")).unwrap();
        let daemon = bench.start();
        let trips = trips(2_000);
        post(&daemon, &trips);
        let long = trips.iter().filter(|trip| trip.seconds > 3_600).count();
        daemon.wait_for("all reviews", |health| {
            let tally = health.tally("review");
            (tally.finished, tally.filtered) == (long as u64, (trips.len() - long) as u64)
        });
        daemon.stop();
        let reviews = raw_lines(&bench.data().join("raw"));
        assert_eq!(reviews.len(), long);
        assert!(reviews.iter().all(|line| line.contains("\"verdict\"")), "{reviews:?}");
    }
}

#[test]
fn a_program_that_is_not_there_is_named_and_the_rest_goes_on() {
    let bench = Bench::new(&topology("command = [\"no-such-reviewer\"]", ""));
    let daemon = bench.start();
    post(&daemon, &trips(10));
    let health = daemon.wait_for("its failure", |health| health.node("review")["last_error"].is_string());
    let told = health.node("review")["last_error"].as_str().unwrap();
    assert!(told.contains("no such program: \"no-such-reviewer\""), "{told}");
    daemon.wait_for("the messages", |health| health.number("work", "backlog") == 10);
    assert_eq!(daemon.health().node("collector")["state"], "running");
    daemon.stop();
}

#[test]
fn a_program_that_pulls_is_started_scaled_watched_and_stopped() {
    let note = "import os, signal, sys, time\n\
                def stop(*_):\n    open(sys.argv[1] + \"/stopped\", \"w\").close()\n    sys.exit(0)\n\
                signal.signal(signal.SIGTERM, stop)\n\
                open(sys.argv[1] + \"/\" + os.environ[\"CAUDAL_QUEUE\"], \"w\").close()\n\
                while True:\n    time.sleep(0.05)\n";
    let bench = Bench::new("");
    let run = command(&bench, note) + "pulls = true\n";
    let pool = "scale = { min = 1, max = 3, goal_age = \"1s\" }";
    // Nothing comes back through its pipes, and it says nothing of itself.
    let topology = topology(&run, pool).replace("to = \"kept\"", "").replace("start = \"60s\"", "");
    fs::write(bench.topology(), topology.replace("[raw.kept]", "[raw.kept]\nfrom = \"trips\"")).unwrap();
    let daemon = bench.start();
    let started = Instant::now();
    while !folder(&bench).join("work").exists() {
        assert!(started.elapsed() < PATIENCE, "{}", bench.log());
        thread::sleep(Duration::from_millis(10));
    }
    post(&daemon, &trips(10));
    daemon.wait_for("the backlog that it ought to pull", |health| health.number("review", "backlog") == 10);
    // It pulls nothing, so the backlog grows old.
    daemon.wait_for("more of them", |health| health.number("review", "in_service") == 3);
    assert!(bench.processes().len() >= 3, "{:?}", bench.processes());
    daemon.stop();
    assert!(Path::new(&folder(&bench)).join("stopped").exists(), "it was not asked to stop: {}", bench.log());
    bench.wait_until_no_process_is_left();
}
