use crate::pipeline::ingress::{Balance, encoding::Encoding, intake::Request, pool::Pool};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

fn request() -> Request {
    let (answer, _) = oneshot::channel();
    Request {
        route: 0,
        key: None,
        idempotency_key: None,
        encoding: Encoding::Identity,
        body: bytes::Bytes::new(),
        came: Instant::now(),
        answer,
    }
}

#[test]
fn a_full_pool_gives_the_request_back() {
    let pool = Pool::new(Balance::LeastOutstanding, 2);
    assert!(pool.offer(0, request()).is_err());
    pool.resize(2, &[]);
    let assigned: Vec<_> = (0..4).map(|_| pool.offer(0, request()).unwrap()).collect();
    assert!(pool.members().iter().all(|member| member.waiting() == 2));
    assert!(pool.offer(0, request()).is_err());
    assert!(pool.members()[0].inlet.take().is_some());
    assert!(pool.offer(0, request()).is_ok());
    drop(assigned);
}

#[tokio::test]
async fn waiting_for_room_is_bounded() {
    let pool = Pool::new(Balance::RoundRobin, 1);
    assert!(pool.offer_within(Duration::from_millis(20), 0, request()).await.is_err());
}

#[test]
fn a_member_leaves_only_when_nobody_waits_for_it() {
    let pool = Pool::new(Balance::LeastOutstanding, 8);
    pool.resize(1, &[]);
    let assigned = pool.offer(0, request()).unwrap();
    let leaving = pool.resize(0, &[]);
    assert!(!leaving[0].has_left());
    assert!(leaving[0].inlet.take().is_some());
    assert!(!leaving[0].has_left());
    assigned.ended(true);
    assert!(leaving[0].has_left());
    assert!(pool.offer(0, request()).is_err());
}

#[test]
fn a_collector_that_drops_requests_is_left_alone_for_a_while() {
    let pool = Pool::new(Balance::RoundRobin, 1_000);
    pool.resize(2, &[]);
    let sick = Arc::clone(&pool.members()[0]);
    for _ in 0..20 {
        let assigned = pool.offer(0, request()).unwrap();
        let to_sick = sick.outstanding() == 1;
        assigned.ended(!to_sick);
    }
    assert!(!sick.is_healthy());
    let given = sick.waiting();
    for _ in 0..20 {
        pool.offer(0, request()).unwrap().ended(true);
    }
    assert_eq!(sick.waiting(), given);
}

#[test]
fn a_new_member_does_not_take_the_key_of_a_task_that_still_ends() {
    let pool = Pool::new(Balance::RoundRobin, 8);
    pool.resize(2, &["collector-0"]);
    let keys: Vec<_> = pool.members().iter().map(|member| member.key.clone()).collect();
    assert_eq!(keys, ["collector-1", "collector-2"]);
}
