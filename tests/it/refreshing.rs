//! The programs of a pool are replaced while messages flow: nothing is lost, nothing comes twice, and
//! enough of them stay in service.

use crate::support::{Bench, Daemon, KEPT, PATIENCE, pool_of_jobs, raw_lines};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

const WORKERS: usize = 8;
/// 75 % of them.
const LEAST_HEALTHY: usize = 6;
const REFRESH: &str = r#"{"min_healthy_percentage": 75, "max_healthy_percentage": 100, "warm_up": "200ms", "bake_time": "500ms"}"#;

/// Each result tells which version of the program made it, and at which attempt.
const PROGRAM: &str = r#"
echo '{"ready":true,"protocol":1}'
while read -r line; do
    sleep 0.02
    while [ "$line" != "${line#*\"id\":\"}" ]; do
        line=${line#*\"id\":\"}; id=${line%%\"*}
        line=${line#*\"attempt\":}; attempt=${line%%,*}
        line=${line#*\"n\":}; n=${line%%\}*}
        echo "{\"id\":\"$id\",\"status\":\"done\",\"results\":[{\"n\":$n,\"attempt\":$attempt,\"version\":$1}]}"
    done
done
"#;

fn topology(bench: &Bench, version: u32) -> String {
    let program = bench.topology().with_file_name("program.sh");
    let pool = format!(
        r#"
to = "kept"
batch = 5
scale = {{ min = {WORKERS}, max = {WORKERS} }}
refresh = {{ min_healthy_percentage = 75, warm_up = "200ms", bake_time = "500ms" }}
[workers.pool.run]
command = ["sh", {program:?}, "{version}"]
start = "60s"
"#
    );
    pool_of_jobs("refreshed", "", &pool) + KEPT
}

/// Posts until told to stop; answers how many messages.
fn post(daemon: &Daemon, stop: &AtomicBool) -> u64 {
    let (mut client, mut sent) = (daemon.ingress(), 0);
    while !stop.load(Relaxed) {
        let lines: String = (sent..sent + 20).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        let answer = client.post("/streams/jobs/records", &[], lines.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        sent += 20;
        thread::sleep(Duration::from_millis(25));
    }
    sent
}

/// Workers by state and generation, as last observed.
fn in_service(daemon: &Daemon, generation: Option<u64>) -> usize {
    let workers = daemon.pool_page("pool", "workers");
    let fits = |worker: &&Value| {
        worker["state"] == "InService" && generation.is_none_or(|wanted| worker["generation"] == wanted)
    };
    workers.iter().filter(fits).count()
}

/// Waits until the latest refresh has a status; all the while enough workers are in service.
fn until_refresh_is(daemon: &Daemon, wanted: &str, least: usize) {
    let begun = Instant::now();
    loop {
        let healthy = in_service(daemon, None);
        assert!(
            healthy >= least,
            "only {healthy} workers are in service: {:#?}",
            daemon.pool_page("pool", "workers")
        );
        let latest = daemon.pool_page("pool", "refreshes").into_iter().next().unwrap_or_default();
        if latest["status"] == wanted {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{latest:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Fewest and most processes of the pool that lived at one time after all had been started, as the log
/// tells; those of the first stop are left out.
fn living(bench: &Bench) -> (usize, usize) {
    let (mut now, mut least, mut most) = (0, usize::MAX, 0);
    for line in bench.log().lines() {
        if line.contains("stopping") || line.contains("\"node drains\"") {
            break;
        }
        if line.contains("a program was started") {
            now += 1;
        } else if line.contains("a program has ended") {
            now -= 1;
            least = least.min(now);
        }
        most = most.max(now);
    }
    (least, most)
}

#[test]
fn programs_are_refreshed_under_load_and_nothing_is_lost_or_tried_twice() {
    let bench = Bench::new("");
    fs::write(bench.topology().with_file_name("program.sh"), PROGRAM).unwrap();
    fs::write(bench.topology(), topology(&bench, 1)).unwrap();
    let daemon = bench.start();
    daemon.wait_for("all programs", |health| health.number("pool", "in_service") == WORKERS as u64);
    let stop = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let posting = scope.spawn(|| post(&daemon, &stop));
        // By hand: each worker is replaced by an equal one.
        daemon.pool_verb("pool", "refresh", REFRESH);
        until_refresh_is(&daemon, "Successful", LEAST_HEALTHY);
        assert_eq!(in_service(&daemon, Some(2)), WORKERS);
        // By hand, cancelled half way, and taken up again.
        daemon.pool_verb("pool", "refresh", REFRESH);
        let begun = Instant::now();
        while in_service(&daemon, Some(3)) == 0 {
            assert!(begun.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(daemon.pool_verb("pool", "refresh/cancel", "")["status"], "Cancelled");
        daemon.pool_verb("pool", "refresh", REFRESH);
        until_refresh_is(&daemon, "Successful", LEAST_HEALTHY);
        // Another program, by a reload.
        bench.rewrite(&topology(&bench, 2));
        let (code, told) = bench.reload();
        assert_eq!((code, told.contains("replaced    workers pool: run.command")), (Some(0), true), "{told}");
        until_refresh_is(&daemon, "Successful", LEAST_HEALTHY);
        thread::sleep(Duration::from_millis(300));
        stop.store(true, Relaxed);
        posting.join().unwrap()
    });
    daemon.wait_for("the end of the queue", |health| health.tally("pool").finished == sent);
    let health = daemon.health();
    assert_eq!(health.node("pool")["restarts"], 0, "no program failed");
    daemon.stop();
    let (least, most) = living(&bench);
    assert!(least >= LEAST_HEALTHY && most <= 2 * WORKERS, "{least} to {most} programs lived at a time");
    check_results(&bench, sent);
}

fn check_results(bench: &Bench, sent: u64) {
    let lines = raw_lines(&bench.data().join("raw"));
    let results: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let number = |result: &Value, name: &str| result[name].as_u64().unwrap();
    let once: BTreeSet<u64> = results.iter().map(|result| number(result, "n")).collect();
    assert_eq!((results.len() as u64, once), (sent, (0..sent).collect()), "lost or kept twice");
    let again: Vec<&Value> = results.iter().filter(|result| number(result, "attempt") > 1).collect();
    assert!(again.is_empty(), "{} messages were handed out twice, such as {}", again.len(), again[0]);
    let of = |version| results.iter().filter(|result| number(result, "version") == version).count();
    assert!(of(1) > 0 && of(2) > 0 && of(1) + of(2) == results.len());
}

/// A deadline that the refresh does not meet; it goes on beyond it.
#[test]
fn a_reload_that_wants_what_is_under_way_replaces_nothing_twice() {
    let bench = Bench::new("");
    fs::write(bench.topology().with_file_name("program.sh"), PROGRAM).unwrap();
    let slowly = |version, deadline| {
        let text = topology(&bench, version).replace("warm_up = \"200ms\"", "warm_up = \"3s\"");
        let text = text.replace("start = \"60s\"", "start = \"60s\"\nstop = \"1s\"");
        text.replace("drain_deadline = \"120s\"", &format!("drain_deadline = \"{deadline}\""))
    };
    bench.rewrite(&slowly(1, "1s"));
    let daemon = bench.start();
    daemon.wait_for("all programs", |health| health.number("pool", "in_service") == WORKERS as u64);
    bench.rewrite(&slowly(2, "1s"));
    for _ in 0..2 {
        let (code, told) = bench.reload();
        assert_eq!((code, told.contains("replacing   pool")), (Some(0), true), "{told}");
    }
    until_refresh_is(&daemon, "Successful", LEAST_HEALTHY);
    bench.rewrite(&slowly(2, "120s"));
    let (code, told) = bench.reload();
    let says = "replaced    workers pool: as the reload before asked for";
    assert_eq!((code, told.contains(says)), (Some(0), true), "{told}");
    assert!(bench.reload().1.contains("nothing has changed"));
    assert_eq!(daemon.pool_page("pool", "refreshes").len(), 1, "one for both");
    assert_eq!(in_service(&daemon, Some(2)), WORKERS);
    daemon.stop();
}
