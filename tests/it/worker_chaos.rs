//! Programs that die, hang and are killed by the thousand while their pool grows and shrinks.

use crate::support::{
    Bench, Daemon, KEPT, PATIENCE, Process, number_from_environment, pool_of_jobs, raw_lines,
};
use rand::{SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// One attempt in eight is the end of its program: by itself, by a signal, or because it is silent for too
/// long. From the fourth attempt on a message is harmless. A shell starts in a millisecond.
const ROUGH: &str = r#"
echo '{"ready":true,"protocol":1}'
while read -r line; do
    while [ "$line" != "${line#*\"id\":\"}" ]; do
        line=${line#*\"id\":\"}; id=${line%%\"*}
        line=${line#*\"attempt\":}; attempt=${line%%,*}
        line=${line#*\"n\":}; n=${line%%\}*}
        luck=9
        [ "$attempt" -gt 3 ] || luck=$(( (n + attempt * 7919) * 2654435761 % 4294967296 / 1024 % 24 ))
        [ "$luck" -ne 0 ] || exit 7
        [ "$luck" -ne 1 ] || sleep 1000
        echo "{\"id\":\"$id\",\"status\":\"done\",\"results\":[{\"n\":$n}]}"
        [ "$luck" -ne 2 ] || kill -ABRT $$
    done
done
"#;

const QUEUE: &str = "dead_letter = { queue = \"dead\", max_receives = 100 }";

const POOL: &str = r#"
to = "kept"
batch = 4
scale = { min = 0, max = 32, mode = "observe" }
restart = { rest = "40ms", most_rest = "320ms", failures = 50, within = "10s" }
[workers.pool.run]
command = ["sh", "PROGRAM"]
start = "60s"
time = "400ms"
"#;

const PART: u64 = 1_000;
/// Of the pool's `restart`, in milliseconds.
const REST_MS: u64 = 40;
const MOST_REST_MS: u64 = 320;
/// Ends of programs in a second that the slowest machine achieves; usually it is a hundred.
const SLOWEST: u64 = 2;

fn bench() -> Bench {
    let bench = Bench::new("");
    let program = bench.topology().with_file_name("rough.sh");
    fs::write(&program, ROUGH).unwrap();
    let pool = POOL.replace("PROGRAM", program.to_str().unwrap());
    bench.rewrite(&(pool_of_jobs("chaos", QUEUE, &pool) + KEPT));
    bench
}

fn post(daemon: &Daemon, from: u64) {
    let lines: String = (from..from + PART).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let answer = daemon.ingress().post("/streams/jobs/records", &[], lines.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Every restart is within its backoff: the rest that was ordered is what the pool's terms say of so many
/// failures in a row, and nothing was started before its rest was over.
fn check_restarts(bench: &Bench, restarts: u64) {
    let log = bench.log();
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let restarted: Vec<Value> = events.filter(|event| event["message"] == "task is started again").collect();
    assert!(restarted.len() as u64 >= restarts, "{} of {restarts} restarts are logged", restarted.len());
    for event in restarted {
        let number = |name: &str| event[name].as_u64().unwrap_or_else(|| panic!("no {name} in {event}"));
        let doubled = REST_MS << (number("failures_in_a_row") - 1).min(16);
        let (rest, longest) = (number("rest_ms"), doubled.min(MOST_REST_MS));
        assert!((longest / 2..=longest).contains(&rest), "{event}");
        assert!(number("rested_ms") >= rest, "{event}");
    }
}

/// Kills so many of the bench's programs; answers how many there were.
fn kill(bench: &Bench, count: u64, random: &mut SmallRng) -> u64 {
    let is_program = |process: &Process| process.arguments.contains("rough.sh");
    let programs: Vec<Process> = bench.processes().into_iter().filter(is_program).collect();
    let chosen = programs.choose_multiple(random, usize::try_from(count).unwrap());
    let chosen: Vec<&str> = chosen.map(|process| process.id.as_str()).collect();
    if chosen.is_empty() {
        return 0;
    }
    // One that has ended meanwhile is no fault.
    Command::new("kill").arg("-9").args(&chosen).output().unwrap();
    chosen.len() as u64
}

/// Scales 1 -> 32 -> 3 -> 16 while programs end, until so many were started again; answers how many
/// messages were sent.
fn play_havoc(bench: &Bench, daemon: &Daemon, faults: u64) -> (u64, u64) {
    let mut random = SmallRng::seed_from_u64(number_from_environment("CAUDAL_SEED", 20_190_601));
    let (started, mut sent, mut restarts, mut killed) = (Instant::now(), 0, 0, 0);
    let mut seen_at_ms = 0;
    let patience = Duration::from_secs(60 + faults / SLOWEST);
    for desired in [1, 32, 3, 16].into_iter().cycle() {
        if restarts >= faults {
            break;
        }
        assert!(started.elapsed() < patience, "only {restarts} restarts in {patience:?}");
        daemon.order("pool", desired);
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(if desired < 4 { 20 } else { 150 }));
            let health = daemon.health();
            assert_ne!(health.node("pool")["state"], "failed", "{:#}", health.0);
            restarts = health.node("pool")["restarts"].as_u64().unwrap();
            // Once for each observation: the next one sees what was sent after this.
            if health.observed_at_ms() > seen_at_ms && health.number("pool", "backlog") < PART {
                seen_at_ms = health.observed_at_ms();
                post(daemon, sent);
                sent += PART;
            }
            killed += kill(bench, (restarts / 10).saturating_sub(killed).min(4), &mut random);
        }
    }
    let took = started.elapsed();
    println!("{restarts} restarts, {killed} of them after SIGKILL, {sent} messages in {took:?}");
    assert!(killed > 0);
    (sent, restarts)
}

/// CAUDAL_CHAOS_FAULTS (200 without it) ends of programs, one in ten of them by SIGKILL from outside.
#[test]
fn programs_that_die_hang_and_are_killed_lose_and_double_nothing_while_their_pool_scales() {
    let bench = bench();
    let daemon = bench.start();
    let (sent, restarts) = play_havoc(&bench, &daemon, number_from_environment("CAUDAL_CHAOS_FAULTS", 200));
    daemon.order("pool", 16);
    let met = |daemon: &Daemon| daemon.health().tally("pool").sum() == sent;
    let waiting = Instant::now();
    while !met(&daemon) {
        assert!(waiting.elapsed() < 2 * PATIENCE, "{:#}", daemon.health().0);
        thread::sleep(Duration::from_millis(50));
    }
    daemon.stop();
    check_restarts(&bench, restarts);
    let kept = raw_lines(&bench.data().join("raw"));
    let number = |line: &String| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap();
    let once: BTreeSet<u64> = kept.iter().map(number).collect();
    assert_eq!(kept.len() as u64, sent, "a message was done twice or lost");
    assert_eq!(once, (0..sent).collect());
    bench.wait_until_no_process_is_left();
}
