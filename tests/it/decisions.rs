//! What a pool does is told alike wherever it is told: in its history, in the log, in the metrics.

use crate::support::{Bench, Daemon, WorkServer, pool_of_jobs};
use serde_json::Value;
use std::time::Duration;

const SCALE: &str = r#"
batch = 1
[workers.pool.scale]
min = 0
max = 8
cooldown = "1s"
policies = [{ utilisation = { outstanding = 4, target = 1.0, scale_in_after = "2s" } }]
"#;

fn bench(server: &WorkServer) -> Bench {
    let run = format!("run = {{ http = {{ url = \"{}\" }} }}", server.url());
    Bench::new(&pool_of_jobs("told", "", &(run + SCALE)))
}

fn post(daemon: &Daemon, count: usize) {
    let body = "{}\n".repeat(count);
    let answer = daemon.ingress().post("/streams/jobs/records", &[], body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// From, to, who decided and why, oldest first.
type Told = (u64, u64, String, String);

fn number(event: &Value, name: &str) -> u64 {
    event[name].as_u64().unwrap_or_else(|| panic!("no {name} in {event}"))
}

fn text(event: &Value, name: &str) -> String {
    event[name].as_str().unwrap_or_else(|| panic!("no {name} in {event}")).to_owned()
}

fn history(daemon: &Daemon) -> Vec<Told> {
    let mut activities = daemon.pool_page("pool", "activities");
    activities.sort_by_key(|activity| number(activity, "at_ms"));
    let scaled = activities.iter().filter(|activity| activity["from"] != activity["to"]);
    let by = |activity: &Value| activity["policy"].as_str().unwrap_or("hand").to_owned();
    scaled.map(|one| (number(one, "from"), number(one, "to"), by(one), text(one, "because"))).collect()
}

fn log(bench: &Bench) -> Vec<Told> {
    let log = bench.log();
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let scaled = events.filter(|event| event["message"] == "pool scaled");
    scaled
        .map(|one| (number(&one, "from"), number(&one, "to"), text(&one, "policy"), text(&one, "because")))
        .collect()
}

/// Decisions counted for a policy, in and out together.
fn counted(daemon: &Daemon, policy: &str) -> usize {
    let metrics = daemon.admin().get("/metrics").unwrap().text();
    let policy = format!("policy=\"{policy}\"");
    let of = |line: &&str| line.starts_with("caudal_scaling_decisions_total{") && line.contains(&policy);
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
    metrics.lines().filter(of).map(value).sum()
}

#[test]
fn a_pool_scales_from_zero_and_to_zero_and_each_decision_is_in_its_history_the_log_and_the_metrics() {
    let server = WorkServer::start(Duration::from_millis(5), 64);
    let bench = bench(&server);
    let daemon = bench.start();
    daemon.wait_for("no worker", |health| health.number("pool", "in_service") == 0);
    post(&daemon, 500);
    daemon.wait_for("all jobs done", |health| health.tally("pool").finished == 500);
    let idle = |health: &crate::support::Health| {
        health.number("pool", "in_service") + health.number("pool", "draining") == 0
    };
    daemon.wait_for("no worker again", idle);
    daemon.order("pool", 2);
    daemon.wait_for("those ordered by hand", |health| health.number("pool", "in_service") == 2);
    let told = history(&daemon);
    assert_eq!((told[0].0, told.last().unwrap().1), (0, 2), "{told:#?}");
    assert!(
        told.iter().any(|one| one.1 == 0) && told.iter().all(|one| one.0 <= 8 && one.1 <= 8),
        "{told:#?}"
    );
    assert!(told.iter().all(|one| !one.3.is_empty()), "{told:#?}");
    assert_eq!(log(&bench)[..told.len()], told[..]);
    for policy in ["utilisation", "hand"] {
        let decisions = told.iter().filter(|one| one.2 == policy).count();
        assert!(decisions > 0, "{told:#?}");
        assert_eq!(counted(&daemon, policy), decisions, "{told:#?}");
    }
    daemon.stop();
}
