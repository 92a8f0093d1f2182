//! Collectors come, go and die while requests flow.

use super::daemon::*;
use crate::pipeline::{Capacity, Stage};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

fn until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn collectors_are_scaled_by_the_requests_that_are_outstanding_and_each_is_answered() {
    const CLIENTS: u64 = 96;
    let section = section(json!({ "waiting": 128, "scale": { "min": 1, "max": 8 } }));
    let mut daemon = start(&section, json!({ "shards": 4 }));
    // Nobody collects, so that what comes stays outstanding.
    daemon.tasks.abort_all();
    until(|| {
        daemon.tasks.reap();
        daemon.tasks.alive().next().is_none()
    });
    let address = daemon.address;
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| thread::spawn(move || connect(address).records(b"{}").status)).collect();
    let mut stage = daemon.stage.take().unwrap();
    until(|| stage.observe(&daemon.tasks).backlog == CLIENTS);
    let seen = stage.observe(&daemon.tasks);
    assert_eq!((seen.in_flight, seen.detail["unit"].as_str()), (0, Some("requests")));
    let scale = section.pool_scale();
    let [busy, outstanding] = [0, 1].map(|place| scale.policies[place].utilisation.as_ref().unwrap());
    assert_eq!((busy.outstanding, outstanding.outstanding), (None, Some(128)));
    let each = 128.0 * outstanding.target;
    let wanted = (seen.backlog as f64 / each).ceil() as u32;
    assert_eq!((scale.policies.len(), wanted), (2, 2), "96 requests at 128 and a utilisation of 0.7");
    stage.reconcile(Capacity(wanted), &mut daemon.tasks);
    assert!(clients.into_iter().all(|client| client.join().unwrap() == 200));
    until(|| {
        let seen = stage.observe(&daemon.tasks);
        (seen.backlog + seen.in_flight, seen.in_service) == (0, wanted)
    });
    assert_eq!(daemon.count(), CLIENTS);
    // A pool that shrinks lets collectors go, and those that stay answer.
    stage.reconcile(Capacity(1), &mut daemon.tasks);
    until(|| {
        daemon.tasks.reap();
        stage.reconcile(Capacity(1), &mut daemon.tasks);
        stage.observe(&daemon.tasks).in_service == 1 && daemon.tasks.alive().count() == 1
    });
    assert_eq!(daemon.records(b"{}").status, 200);
    daemon.stage = Some(stage);
}

/// Posts requests of two records until told to stop, each again with its key until it is answered with 200;
/// answers how many, and how often one had to be sent again.
fn insist(address: std::net::SocketAddr, client: u64, stop: &AtomicBool, answered: &AtomicU64) -> (u64, u64) {
    let (mut requests, mut repeated) = (0, 0);
    while !stop.load(SeqCst) {
        let key = format!("client-{client}-request-{requests}");
        let begun = Instant::now();
        loop {
            let headers = [("idempotency-key", key.as_str())];
            let answer =
                request(address, "POST", "/streams/trips/records", &headers, b"{\"a\":1}\n{\"a\":2}");
            if answer.status == 200 {
                break;
            }
            assert!((500..600).contains(&answer.status) && begun.elapsed() < PATIENCE, "{answer:?}");
            repeated += 1;
            thread::sleep(Duration::from_millis(1));
        }
        requests += 1;
        answered.fetch_add(1, SeqCst);
    }
    (requests, repeated)
}

#[test]
fn a_collector_that_dies_is_replaced_while_requests_flow_and_none_is_lost_or_stored_twice() {
    const DEATHS: u32 = 20;
    let mut daemon = plain();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (address, stop, answered) = (daemon.address, Arc::clone(&stop), Arc::clone(&answered));
            thread::spawn(move || insist(address, client, &stop, &answered))
        })
        .collect();
    let mut stage = daemon.stage.take().unwrap();
    let mut died = 0;
    while died < DEATHS {
        let before = answered.load(SeqCst);
        daemon.tasks.abort_all();
        until(|| {
            died += u32::try_from(daemon.tasks.reap().len()).unwrap();
            daemon.tasks.alive().next().is_none()
        });
        stage.reconcile(Capacity(2), &mut daemon.tasks);
        until(|| stage.observe(&daemon.tasks).in_service == 2);
        // Those that took their places do what they did.
        until(|| answered.load(SeqCst) >= before + 4);
    }
    stop.store(true, SeqCst);
    let ended: Vec<(u64, u64)> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    let requests: u64 = ended.iter().map(|(requests, _)| requests).sum();
    assert_eq!(daemon.count(), 2 * requests);
    println!("{requests} requests, {} sent again", ended.iter().map(|(_, repeated)| repeated).sum::<u64>());
    daemon.stage = Some(stage);
}
