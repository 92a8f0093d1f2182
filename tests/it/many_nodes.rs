//! Sixty-four nodes in one daemon: records come to every end once, and it stops clean.

use crate::support::{Bench, Daemon, Table, raw_lines};
use std::{collections::BTreeSet, fmt::Write as _, path::Path, time::Instant};

/// Groups of seven nodes behind one ingress.
const GROUPS: usize = 9;
const RECORDS: usize = 400;
/// Memory of a daemon with all of them at work, in bytes.
const MOST_MEMORY: u64 = 1 << 30;

/// A stream with raw objects twice, a table of the even ones, and a queue of the odd ones, whose workers hand them on
/// to raw objects.
fn topology(groups: usize) -> String {
    let streams: Vec<String> = (0..groups).map(|group| format!("\"stream-{group}\"")).collect();
    let mut text = format!(
        "[topology]\nname = \"many\"\ndrain_deadline = \"120s\"\n[ingress.collector]\nto = [{}]\n",
        streams.join(", ")
    );
    for group in 0..groups {
        let nodes = format!(
            r#"
[stream.stream-{group}]
shards = 2
[raw.lines-{group}]
from = "stream-{group}"
store = "file://lines-{group}"
roll = {{ age = "200ms" }}
[raw.quarters-{group}]
from = {{ node = "stream-{group}", where = "number % 4 = 0" }}
store = "file://quarters-{group}"
format = "jsonl.gz"
roll = {{ age = "200ms" }}
[loader.table-{group}]
from = {{ node = "stream-{group}", where = "number % 2 = 0" }}
warehouse = "file://warehouse"
table = "evens_{group}"
sql = "select number from input"
commit = {{ age = "200ms" }}
[queue.odds-{group}]
from = {{ node = "stream-{group}", where = "number % 2 = 1" }}
visibility_timeout = "120s"
[workers.pool-{group}]
from = "odds-{group}"
to = "kept-{group}"
run.rules.sql = "select number from input"
[raw.kept-{group}]
store = "file://kept-{group}"
roll = {{ age = "200ms" }}
"#
        );
        let _ = write!(text, "{nodes}");
    }
    text
}

/// A daemon with so many groups that serves, with how long that took and what it holds.
fn started(bench: &Bench, groups: usize) -> Daemon {
    let began = Instant::now();
    let daemon = bench.start();
    let serving = began.elapsed();
    let health = daemon.wait_until_ready();
    let nodes = health.0["nodes"]
        .as_array()
        .map_or_else(|| health.0["nodes"].as_object().map_or(0, serde_json::Map::len), Vec::len);
    println!(
        "{nodes} nodes: serving after {:.2} s, ready after {:.2} s, {} MiB, {} threads",
        serving.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        daemon.resident_memory() >> 20,
        daemon.threads()
    );
    assert!(nodes > groups * 7, "{nodes}");
    daemon
}

fn post(daemon: &Daemon, groups: usize) {
    let mut client = daemon.ingress();
    let body: String = (0..RECORDS).map(|number| format!("{{\"number\":{number}}}\n")).collect();
    for group in 0..groups {
        let answer = client.post(&format!("/streams/stream-{group}/records"), &[], body.as_bytes()).unwrap();
        assert_eq!(answer.json()["accepted"], RECORDS, "{}", answer.text());
    }
}

/// The numbers of all lines below a folder; each may be there once.
fn numbers(folder: &Path) -> BTreeSet<usize> {
    let lines = raw_lines(folder);
    let number = |line: &String| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        usize::try_from(record["number"].as_u64().unwrap()).unwrap()
    };
    let numbers: BTreeSet<usize> = lines.iter().map(number).collect();
    assert_eq!(lines.len(), numbers.len(), "{}: something lies there twice", folder.display());
    numbers
}

#[test]
fn sixty_four_nodes_in_one_daemon_carry_every_record_to_every_end_once() {
    let small = Bench::new(&topology(1));
    started(&small, 1).stop();
    let bench = Bench::new(&topology(GROUPS));
    let daemon = started(&bench, GROUPS);
    post(&daemon, GROUPS);
    let stopping = Instant::now();
    let peak = daemon.peak_memory();
    daemon.stop();
    println!("{} MiB at most, drained after {:.2} s", peak >> 20, stopping.elapsed().as_secs_f64());
    assert!(peak < MOST_MEMORY, "{} MiB", peak >> 20);
    let every = |step: usize, from: usize| (from..RECORDS).step_by(step).collect::<BTreeSet<_>>();
    for group in 0..GROUPS {
        let at = |folder: &str| bench.data().join(format!("{folder}-{group}"));
        assert_eq!(numbers(&at("lines")), every(1, 0), "lines-{group}");
        assert_eq!(numbers(&at("quarters")), every(4, 0), "quarters-{group}");
        assert_eq!(numbers(&at("kept")), every(2, 1), "kept-{group}");
        let table = Table::read(&bench.data().join("warehouse").join(format!("evens_{group}")));
        let mut found = table.numbers("number");
        found.sort_unstable();
        let expected: Vec<i64> =
            every(2, 0).into_iter().map(|number| i64::try_from(number).unwrap()).collect();
        assert_eq!(found, expected, "evens_{group}");
    }
}
