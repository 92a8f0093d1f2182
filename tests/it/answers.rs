//! Every refusal is an answer that says what to do.

use crate::support::{Answer, Bench, Daemon, PATIENCE, Trip, Trips, lines, placements, raw_lines, trip_id};
use std::{
    thread,
    time::{Duration, Instant},
};

const PATH: &str = "/streams/trips/records";

const SMALL: &str = r#"
[ingress.collector]
to = ["trips", "narrow"]
max_body = "64KiB"
max_expanded = "128KiB"
require = ["/travel_time"]

[stream.trips]
shards = 2

[stream.narrow]
shards = 1
limits = { records_per_second = 5, burst_records = 10 }

[raw.bronze]
from = "trips"
store = "file://raw"
format = "jsonl"
roll = { age = "100ms" }

[raw.narrow-bronze]
from = "narrow"
store = "file://narrow"
format = "jsonl"
roll = { age = "100ms" }
"#;

fn trips(count: usize) -> Vec<Trip> {
    Trips::seeded(3).take(count).collect()
}

fn post(daemon: &Daemon, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    daemon.ingress().post(path, headers, body).unwrap()
}

fn assert_refused(answer: &Answer, status: u16, says: &[&str]) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    for word in says {
        assert!(text.contains(word), "the answer {status} does not say {word:?}: {text}");
    }
}

#[test]
fn refusals_name_what_is_wrong() {
    let bench = Bench::new(SMALL);
    let daemon = bench.start();
    let good = lines(&trips(3));
    assert_refused(&post(&daemon, "/streams/trisp/records", &[], &good), 404, &["trisp", "trips", "narrow"]);
    assert_refused(&post(&daemon, PATH, &[("content-encoding", "br")], &good), 415, &["br"]);
    assert_refused(&post(&daemon, PATH, &[], &vec![b' '; 65 * 1024]), 413, &["max_body"]);
    let bomb = zstd::encode_all(&*vec![b' '; 4 << 20], 3).unwrap();
    assert!(bomb.len() < 64 * 1024);
    assert_refused(&post(&daemon, PATH, &[("content-encoding", "zstd")], &bomb), 413, &["max_expanded"]);
    assert_refused(&post(&daemon, PATH, &[("content-encoding", "zstd")], b"not zstd"), 400, &[]);
    assert_refused(&post(&daemon, PATH, &[], b"[{\"travel_time\":1},\n{\"travel_time\":\n"), 400, &["line"]);
    assert_refused(&post(&daemon, PATH, &[], b"{\"travel_time\":\n"), 400, &["line"]);
    assert_refused(&post(&daemon, PATH, &[], b""), 400, &[]);
    assert_refused(&daemon.ingress().get(PATH).unwrap(), 405, &[]);
    daemon.stop();
    assert_eq!(
        raw_lines(&bench.data().join("raw")),
        Vec::<String>::new(),
        "a refused request stores nothing"
    );
}

#[test]
fn a_faulty_record_does_not_cost_its_neighbours() {
    let bench = Bench::new(SMALL);
    let daemon = bench.start();
    let known = trips(4);
    let body = format!("{}\n{{\"no_time\": true}}\n{}\n{}\n", known[0].line, known[1].line, known[2].line);
    let answer = post(&daemon, PATH, &[], body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["accepted"], 3, "{told}");
    let faults = told["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1, "{told}");
    assert!(faults[0].to_string().contains("/travel_time"), "{told}");
    let everything_faulty = post(&daemon, PATH, &[], b"{\"no_time\": true}\n");
    assert!(!everything_faulty.text().is_empty());
    daemon.stop();
    let mut stored = raw_lines(&bench.data().join("raw"));
    let mut expected: Vec<String> = known[..3].iter().map(|trip| trip.line.clone()).collect();
    stored.sort();
    expected.sort();
    assert_eq!(stored, expected);
}

#[test]
fn a_retry_with_the_same_idempotency_key_is_stored_once_and_answered_alike() {
    let bench = Bench::new(SMALL);
    let known = trips(25);
    let key = [("idempotency-key", "a-clients-own-key")];
    let daemon = bench.start();
    let first = post(&daemon, PATH, &key, &lines(&known));
    let again = post(&daemon, PATH, &key, &lines(&known));
    assert_eq!(placements(&first), placements(&again));
    daemon.stop();
    let mut daemon = bench.start();
    let after_restart = post(&daemon, PATH, &key, &lines(&known));
    assert_eq!(placements(&first), placements(&after_restart));
    daemon.kill();
    let daemon = bench.start();
    let after_kill = post(&daemon, PATH, &key, &lines(&known));
    assert_eq!(placements(&first), placements(&after_kill));
    daemon.stop();
    assert_eq!(raw_lines(&bench.data().join("raw")).len(), known.len());
}

#[test]
fn concurrent_retries_are_stored_once() {
    let bench = Bench::new(SMALL);
    let known = trips(25);
    let daemon = bench.start();
    let answers: Vec<Answer> = thread::scope(|scope| {
        let retry = || post(&daemon, PATH, &[("idempotency-key", "k")], &lines(&known));
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(retry)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let stored: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(placements).collect();
    assert!(!stored.is_empty());
    assert!(stored.iter().all(|places| *places == stored[0]));
    daemon.stop();
    assert_eq!(raw_lines(&bench.data().join("raw")).len(), known.len());
}

#[test]
fn a_full_shard_answers_429_with_a_time_to_wait() {
    let bench = Bench::new(SMALL);
    let daemon = bench.start();
    let known = trips(60);
    let mut stored = 0;
    let mut refused = None;
    for batch in known.chunks(5) {
        let answer = post(&daemon, "/streams/narrow/records", &[], &lines(batch));
        match answer.status {
            200 => stored += placements(&answer).len(),
            _ => refused = Some(answer),
        }
    }
    let refused = refused.expect("60 records at once are more than a burst of 10");
    assert_refused(&refused, 429, &["shard"]);
    let wait: u64 = refused.header("retry-after").expect("a Retry-After header").parse().unwrap();
    assert!((1..=60).contains(&wait), "Retry-After: {wait}");
    daemon.stop();
    let lines = raw_lines(&bench.data().join("narrow"));
    assert_eq!(lines.len(), stored, "what was refused is not stored");
}

#[test]
fn one_partition_key_keeps_its_order_in_one_shard() {
    let bench = Bench::new(SMALL);
    let daemon = bench.start();
    let known = trips(120);
    let mut places = Vec::new();
    for (turn, batch) in known.chunks(10).enumerate() {
        let by_query = format!("{PATH}?key=user-7");
        let answer = match turn % 2 {
            0 => post(&daemon, &by_query, &[], &lines(batch)),
            _ => post(&daemon, PATH, &[("x-partition-key", "user-7")], &lines(batch)),
        };
        places.extend(placements(&answer));
    }
    let shard = places[0].0;
    assert!(places.iter().all(|place| place.0 == shard), "{places:?}");
    assert!(places.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1), "sequences are dense: {places:?}");
    daemon.stop();
    let stored: Vec<String> = raw_lines(&bench.data().join("raw")).iter().map(|line| trip_id(line)).collect();
    assert_eq!(stored, known.iter().map(|trip| trip.id.clone()).collect::<Vec<_>>());
}

#[test]
fn a_faulty_topology_ends_with_code_two_and_starts_nothing() {
    let bench = Bench::new(&SMALL.replace("from = \"trips\"", "from = \"trisp\""));
    let mut daemon = bench.launch();
    assert_eq!(daemon.wait_for_exit().code(), Some(2), "{}", bench.log());
    assert!(bench.log().contains("trisp"), "{}", bench.log());
    assert!(!bench.data().join("run.json").exists());
}

#[test]
fn a_data_folder_in_use_is_refused_with_code_four() {
    let bench = Bench::new(SMALL);
    let daemon = bench.start();
    let mut second = bench.launch_beside();
    let status = second.wait_for_exit();
    assert_eq!(status.code(), Some(4), "{}", bench.log());
    assert!(bench.log().contains("in use"), "{}", bench.log());
    daemon.stop();
}

/// `caudal_records_total` of the stream, over its shards.
fn stream_records(metrics: &str) -> f64 {
    let of_stream =
        |line: &&str| line.starts_with("caudal_records_total") && line.contains("kind=\"stream\"");
    metrics
        .lines()
        .filter(of_stream)
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

/// The metrics as soon as they are as wished; they may be measured only now and then.
fn metrics_once(daemon: &Daemon, wished: impl Fn(&str) -> bool) -> String {
    let begun = Instant::now();
    loop {
        let metrics = daemon.admin().get("/metrics").unwrap().text();
        if wished(&metrics) {
            return metrics;
        }
        assert!(begun.elapsed() < PATIENCE, "the metrics do not come to what was done:\n{metrics}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn admin_tells_that_it_lives_and_is_ready() {
    let bench = Bench::new(SMALL);
    let daemon = bench.start();
    for path in ["/livez", "/readyz"] {
        let answer = daemon.admin().get(path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    placements(&post(&daemon, PATH, &[], &lines(&trips(40))));
    let metrics = metrics_once(&daemon, |metrics| stream_records(metrics) == 40.0);
    assert!(metrics.contains("caudal_flush_duration_seconds_bucket"), "{metrics}");
    let names = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    assert!(names.clone().all(|line| line.starts_with("caudal_")), "{metrics}");
    daemon.stop();
}
