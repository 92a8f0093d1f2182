//! What the control plane costs when nothing happens: a thousand workers in a hundred pools.

use super::daemon::Daemon;
use std::{fmt::Write, time::Duration};

const POOLS: usize = 100;
const WORKERS: usize = 10;
/// Share of one core, in percent.
const TARGET: f64 = 2.0;
const SETTLED: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(10);

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

pub fn measure() {
    let folder = tempfile::tempdir_in(".").expect("folder");
    let daemon = Daemon::start(&topology(), &folder.path().join("data"));
    std::thread::sleep(SETTLED);
    let before = daemon.processor_seconds();
    std::thread::sleep(MEASURED);
    let share = (daemon.processor_seconds() - before) / MEASURED.as_secs_f64() * 100.0;
    println!(
        "idle processor time of {WORKERS} workers in each of {POOLS} pools: {share:.2} % of one core, target {TARGET}: {}",
        if share < TARGET { "met" } else { "short" }
    );
}
