//! Workers over a real store, rules and a real server.

use super::{
    bench::{Bench, LONG, origins, reasons, take},
    pool::Pool,
    *,
};
use crate::{
    pipeline::{Capacity, Pulse, Retire, Stage, Tally, Tasks, queue::Queue, rules::RejectRule},
    storage::LeasedMessage,
    units::Span,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    time::Duration,
};

impl Bench {
    /// One worker works, without a failure, until `done` has come true.
    async fn work_well_until(&self, pool: &Arc<Pool>, done: impl AsyncFnOnce()) {
        assert_eq!(self.work_until(pool, done).await, Vec::<String>::new());
    }
}

fn payloads(messages: &[LeasedMessage]) -> Vec<&str> {
    messages.iter().map(|message| std::str::from_utf8(&message.record.payload).unwrap()).collect()
}

/// A server on a free port that answers each posted batch by `answer`: status and body.
fn serve(mut answer: impl FnMut(Value) -> (u16, String) + Send + 'static) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/review", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let (status, text) = answer(serde_json::from_slice(&body).unwrap());
            let head =
                format!("HTTP/1.1 {status} -\r\nConnection: close\r\nContent-Length: {}\r\n", text.len());
            let _ = stream.write_all(format!("{head}Location: http://127.0.0.1:1/\r\n\r\n{text}").as_bytes());
        }
    });
    Run { http: Some(HttpRun { url, timeout: Span(Duration::from_secs(5)) }), ..Run::default() }
}

fn ids(request: &Value) -> Vec<String> {
    let messages = request["messages"].as_array().unwrap();
    messages.iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect()
}

/// Every message done, its data doubled.
fn doubled(request: &Value) -> (u16, String) {
    let double =
        |message: &Value| json!({ "id": message["id"], "data": message["data"]["n"].as_i64().unwrap() * 2 });
    let results: Vec<Value> = request["messages"].as_array().unwrap().iter().map(double).collect();
    (200, json!({ "results": results }).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_send_results_on_put_rejects_aside_and_count_each_message_once() {
    let bench = Bench::new(LONG, 5).await;
    let reject = vec![RejectRule { when: "n > 100".to_owned(), reason: "too large".to_owned() }];
    let sql = "select n * 2 as twice from input where n > 0".to_owned();
    let pool = bench.pool(Run { rules: Some(RulesRun { sql, reject }), ..Run::default() });
    bench.send(&[r#"{"n":5}"#, r#"{"n":0}"#, r#"{"n":200}"#, "nope"]).await;
    let mut dead = Vec::new();
    bench.work_well_until(&pool, async || dead = take(&bench.dead, 2).await).await;
    let results = take(&bench.results, 1).await;
    assert_eq!((payloads(&results), origins(&results)), (vec![r#"{"twice":10}"#], vec![0]));
    assert_eq!((payloads(&dead), origins(&dead)), (vec![r#"{"n":200}"#, "nope"], vec![2, 3]));
    assert_eq!(reasons(&dead)[0], "too large");
    let why: Value = serde_json::from_slice(&dead[0].record.attributes).unwrap();
    assert!(why["rules"].as_str().is_some_and(|version| !version.is_empty()), "{why}");
    assert_eq!(bench.tally(), Tally { finished: 1, quarantined: 2, filtered: 1 });
    assert_eq!(bench.work.depth().deleted, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_item_is_tried_again_and_the_others_are_not() {
    let bench = Bench::new(LONG, 5).await;
    let mut seen: Vec<Vec<String>> = Vec::new();
    let (requests, got) = mpsc::channel();
    let run = serve(move |request| {
        seen.push(ids(&request));
        requests.send(request.clone()).unwrap();
        if seen.len() > 1 {
            return doubled(&request);
        }
        let results = json!([{ "id": "rides/0", "data": 2 }, { "id": "rides/2", "data": 6 }]);
        (200, json!({ "results": results, "failures": [{ "id": "rides/1", "reason": "busy" }] }).to_string())
    });
    let pool = bench.pool(run);
    bench.send(&[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]).await;
    let mut results = Vec::new();
    bench.work_well_until(&pool, async || results = take(&bench.results, 3).await).await;
    assert_eq!((payloads(&results), origins(&results)), (vec!["2", "4", "6"], vec![0, 1, 2]));
    let requests: Vec<Value> = got.try_iter().collect();
    assert_eq!(requests.len(), 2);
    assert_eq!(ids(&requests[1]), ["rides/1"]);
    let message = &requests[1]["messages"][0];
    assert_eq!((&message["attempt"], &message["key"]), (&json!(2), &json!("key")));
    assert_eq!(bench.tally(), Tally { finished: 3, ..Tally::default() });
    assert_eq!(pool.activity.failed.load(Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_fifo_queue_what_follows_a_failed_message_of_its_key_waits_until_that_is_done_or_put_aside() {
    let bench = Bench::in_order(3).await;
    let (requests, got) = mpsc::channel();
    let run = serve(move |request| {
        requests.send(ids(&request)).unwrap();
        if !ids(&request).contains(&"rides/1".to_owned()) {
            return doubled(&request);
        }
        let others = ids(&request).into_iter().filter(|id| id != "rides/1");
        let results: Vec<Value> = others.map(|id| json!({ "id": id, "data": 0 })).collect();
        let failures = json!([{ "id": "rides/1", "reason": "busy" }]);
        (200, json!({ "results": results, "failures": failures }).to_string())
    });
    let pool = bench.pool(run);
    bench.send(&[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#]).await;
    let mut results = Vec::new();
    bench.work_well_until(&pool, async || results = take(&bench.results, 3).await).await;
    assert_eq!((payloads(&results), origins(&results)), (vec!["0", "6", "8"], vec![0, 2, 3]));
    let dead = take(&bench.dead, 1).await;
    assert_eq!(origins(&dead), [1]);
    assert_eq!(dead[0].record.provenance.map(|from| from.origin), Some((bench.work.id(), 1)), "who it was");
    let all = ["rides/0", "rides/1", "rides/2", "rides/3"].map(str::to_owned).to_vec();
    let alone = |number: u32| vec![format!("rides/{number}")];
    assert_eq!(got.try_iter().collect::<Vec<_>>(), [all, alone(1), alone(1), alone(2), alone(3)]);
    assert_eq!(bench.tally(), Tally { finished: 3, quarantined: 1, ..Tally::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_refused_batch_only_the_guilty_message_is_given_up() {
    let bench = Bench::new(LONG, 5).await;
    let run = serve(|request| match ids(&request).contains(&"rides/1".to_owned()) {
        true => (422, "n must be odd".to_owned()),
        false => doubled(&request),
    });
    let pool = bench.pool(run);
    bench.send(&[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, "not json"]).await;
    let mut dead = Vec::new();
    bench.work_well_until(&pool, async || dead = take(&bench.dead, 2).await).await;
    assert_eq!(origins(&dead), [1, 3]);
    assert_eq!(reasons(&dead), ["the server answered 422: n must be odd", "the payload is not JSON"]);
    assert_eq!(payloads(&take(&bench.results, 2).await), ["2", "6"]);
    assert_eq!(bench.tally(), Tally { finished: 2, quarantined: 2, filtered: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_sick_sends_messages_to_the_dead_letter_queue_with_its_words() {
    let bench = Bench::new(LONG, 3).await;
    let pool = bench.pool(serve(|_| (503, "down for repair".to_owned())));
    bench.send(&[r#"{"n":1}"#]).await;
    let mut dead = Vec::new();
    bench.work_well_until(&pool, async || dead = take(&bench.dead, 1).await).await;
    assert_eq!(reasons(&dead), ["failed 3 times, at last: the server answered 503: down for repair"]);
    assert_eq!(pool.activity.failed.load(Relaxed), 2);
    assert_eq!(bench.tally(), Tally { quarantined: 1, ..Tally::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed_and_a_closed_port_is_named() {
    let bench = Bench::new(LONG, 1).await;
    let moved = bench.pool(serve(|_| (307, String::new())));
    bench.send(&[r#"{"n":1}"#]).await;
    let mut dead = Vec::new();
    bench.work_well_until(&moved, async || dead = take(&bench.dead, 1).await).await;
    assert!(reasons(&dead)[0].contains("307 (redirects are not followed)"), "{:?}", reasons(&dead));

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/");
    let closed = bench.pool(Run { http: Some(HttpRun { url, timeout: Span(LONG) }), ..Run::default() });
    bench.send(&[r#"{"n":2}"#]).await;
    bench.work_well_until(&closed, async || dead = take(&bench.dead, 1).await).await;
    assert!(reasons(&dead)[0].contains("refused"), "{:?}", reasons(&dead));
    assert!(!reasons(&dead)[0].contains("http://"), "{:?}", reasons(&dead));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_result_of_a_message_that_passed_to_somebody_else_is_dropped_alone() {
    let bench = Bench::new(Duration::from_millis(30), 9).await;
    let (arrived, mut at_server) = tokio::sync::mpsc::unbounded_channel();
    let (go, may_go) = mpsc::channel::<()>();
    let pool = bench.pool(serve(move |request| {
        arrived.send(()).unwrap();
        let _ = may_go.recv();
        doubled(&request)
    }));
    bench.send(&[r#"{"n":1}"#, r#"{"n":2}"#]).await;
    let (mut stolen, mut results) = (Vec::new(), Vec::new());
    let steal = async || {
        at_server.recv().await.unwrap();
        stolen = bench.work.store().receive(bench.work.id(), 1, LONG, LONG).await.unwrap();
        drop(go);
        results = take(&bench.results, 1).await;
    };
    bench.work_well_until(&pool, steal).await;
    assert_eq!((stolen.len(), stolen[0].receipt.receive_count), (1, 2));
    assert_eq!((payloads(&results), origins(&results)), (vec!["4"], vec![1]));
    assert_eq!(pool.activity.stale.load(Relaxed), 1);
    assert_eq!(bench.tally(), Tally { finished: 1, ..Tally::default() });
    assert_eq!((bench.results.depth().sent, bench.work.depth().in_flight), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_asked_to_retire_finishes_what_it_holds() {
    let bench = Bench::new(LONG, 5).await;
    let (arrived, mut at_server) = tokio::sync::mpsc::unbounded_channel();
    let (go, may_go) = mpsc::channel::<()>();
    let pool = bench.pool(serve(move |request| {
        arrived.send(()).unwrap();
        let _ = may_go.recv();
        doubled(&request)
    }));
    bench.send(&[r#"{"n":1}"#]).await;
    let (switch, retire) = Retire::pair();
    let worker = tokio::spawn(Arc::clone(&pool).work("worker-0".to_owned(), retire, Pulse::unwatched()));
    at_server.recv().await.unwrap();
    assert_eq!(pool.activity.in_flight.load(Relaxed), 1);
    switch.send_replace(true);
    drop(go);
    tokio::time::timeout(LONG, worker).await.unwrap().unwrap().unwrap();
    assert_eq!((bench.results.depth().ready, bench.work.depth().deleted), (1, 1));
    assert_eq!(pool.activity.in_flight.load(Relaxed), 0);
    assert!(pool.activity.busy_seconds() > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_finish_each_message_once_and_their_counts_outlive_them() {
    let bench = Bench::new(LONG, 9).await;
    for round in 1..=2_u64 {
        let mut requests = 0_u32;
        // Every third request fails, so that batches of all workers mix and come again.
        let pool = bench.pool(serve(move |request| {
            requests += 1;
            if requests.is_multiple_of(3) { (500, String::new()) } else { doubled(&request) }
        }));
        let payloads: Vec<String> = (0..200).map(|n| json!({ "n": n }).to_string()).collect();
        bench.send(&payloads.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (switch, retire) = Retire::pair();
        let work = |slot| {
            let work = Arc::clone(&pool).work(format!("worker-{slot}"), retire.clone(), Pulse::unwatched());
            tokio::spawn(work)
        };
        let workers: Vec<_> = (0..4).map(work).collect();
        let mut seen = origins(&take(&bench.results, 200).await);
        seen.dedup();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
        switch.send_replace(true);
        for worker in workers {
            worker.await.unwrap().unwrap();
        }
        assert_eq!(bench.tally(), Tally { finished: 200 * round, ..Tally::default() });
        assert_eq!((bench.work.depth().deleted, bench.results.depth().sent), (200 * round, 200 * round));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_that_are_too_much_for_one_batch_are_committed_one_by_one() {
    let bench = Bench::new(LONG, 5).await;
    let pool = bench.pool(serve(|_| (400, String::new())));
    let large = format!("\"{}\"", "x".repeat(15 << 20));
    for _ in 0..4 {
        bench.send(&[&large]).await;
    }
    let mut dead = Vec::new();
    bench.work_well_until(&pool, async || dead = take(&bench.dead, 4).await).await;
    assert!(dead.iter().all(|message| message.record.payload.len() == large.len()));
    assert_eq!(bench.tally(), Tally { quarantined: 4, ..Tally::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_dead_letter_queue_rejects_go_to_the_nodes_quarantine() {
    let bench = Bench::new(LONG, 5).await;
    let run = Run { http: serve(|_| (400, String::new())).http, ..Run::default() };
    let work = Arc::clone(&bench.work);
    let pool = Arc::new(Pool::new(bench.context.clone(), Bench::section(run), work, None, None).unwrap());
    bench.send(&[r#"{"n":1}"#]).await;
    let mut rejects = Vec::new();
    let quarantine = Queue::open_quarantine("review", bench.context.store.clone()).await.unwrap();
    bench.work_well_until(&pool, async || rejects = take(&quarantine, 1).await).await;
    assert_eq!((quarantine.name(), origins(&rejects)), ("review.quarantine", vec![0]));
    assert_eq!(bench.dead.depth().sent, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pool_follows_the_desired_capacity() {
    let bench = Bench::new(LONG, 5).await;
    let run = serve(|request| doubled(&request));
    let work = Arc::clone(&bench.work);
    let mut stage = WorkersStage::new(bench.context.clone(), Bench::section(run), work, None, None).unwrap();
    let mut tasks = Tasks::new(tokio::runtime::Handle::current(), "review".into());
    bench.send(&[r#"{"n":1}"#]).await;
    let observation = stage.observe(&tasks);
    assert_eq!((observation.backlog, observation.arrived, observation.in_service), (1, 1, 0));
    for (desired, expected) in [(12, 12), (12, 12), (2, 2), (0, 0)] {
        stage.reconcile(Capacity(desired), &mut tasks);
        let seen = stage.observe(&tasks);
        assert_eq!(seen.pending + seen.in_service, expected);
    }
}

#[tokio::test]
async fn exactly_one_kind_of_work_must_be_given() {
    let bench = Bench::new(LONG, 5).await;
    let work = Arc::clone(&bench.work);
    let section = Bench::section(Run::default());
    let refused = WorkersStage::new(bench.context.clone(), section, work, None, None).unwrap_err();
    assert!(refused.to_string().contains("has none of rules, http and command"), "{refused}");
}
