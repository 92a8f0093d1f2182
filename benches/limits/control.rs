//! What the control plane costs when nothing happens: a thousand workers in a hundred pools.

use super::daemon::Daemon;
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

const POOLS: usize = 100;
const WORKERS: usize = 10;
/// Share of one core, in percent.
const TARGET: f64 = 2.0;
const PATIENCE: Duration = Duration::from_secs(120);
const SETTLED: Duration = Duration::from_secs(5);
/// Processor time is told in hundredths of a second: over this time that is 0.03 % of a core.
const MEASURED: Duration = Duration::from_secs(30);

fn topology() -> String {
    let mut text = String::from(
        "[ingress.collector]\nlisten = \"127.0.0.1:0\"\nto = \"events\"\n[stream.events]\nshards = 1\nretention = \"1m\"\n",
    );
    for pool in 0..POOLS {
        write!(
            text,
            "[queue.work-{pool}]\nfrom = \"events\"\n[workers.pool-{pool}]\nfrom = \"work-{pool}\"\n\
             scale = {{ min = {WORKERS}, max = {WORKERS} }}\n\
             run = {{ http = {{ url = \"http://127.0.0.1:9/\" }} }}\n"
        )
        .expect("text");
    }
    text
}

/// Workers in service in all pools together.
fn in_service(daemon: &Daemon) -> u64 {
    let health = daemon.health();
    let nodes = health["nodes"].as_object().expect("nodes").iter();
    let pools = nodes.filter(|(name, _)| name.starts_with("pool-"));
    pools.filter_map(|(_, node)| node["observation"]["in_service"].as_u64()).sum()
}

/// What is measured is worth nothing unless all of them are there, before and after.
fn wait_until_in_service(daemon: &Daemon) {
    let (begun, all) = (Instant::now(), (POOLS * WORKERS) as u64);
    while in_service(daemon) < all {
        let left = begun.elapsed() < PATIENCE;
        assert!(left, "only {} of {all} workers came into service", in_service(daemon));
        std::thread::sleep(Duration::from_millis(200));
    }
}

pub fn measure() {
    let folder = tempfile::tempdir_in(".").expect("folder");
    let daemon = Daemon::start(&topology(), &folder.path().join("data"));
    wait_until_in_service(&daemon);
    std::thread::sleep(SETTLED);
    let (before, begun) = (daemon.processor_seconds(), Instant::now());
    std::thread::sleep(MEASURED);
    let share = (daemon.processor_seconds() - before) / begun.elapsed().as_secs_f64() * 100.0;
    wait_until_in_service(&daemon);
    println!(
        "idle processor time of {WORKERS} workers in each of {POOLS} pools: {share:.2} % of one core, target {TARGET}: {}",
        if share < TARGET { "met" } else { "short" }
    );
}
