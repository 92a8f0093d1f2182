use super::daemon::*;
use crate::pipeline::{Capacity, Stage};
use serde_json::json;
use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::JoinHandle,
};

/// Posts until told to stop, over one connection or a new one each time; answers how many records
/// were acknowledged. Anything but a 200 fails.
fn poster(address: SocketAddr, stop: &Arc<AtomicBool>, keeps: bool) -> JoinHandle<u64> {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let mut client = connect(address);
        let mut accepted = 0;
        while !stop.load(SeqCst) {
            if !keeps {
                client = connect(address);
            }
            let answer = client.records(b"{\"a\":1}\n{\"a\":2}");
            assert_eq!((answer.status, answer.header("connection")), (200, None), "{answer:?}");
            accepted += 2;
        }
        accepted
    })
}

#[test]
fn an_ingress_is_taken_over_under_load_without_a_lost_request_or_connection() {
    let mut daemon = plain();
    let stop = Arc::default();
    let clients: Vec<_> = (0..6).map(|client| poster(daemon.address, &stop, client < 4)).collect();
    let sections = [section(json!({ "require": ["/a"] })), section(json!({ "balance": "round_robin" }))];
    for section in sections.iter().cycle().take(30) {
        daemon.hand_over(section);
    }
    stop.store(true, SeqCst);
    let accepted: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(daemon.count(), accepted);
}

#[test]
fn a_request_whose_body_still_comes_goes_to_the_stage_that_took_over() {
    let mut daemon = plain();
    let mut slow = connect(daemon.address);
    slow.socket
        .write_all(b"POST /streams/trips/records HTTP/1.1\r\nhost: x\r\ncontent-length: 13\r\n\r\n{\"a\"")
        .unwrap();
    // Answered by the same server after the head above was read, or not: both have to work.
    assert_eq!(daemon.records(b"{}").status, 200);
    daemon.hand_over(&section(json!({ "require": ["/b"] })));
    slow.socket.write_all(b":1,\"b\":2}").unwrap();
    assert_eq!(slow.receive().status, 200);
    assert_eq!(slow.records(b"{\"a\":1}").status, 400, "the new rules hold on the old connection");
    assert_eq!(daemon.count(), 2);
}

#[test]
fn a_stage_that_goes_before_the_old_one_drains_gives_the_door_back() {
    let daemon = plain();
    let (mut stage, mut tasks) = daemon.successor(&section(json!({ "require": ["/b"] })));
    assert_eq!(daemon.records(b"{}").status, 200, "nothing has changed before the first reconcile");
    stage.reconcile(Capacity(1), &mut tasks);
    assert_eq!(daemon.records(b"{}").status, 400);
    stage.drain(&mut tasks);
    assert_eq!(daemon.records(b"{}").status, 200);
    drop(stage);
    let (mut stage, mut tasks) = daemon.successor(&section(json!({ "require": ["/b"] })));
    stage.reconcile(Capacity(1), &mut tasks);
    assert_eq!(daemon.records(b"{}").status, 400);
    drop(stage);
    assert_eq!(daemon.records(b"{}").status, 200);
}

#[test]
fn an_old_stage_that_drains_does_not_turn_clients_away() {
    let mut daemon = plain();
    let (mut stage, mut tasks) = daemon.successor(&section(json!({})));
    stage.reconcile(Capacity(1), &mut tasks);
    let mut old = daemon.stage.take().unwrap();
    old.drain(&mut daemon.tasks);
    assert_eq!(daemon.records(b"{}").status, 200);
    drop(old);
    assert_eq!(daemon.records(b"{}").status, 200);
    stage.drain(&mut tasks);
    assert_eq!(daemon.records(b"{}").status, 503, "the last stage behind a door turns them away");
}
