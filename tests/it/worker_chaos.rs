//! Programs that die, hang and are killed by the thousand while their pool grows and shrinks.

use crate::support::{Bench, Daemon, number_from_environment, raw_lines};
use rand::{SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use std::{
    collections::BTreeSet,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// One message in eight is the end of its program at the first attempt: by itself, by a signal, or
/// because it is silent for too long.
const ROUGH: &str = r#"
import json, os, sys, time
def say(value):
    os.write(1, json.dumps(value).encode() + b"\n")
say({"ready": True, "protocol": 1})
for line in sys.stdin:
    for message in json.loads(line)["messages"]:
        n = message["data"]["n"]
        luck = n * 2654435761 % 4294967296 // 1024 % 24 if message["attempt"] == 1 else 9
        if luck == 0:
            os._exit(7)
        if luck == 1:
            time.sleep(1000)
        if luck == 2:
            say({"id": message["id"], "status": "done", "results": [{"n": n}]})
            os.abort()
        say({"id": message["id"], "status": "done", "results": [{"n": n}]})
"#;

const TOPOLOGY: &str = r#"
[topology]
name = "chaos"
drain_deadline = "60s"
[ingress.collector]
to = "jobs"
[stream.jobs]
[queue.work]
from = "jobs"
visibility_timeout = "60s"
dead_letter = { queue = "dead", max_receives = 100 }
[workers.pool]
from = "work"
to = "kept"
batch = 4
scale = { min = 0, max = 32, mode = "observe" }
[workers.pool.run]
command = ["python3", "-S", "-E", "PROGRAM"]
start = "60s"
time = "1s"
[raw.kept]
store = "file://raw"
path = "kept"
roll = { bytes = "1MiB", age = "200ms" }
"#;

const PART: u64 = 1_000;

fn bench() -> Bench {
    let bench = Bench::new("");
    let program = bench.topology().with_file_name("rough.py");
    fs::write(&program, ROUGH).unwrap();
    fs::write(bench.topology(), TOPOLOGY.replace("PROGRAM", program.to_str().unwrap())).unwrap();
    bench
}

fn post(daemon: &Daemon, from: u64) {
    let lines: String = (from..from + PART).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let answer = daemon.ingress().post("/streams/jobs/records", &[], lines.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn order(daemon: &Daemon, desired: u32) {
    let body = format!("{{\"desired\":{desired}}}");
    let headers = [("content-type", "application/json")];
    let answer = daemon.admin().post("/pools/pool/desired", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Ids of the programs that the bench's daemon has started.
fn programs(bench: &Bench) -> Vec<String> {
    let program = bench.topology().with_file_name("rough.py");
    let is_ours = |entry: &fs::DirEntry| {
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(program.to_str().unwrap())
    };
    let processes = fs::read_dir("/proc").unwrap().flatten().filter(is_ours);
    processes.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// CAUDAL_CHAOS_FAULTS (200 without it) ends of programs, one in ten of them by SIGKILL from outside.
#[test]
fn programs_that_die_hang_and_are_killed_lose_and_double_nothing_while_their_pool_scales() {
    let faults = number_from_environment("CAUDAL_CHAOS_FAULTS", 200);
    let mut random = SmallRng::seed_from_u64(number_from_environment("CAUDAL_SEED", 20_190_601));
    let bench = bench();
    let daemon = bench.start();
    let (started, mut sent, mut restarts, mut killed) = (Instant::now(), 0, 0, 0_u64);
    for desired in [1, 32, 3, 16].into_iter().cycle() {
        if restarts >= faults {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(500), "only {restarts} restarts");
        order(&daemon, desired);
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(if desired == 1 { 20 } else { 150 }));
            let health = daemon.health();
            assert_ne!(health.node("pool")["state"], "failed", "{:#}", health.0);
            restarts = health.node("pool")["restarts"].as_u64().unwrap();
            if health.number("pool", "backlog") < PART {
                post(&daemon, sent);
                sent += PART;
            }
            if killed < restarts / 10
                && let Some(id) = programs(&bench).choose(&mut random)
            {
                killed += u64::from(Command::new("kill").args(["-9", id]).status().unwrap().success());
            }
        }
    }
    println!(
        "{restarts} restarts, {killed} of them after SIGKILL, {sent} messages in {:?}",
        started.elapsed()
    );
    assert!(killed > 0);
    order(&daemon, 16);
    let met = |daemon: &Daemon| daemon.health().tally("pool").sum() == sent;
    let waiting = Instant::now();
    while !met(&daemon) {
        assert!(waiting.elapsed() < Duration::from_secs(240), "{:#}", daemon.health().0);
        thread::sleep(Duration::from_millis(50));
    }
    daemon.stop();
    let kept = raw_lines(&bench.data().join("raw"));
    let number =
        |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_u64().unwrap();
    let once: BTreeSet<u64> = kept.iter().map(number).collect();
    assert_eq!(kept.len() as u64, sent, "a message was done twice or lost");
    assert_eq!(once, (0..sent).collect());
    assert!(programs(&bench).is_empty(), "programs outlive their daemon");
}
