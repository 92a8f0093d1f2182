//! A pool that scales while it works: nothing is handed out twice, and the daemon does what its
//! simulator says it does.

use crate::support::{Bench, Client, Daemon, WorkServer, number_from_environment};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::Value;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

const BATCH: usize = 500;

fn lines_of(count: usize) -> Vec<u8> {
    let lines: Vec<String> = (0..count).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    lines.concat().into_bytes()
}

fn accepted(client: &mut Client, path: &str, body: &[u8]) {
    let answer = client.post(path, &[], body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn order(daemon: &Daemon, pool: &str, desired: u32) {
    let body = format!("{{\"desired\":{desired}}}");
    let headers = [("content-type", "application/json")];
    let path = format!("/pools/{pool}/desired");
    let answer = daemon.admin().post(&path, &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn by_hand(url: &str) -> String {
    format!(
        r#"
[topology]
name = "by-hand"
[ingress.collector]
to = "jobs"
[stream.jobs]
[queue.work]
from = "jobs"
visibility_timeout = "60s"
[workers.pool]
from = "work"
batch = 100
scale = {{ min = 0, max = 16, mode = "observe" }}
run = {{ http = {{ url = "{url}" }} }}
"#
    )
}

/// CAUDAL_SCALED_MESSAGES messages (100,000 without it) while the pool is ordered anew all the while.
#[test]
fn scaling_in_loses_and_redelivers_nothing() {
    let messages = number_from_environment("CAUDAL_SCALED_MESSAGES", 100_000);
    let mut random = SmallRng::seed_from_u64(number_from_environment("CAUDAL_SEED", 20_190_601));
    let server = WorkServer::start(Duration::from_micros(20), 64);
    let bench = Bench::new(&by_hand(&server.url()));
    let daemon = bench.start();
    let batches = usize::try_from(messages).unwrap().div_ceil(BATCH);
    thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let (mut client, body) = (daemon.ingress(), lines_of(BATCH));
            (0..batches).for_each(|_| accepted(&mut client, "/streams/jobs/records", &body));
        });
        let sent = (batches * BATCH) as u64;
        let started = Instant::now();
        let mut orders = 0_u32;
        while server.messages() < sent {
            assert!(started.elapsed() < Duration::from_secs(540), "only {} came", server.messages());
            order(&daemon, "pool", random.random_range(0..=16));
            orders += 1;
            thread::sleep(Duration::from_millis(30));
            assert!(!posting.is_finished() || server.messages() <= sent);
        }
        posting.join().unwrap();
        println!("{sent} messages under {orders} orders of capacity in {:?}", started.elapsed());
        assert!(orders > 10, "the pool was hardly scaled");
    });
    let sent = (batches * BATCH) as u64;
    order(&daemon, "pool", 1);
    daemon.wait_for("the end of the queue", |health| {
        health.number("pool", "backlog") == 0 && health.tally("pool").finished == sent
    });
    assert_eq!(server.seen.repeated.load(std::sync::atomic::Ordering::SeqCst), 0, "redelivered");
    assert_eq!(server.messages(), sent);
    daemon.stop();
}

const SERVICE: Duration = Duration::from_millis(100);
/// Batches that the capped sink takes at a time: 50 records a second.
const SINK_AT_ONCE: usize = 5;

fn two_pools(free: &str, capped: &str) -> String {
    let pool = |name: &str, url: &str| {
        format!(
            r#"
[stream.{name}]
[queue.{name}-queue]
from = "{name}"
visibility_timeout = "600s"
[workers.{name}-pool]
from = "{name}-queue"
batch = 1
scale = {{ min = 1, max = 100, goal_age = "10s" }}
run = {{ http = {{ url = "{url}" }} }}
"#
        )
    };
    let head = "[topology]\nname = \"agreement\"\n[ingress.collector]\nto = [\"step\", \"capped\"]\n";
    format!("{head}{}{}", pool("step", free), pool("capped", capped))
}

/// Arrivals a second: calm, ten times as many, calm again.
fn arrivals(calm: u64, busy: u64) -> Vec<u64> {
    let step = |rate: u64, seconds: u64| std::iter::repeat_n(rate, usize::try_from(seconds).unwrap());
    step(20, calm).chain(step(200, busy)).chain(step(20, 2 * calm + busy)).collect()
}

/// Posts what the trace says in each tenth of a second, by the clock.
fn drive(daemon: &Daemon, stream: &str, trace: &[u64], begun: Instant) {
    let (mut client, path) = (daemon.ingress(), format!("/streams/{stream}/records"));
    for (tenth, rate) in trace.iter().flat_map(|rate| [*rate; 10]).enumerate() {
        let due = begun + Duration::from_millis(100) * u32::try_from(tenth).unwrap();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        accepted(&mut client, &path, &lines_of(usize::try_from(rate / 10).unwrap()));
    }
}

/// Workers in service in each second of the trace.
fn watch(daemon: &Daemon, pool: &str, seconds: usize, begun: Instant) -> Vec<f64> {
    let mut workers = Vec::with_capacity(seconds);
    let mut admin = daemon.admin();
    for second in 0..seconds {
        let due = begun + Duration::from_secs(second as u64 + 1);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let pools = admin.get("/pools").unwrap().json();
        workers.push(pools[pool]["in_service"].as_f64().unwrap());
    }
    workers
}

/// The trace as it is seen by whom its seconds begin a little later: a part of each falls into the next.
fn later(trace: &[u64], part: f64) -> Vec<f64> {
    let before = std::iter::once(0).chain(trace.iter().copied());
    before.zip(trace).map(|(before, now)| before as f64 * part + *now as f64 * (1.0 - part)).collect()
}

/// What the simulator says of the same pool and trace, second by second.
fn simulated(bench: &Bench, pool: &str, trace: &[f64], limit: Option<usize>) -> Vec<f64> {
    let file = bench.data().join(format!("{pool}.csv"));
    let rows = trace.iter().enumerate().map(|(second, rate)| format!("{second},{rate}\n"));
    fs::write(&file, format!("second,arrivals\n{}", rows.collect::<String>())).unwrap();
    let topology = bench.topology();
    let mut arguments = vec!["simulate", "--topology", topology.to_str().unwrap(), "--pool", pool];
    arguments.extend(["--trace", file.to_str().unwrap(), "--service", "100ms", "--start", "0s", "--json"]);
    let limit = limit.map(|workers| (workers * 10).to_string());
    if let Some(limit) = &limit {
        arguments.extend(["--sink-limit", limit]);
    }
    let output = bench.verb(&arguments);
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|fault| panic!("{fault}: {}", String::from_utf8_lossy(&output.stderr)));
    let samples = told["traces"][0]["outcomes"][0]["samples"].as_array().unwrap();
    // A sample tells of the end of its second, as the watch does.
    let workers: Vec<f64> = samples.iter().map(|sample| sample["in_service"].as_f64().unwrap()).collect();
    assert!(workers.len() >= trace.len(), "{} of {} seconds were simulated", workers.len(), trace.len());
    workers
}

/// Within one worker or a tenth of what was simulated within two seconds. When the daemon began to observe
/// within a second is chance, so what lies between the simulated phases agrees too.
fn agrees(real: &[f64], simulated: &[Vec<f64>], second: usize) -> bool {
    let near = second.saturating_sub(2)..(second + 3).min(real.len());
    let wanted = || simulated.iter().flat_map(|run| run[near.clone()].iter().copied());
    let (least, most) = (wanted().fold(f64::INFINITY, f64::min), wanted().fold(0.0, f64::max));
    let slack = |workers: f64| (workers / 10.0).max(1.0);
    (least - slack(least)..=most + slack(most)).contains(&real[second])
}

/// What is wrong with a pool, if anything.
fn compared(bench: &Bench, pool: &str, real: &[f64], trace: &[u64], limit: Option<usize>) -> Option<String> {
    let phases = [0.0, 0.25, 0.5, 0.75];
    let runs: Vec<Vec<f64>> =
        phases.map(|part| simulated(bench, pool, &later(trace, part), limit)).into_iter().collect();
    let apart: Vec<usize> = (0..trace.len()).filter(|second| !agrees(real, &runs, *second)).collect();
    let shown = |seconds: &[f64]| seconds.iter().map(|workers| *workers as u64).collect::<Vec<_>>();
    println!("{pool} in the daemon, then simulated:\n{:?}", shown(real));
    runs.iter().for_each(|run| println!("{:?}", shown(run)));
    (!apart.is_empty()).then(|| format!("{pool} differs in the seconds {apart:?}"))
}

/// CAUDAL_AGREEMENT_SECONDS (30 without it) is how long the busy part of the trace is.
#[test]
fn the_daemon_scales_as_its_simulator_says() {
    let busy = number_from_environment("CAUDAL_AGREEMENT_SECONDS", 30);
    let trace = arrivals(20, busy);
    let (free, capped) = (WorkServer::start(SERVICE, 1000), WorkServer::start(SERVICE, SINK_AT_ONCE));
    let bench = Bench::new(&two_pools(&free.url(), &capped.url()));
    let daemon = bench.start();
    let begun = Instant::now() + Duration::from_millis(200);
    let (step, sink) = thread::scope(|scope| {
        for stream in ["step", "capped"] {
            let (daemon, trace) = (&daemon, &trace);
            scope.spawn(move || drive(daemon, stream, trace, begun));
        }
        let step = scope.spawn(|| watch(&daemon, "step-pool", trace.len(), begun));
        let sink = scope.spawn(|| watch(&daemon, "capped-pool", trace.len(), begun));
        (step.join().unwrap(), sink.join().unwrap())
    });
    let apart: Vec<String> = [("step-pool", step, None), ("capped-pool", sink, Some(SINK_AT_ONCE))]
        .into_iter()
        .filter_map(|(pool, real, limit)| compared(&bench, pool, &real, &trace, limit))
        .collect();
    assert!(apart.is_empty(), "{apart:?}");
    assert_eq!(free.seen.repeated.load(std::sync::atomic::Ordering::SeqCst), 0);
}
