use super::daemon::*;
use crate::pipeline::{Capacity, Stage};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

#[test]
fn a_full_shard_is_a_429_that_names_it_and_stores_nothing() {
    let limits = json!({ "records_per_second": 1, "burst_records": 10 });
    let daemon = start(&section(json!({})), json!({ "shards": 2, "limits": limits, "partition_key": "/k" }));
    let key = |shard| {
        (0..).find(|key: &u32| daemon.stream.route(key.to_string().as_bytes()).index == shard).unwrap()
    };
    let (first, second) = (key(0), key(1));
    let fill = format!("{{\"k\":{second}}}\n").repeat(8);
    assert_eq!(daemon.records(fill.as_bytes()).status, 200);
    let both = format!("{}{}", format!("{{\"k\":{first}}}\n").repeat(8), fill);
    for _ in 0..5 {
        let answer = daemon.records(both.as_bytes());
        assert_eq!(answer.status, 429);
        assert_eq!((&answer.json()["shard"], &answer.json()["stream"]), (&json!(1), &json!("trips")));
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=6).contains(&seconds), "{seconds}");
    }
    assert_eq!((daemon.stored(0).len(), daemon.stored(1).len()), (0, 8));
    // The refused requests have cost shard 0 nothing.
    assert_eq!(daemon.records(format!("{{\"k\":{first}}}\n").repeat(8).as_bytes()).status, 200);
}

#[test]
fn a_request_that_can_never_fit_is_a_413_with_the_remedy() {
    let limits = json!({ "records_per_second": 5 });
    let daemon = start(&section(json!({})), json!({ "limits": limits }));
    let answer = daemon.records("{}\n".repeat(6).as_bytes());
    assert_eq!((answer.status, answer.header("retry-after")), (413, None));
    assert!(answer.json()["remedy"].as_str().unwrap().contains("at most 5 records"));
    assert_eq!(daemon.records("{}\n".repeat(5).as_bytes()).status, 200);
}

#[test]
fn without_a_collector_clients_are_told_to_come_back() {
    let mut daemon = plain();
    let mut tasks = std::mem::replace(
        &mut daemon.tasks,
        crate::pipeline::Tasks::new(daemon.runtime.handle().clone(), "x".into()),
    );
    daemon.stage().reconcile(Capacity(0), &mut tasks);
    let answer = daemon.records(b"{}");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    tasks.reap();
    daemon.stage().reconcile(Capacity(1), &mut tasks);
    assert_eq!(daemon.records(b"{}").status, 200);
    daemon.tasks = tasks;
}

#[test]
fn scaling_under_load_loses_no_request() {
    let mut daemon = plain();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (address, stop) = (daemon.address, Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut client = connect(address);
                let mut accepted = 0;
                while !stop.load(SeqCst) {
                    let answer = client.records(b"{\"a\":1}\n{\"a\":2}");
                    assert_eq!(answer.status, 200, "{answer:?}");
                    accepted += 2;
                }
                accepted
            })
        })
        .collect();
    let mut stage = daemon.stage.take().unwrap();
    for desired in [4, 1, 3, 2, 8, 1, 2, 1, 4, 2].into_iter().cycle().take(60) {
        daemon.tasks.reap();
        stage.reconcile(Capacity(desired), &mut daemon.tasks);
        let observed = stage.observe(&daemon.tasks);
        assert!(observed.in_flight + observed.backlog <= 4, "{observed:?}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    stop.store(true, SeqCst);
    let accepted: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(daemon.count(), accepted);
    assert_eq!(stage.observe(&daemon.tasks).processed * 2, accepted);
    stage.drain(&mut daemon.tasks);
    daemon.wait_until_ended();
}

#[test]
fn draining_finishes_what_came_and_answers_503_after() {
    let mut daemon = plain();
    assert_eq!(daemon.records(b"{}").status, 200);
    let mut tasks = std::mem::replace(
        &mut daemon.tasks,
        crate::pipeline::Tasks::new(daemon.runtime.handle().clone(), "x".into()),
    );
    daemon.stage().drain(&mut tasks);
    let answer = daemon.records(b"{}");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    daemon.tasks = tasks;
    daemon.wait_until_ended();
    let address = daemon.address;
    daemon.stage = None;
    assert!(std::net::TcpStream::connect(address).is_err());
    assert_eq!(daemon.count(), 1);
}

#[test]
fn an_address_in_use_is_named() {
    let daemon = plain();
    let taken = daemon.address.to_string();
    let section = section(json!({ "listen": taken }));
    let context = crate::pipeline::Context {
        node: "second".into(),
        store: daemon.store.clone(),
        metrics: crate::telemetry::Metrics::new().node("second", "ingress"),
        data: ".".into(),
    };
    let refused = crate::pipeline::ingress::IngressStage::bind(context, &section, Vec::new()).unwrap_err();
    assert!(refused.to_string().contains(&taken), "{refused}");
}

#[test]
fn a_server_that_is_dropped_at_once_ends() {
    for _ in 0..20 {
        let daemon = plain();
        let address = daemon.address;
        drop(daemon);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
