//! A pool that scales while it works: nothing is handed out twice, and the daemon does what its
//! simulator says it does.

use crate::support::{Bench, Client, Daemon, WorkServer, number_from_environment, pool_of_jobs};
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

fn by_hand(url: &str) -> String {
    let pool = format!(
        r#"
batch = 100
scale = {{ min = 0, max = 16, mode = "observe" }}
run = {{ http = {{ url = "{url}" }} }}
"#
    );
    pool_of_jobs("by-hand", "", &pool)
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
            daemon.order("pool", random.random_range(0..=16));
            orders += 1;
            thread::sleep(Duration::from_millis(30));
            assert!(!posting.is_finished() || server.messages() <= sent);
        }
        posting.join().unwrap();
        println!("{sent} messages under {orders} orders of capacity in {:?}", started.elapsed());
        assert!(orders > 10, "the pool was hardly scaled");
    });
    let sent = (batches * BATCH) as u64;
    daemon.order("pool", 1);
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

/// What was posted in each second, and by how much the latest post was late.
struct Driven {
    posted: Vec<u64>,
    late: Duration,
}

/// Posts what the trace says in each tenth of a second, by the clock.
fn drive(daemon: &Daemon, stream: &str, trace: &[u64], begun: Instant) -> Driven {
    let (mut client, path) = (daemon.ingress(), format!("/streams/{stream}/records"));
    let mut driven = Driven { posted: vec![0; trace.len()], late: Duration::ZERO };
    for (tenth, rate) in trace.iter().flat_map(|rate| [*rate; 10]).enumerate() {
        let due = begun + Duration::from_millis(100) * u32::try_from(tenth).unwrap();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // On a machine that is late it came when it came.
        let second = usize::try_from(begun.elapsed().as_secs()).unwrap().min(trace.len() - 1);
        driven.posted[second] += rate / 10;
        driven.late = driven.late.max(due.elapsed());
        accepted(&mut client, &path, &lines_of(usize::try_from(rate / 10).unwrap()));
    }
    driven
}

/// Workers in service at the end of each second of the trace, and how many messages the server had by then.
struct Watched {
    workers: Vec<f64>,
    done: Vec<(f64, u64)>,
    late: Duration,
}

fn watch(daemon: &Daemon, pool: &str, server: &WorkServer, seconds: usize, begun: Instant) -> Watched {
    let mut watched = Watched { workers: Vec::new(), done: Vec::new(), late: Duration::ZERO };
    let mut admin = daemon.admin();
    for second in 0..seconds {
        let due = begun + Duration::from_secs(second as u64 + 1);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let pools = admin.get("/pools").unwrap().json();
        watched.workers.push(pools[pool]["in_service"].as_f64().unwrap());
        watched.done.push((begun.elapsed().as_secs_f64(), server.messages()));
        watched.late = watched.late.max(due.elapsed());
    }
    watched
}

impl Watched {
    /// Messages a second that the server took in its best ten seconds: its limit, when it was at it.
    fn limit(&self) -> f64 {
        let rates =
            self.done.windows(11).map(|part| (part[10].1 - part[0].1) as f64 / (part[10].0 - part[0].0));
        rates.fold(0.0, f64::max)
    }
}

/// The trace as it is seen by whom its seconds begin a little later: a part of each falls into the next.
fn later(trace: &[u64], part: f64) -> Vec<f64> {
    let before = std::iter::once(0).chain(trace.iter().copied());
    before.zip(trace).map(|(before, now)| before as f64 * part + *now as f64 * (1.0 - part)).collect()
}

/// A pool as it was in the daemon, to be simulated: by what is known of this machine, a record may take longer than
/// its server does.
struct Model {
    pool: &'static str,
    service_ms: u128,
    /// Records a second that its server takes.
    limit: Option<f64>,
}

/// What the simulator says of the same pool and trace, second by second.
fn simulated(bench: &Bench, model: &Model, trace: &[f64]) -> Vec<f64> {
    let Model { pool, service_ms, limit } = model;
    let file = bench.data().join(format!("{pool}.csv"));
    let rows = trace.iter().enumerate().map(|(second, rate)| format!("{second},{rate}\n"));
    fs::write(&file, format!("second,arrivals\n{}", rows.collect::<String>())).unwrap();
    let (topology, service) = (bench.topology(), format!("{service_ms}ms"));
    let mut arguments = vec!["simulate", "--topology", topology.to_str().unwrap(), "--pool", pool];
    arguments.extend(["--trace", file.to_str().unwrap(), "--service", &service, "--start", "0s", "--json"]);
    let limit = limit.map(|limit| format!("{limit:.1}"));
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
fn compared(bench: &Bench, model: &Model, real: &Watched, driven: &Driven) -> Option<String> {
    let (pool, real, trace) = (model.pool, &real.workers, &driven.posted);
    let phases = [0.0, 0.25, 0.5, 0.75];
    let runs: Vec<Vec<f64>> =
        phases.map(|part| simulated(bench, model, &later(trace, part))).into_iter().collect();
    let apart: Vec<usize> = (0..trace.len()).filter(|second| !agrees(real, &runs, *second)).collect();
    let shown = |seconds: &[f64]| seconds.iter().map(|workers| *workers as u64).collect::<Vec<_>>();
    let limit = model.limit.map_or_else(String::new, |limit| format!(" and {limit:.1} a second for all"));
    println!("{pool}, {} ms for a record{limit}, in the daemon, then simulated:", model.service_ms);
    println!("{:?}", shown(real));
    runs.iter().for_each(|run| println!("{:?}", shown(run)));
    (!apart.is_empty()).then(|| format!("{pool} differs in the seconds {apart:?}"))
}

/// A trace that was played on the daemon and compared.
struct Played {
    apart: Vec<String>,
    /// By how much the machine was late at most.
    late: Duration,
}

fn play(trace: &[u64]) -> Played {
    let (free, capped) = (WorkServer::start(SERVICE, 1000), WorkServer::start(SERVICE, SINK_AT_ONCE));
    let bench = Bench::new(&two_pools(&free.url(), &capped.url()));
    let daemon = bench.start();
    let begun = Instant::now() + Duration::from_millis(200);
    let (driven, watched) = thread::scope(|scope| {
        let (daemon, seconds) = (&daemon, trace.len());
        let driven =
            ["step", "capped"].map(|stream| scope.spawn(move || drive(daemon, stream, trace, begun)));
        let watched = [("step-pool", &free), ("capped-pool", &capped)]
            .map(|(pool, server)| scope.spawn(move || watch(daemon, pool, server, seconds, begun)));
        (driven.map(|one| one.join().unwrap()), watched.map(|one| one.join().unwrap()))
    });
    // What the policy sees of a record that waits for nothing but its server.
    let health = daemon.health();
    let busy = health.observed("step-pool", "busy_seconds").as_f64().unwrap();
    let service_ms = (1_000.0 * busy / health.number("step-pool", "processed") as f64).round() as u128;
    let models = [
        Model { pool: "step-pool", service_ms, limit: None },
        Model { pool: "capped-pool", service_ms, limit: Some(watched[1].limit()) },
    ];
    let late = driven.iter().map(|one| one.late).chain(watched.iter().map(|one| one.late)).max().unwrap();
    let pairs = models.iter().zip(&watched).zip(&driven);
    let apart = pairs.filter_map(|((model, real), driven)| compared(&bench, model, real, driven));
    let repeated = free.seen.repeated.load(std::sync::atomic::Ordering::SeqCst);
    let repeated = (repeated > 0).then(|| format!("{repeated} messages were handed out twice"));
    Played { apart: apart.chain(repeated).collect(), late }
}

/// A machine that stood still for so long measured nothing of the daemon.
const STOOD_STILL: Duration = Duration::from_millis(700);
const PLAYS: u32 = 4;

/// CAUDAL_AGREEMENT_SECONDS (30 without it) is how long the busy part of the trace is.
#[test]
fn the_daemon_scales_as_its_simulator_says() {
    let busy = number_from_environment("CAUDAL_AGREEMENT_SECONDS", 30);
    let trace = arrivals(20, busy);
    for count in 1..=PLAYS {
        let Played { apart, late } = play(&trace);
        if apart.is_empty() {
            return;
        }
        assert!(late >= STOOD_STILL && count < PLAYS, "{apart:?}; the machine was late by {late:?} at most");
        println!("the machine stood still for {late:?}: once more");
    }
}
