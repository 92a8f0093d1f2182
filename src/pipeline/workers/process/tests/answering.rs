//! What a program that behaves can rely on.

use super::bench::{Bench, LONG, origins, payloads, reasons, take};
use crate::{
    pipeline::{Tally, workers::Run},
    units::Span,
};
use serde_json::json;
use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_answer_settles_its_message() {
    let bench = Bench::new(LONG, 2).await;
    bench
        .send(&[
            r#"{"do":"answer","answer":{"status":"done","results":[1,{"a":2}]}}"#,
            r#"{"do":"answer","answer":{"status":"done"}}"#,
            r#"{"do":"answer","answer":{"status":"filtered"}}"#,
            r#"{"do":"answer","answer":{"status":"failed","reason":"too hot","retry_after":0.01}}"#,
            r#"{"do":"answer","answer":{"status":"hopeless","reason":"no user"}}"#,
            "not json",
            "{\n \"n\": 7\n}",
        ])
        .await;
    let (mut results, mut dead) = (Vec::new(), Vec::new());
    let failures = bench
        .run_until(bench.actor(), async || {
            dead = take(&bench.dead, 3).await;
            results = take(&bench.results, 3).await;
        })
        .await;
    assert_eq!(
        (payloads(&results), origins(&results)),
        (vec![json!(1), json!({"a":2}), json!({"n":7})], vec![0, 0, 6])
    );
    let expected = ["failed 2 times, at last: too hot", "no user", "the payload is not JSON"];
    assert_eq!((reasons(&dead), origins(&dead)), (expected.map(str::to_owned).to_vec(), vec![3, 4, 5]));
    assert_eq!(bench.tally(), Tally { finished: 3, quarantined: 3, filtered: 1 });
    assert_eq!((failures, bench.work.depth().deleted), (Vec::new(), 7));
    assert_eq!(
        bench.notes().last().map(String::as_str),
        Some("end of stdin"),
        "it was asked to end, not killed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_keep_long_work_from_others_and_from_being_killed() {
    let bench = Bench::new(Duration::from_secs(4), 9).await;
    bench.send(&[r#"{"do":"work","beats":100,"every":0.1}"#, r#"{"n":2}"#]).await;
    let mut run = bench.actor();
    run.time = Some(Span(Duration::from_secs(7)));
    let mut seen_by_others = Vec::new();
    let failures = bench
        .run_until(run, async || {
            bench.wait_for_note(|note| note == "begun").await;
            seen_by_others = bench.work.receive(10, Duration::from_secs(8)).await.unwrap();
            take(&bench.results, 2).await;
        })
        .await;
    assert_eq!((failures, seen_by_others.len()), (Vec::new(), 0));
    assert_eq!(bench.notes().iter().filter(|note| *note == "begun").count(), 1);
    assert_eq!(bench.tally(), Tally { finished: 2, ..Tally::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_asked_to_retire_finishes_the_batch_at_hand() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&[r#"{"do":"work","beats":3,"every":0.1}"#, r#"{"n":2}"#]).await;
    let pool = bench.pool(bench.actor());
    let crew = bench.start(&pool, 1);
    bench.wait_for_note(|note| note == "begun").await;
    assert_eq!(pool.activity.in_flight.load(Relaxed), 2);
    assert_eq!(crew.retire().await, Vec::<String>::new());
    assert_eq!((bench.results.depth().ready, bench.work.depth().deleted), (2, 2));
    assert_eq!((pool.activity.in_flight.load(Relaxed), pool.activity.processed.load(Relaxed)), (0, 2));
    assert!(pool.activity.busy_seconds() > 0.25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_may_leave_between_two_batches_and_is_started_again() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&[r#"{"do":"leave"}"#]).await;
    let failures = bench
        .run_until(bench.actor(), async || {
            bench.wait_for_note(|note| note.starts_with("started")).await;
            while bench.work.depth().deleted < 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            bench.send(&[r#"{"n":2}"#]).await;
            take(&bench.results, 1).await;
        })
        .await;
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(bench.notes().iter().filter(|note| note.starts_with("started")).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_says_nothing_of_itself_is_in_service_at_once_when_told_so() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&[r#"{"n":1}"#]).await;
    let mut run = bench.actor();
    run.ready = Some(false);
    run.env.0.insert("MODE".to_owned(), "silent".to_owned());
    let failures = bench.run_until(run, async || drop(take(&bench.results, 1).await)).await;
    assert_eq!(failures, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_sees_its_own_environment_and_nothing_else_of_ours() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&["1"]).await;
    let mut run = bench.actor();
    let script = r#"
import json, os, sys
print(json.dumps({"ready": True, "protocol": 1}), flush=True)
id = json.loads(sys.stdin.readline())["messages"][0]["id"]
seen = {"env": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv}
print(json.dumps({"id": id, "status": "done", "results": [seen]}), flush=True)
sys.stdin.readline()
"#;
    std::fs::write(bench.folder.path().join("look.py"), script).unwrap();
    run.command = Some(["python3", "look.py", "$HOME; exit"].map(str::to_owned).to_vec());
    run.env.0.insert("TOKEN".to_owned(), "hunter2".to_owned());
    assert!(!format!("{run:?}").contains("hunter2"), "secrets are not shown");
    let mut seen = Vec::new();
    bench.run_until(run, async || seen = payloads(&take(&bench.results, 1).await)).await;
    let seen = seen[0].as_object().unwrap();
    let folder = bench.folder.path().canonicalize().unwrap();
    assert_eq!(seen["cwd"], json!(folder));
    assert_eq!(seen["argv"], json!(["look.py", "$HOME; exit"]), "there is no shell between");
    let environment = seen["env"].as_object().unwrap();
    assert_eq!(
        (&environment["TOKEN"], &environment["CAUDAL_WORKER"]),
        (&json!("hunter2"), &json!("worker-0"))
    );
    assert_eq!(
        (&environment["CAUDAL_NODE"], &environment["CAUDAL_QUEUE"]),
        (&json!("review"), &json!("rides"))
    );
    // What starts python3 may add variables of its own; what we were started with must not be there.
    let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("CARGO"));
    let leaked: Vec<String> = ours.filter(|name| environment.contains_key(name)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}

/// A log that is read by a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// On one thread, so that the log is this test's own.
#[tokio::test]
async fn what_it_prints_to_stderr_is_logged_line_by_line_and_never_more_than_the_most() {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bench = Bench::new(LONG, 5).await;
    let script = "import os, sys\nsys.stderr.write('one\\nfa\\x1b[31mke\\n')\nsys.stderr.flush()\n\
                  os.write(2, b'noise\\n' * 5000)\nprint('{\"ready\":true,\"protocol\":1}', flush=True)\n\
                  sys.stdin.read()\n";
    std::fs::write(bench.folder.path().join("talk.py"), script).unwrap();
    let run = Run { command: Some(["python3", "talk.py"].map(str::to_owned).to_vec()), ..bench.actor() };
    let logged = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let failures = bench
        .run_until(run, async || {
            while !logged().contains("noise") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    let logged = logged();
    assert_eq!(failures, Vec::<String>::new());
    let first = logged.lines().find(|line| line.contains("caudal::worker")).unwrap();
    assert!(first.contains("line=\"one\"") && first.contains("pid="), "{first}");
    assert!(!logged.contains('\u{1b}') && logged.contains("ke\""), "what is no text is escaped");
    let noise = logged.matches("line=\"noise\"").count();
    assert!((1..=1_000).contains(&noise), "{noise} lines");
    assert!(logged.contains("lines of a program were left out of the log"), "{logged}");
}
