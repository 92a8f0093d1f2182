//! Programs that receive by themselves.

use super::bench::{Bench, LONG, take};
use crate::{
    pipeline::{
        Capacity, Stage, Tasks,
        workers::{Run, WorkersStage},
    },
    storage::Batch,
};
use std::{sync::Arc, time::Duration};

const PULLING: &str = r#"
import os, signal, sys, time
def note(text):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(text + "\n")
def stop(*_):
    note("asked to stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("I may print what I like")
note("pulls from " + os.environ["CAUDAL_QUEUE"])
while True:
    time.sleep(0.01)
    if os.path.exists("crash"):
        raise ValueError("no endpoint")
"#;

fn pulling(bench: &Bench) -> Run {
    std::fs::write(bench.folder.path().join("pull.py"), PULLING).unwrap();
    let command = Some(["python3", "pull.py"].map(str::to_owned).to_vec());
    Run { command, pulls: true, ..bench.actor() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_started_and_stopped_and_gets_no_message_from_us() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&["1"]).await;
    let failures = bench
        .run_until(pulling(&bench), async || {
            bench.wait_for_note(|note| note == "pulls from rides").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        })
        .await;
    assert_eq!((failures, bench.notes().pop().as_deref()), (Vec::new(), Some("asked to stop")));
    assert_eq!((bench.work.depth().ready, bench.work.depth().in_flight), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_end_is_a_failure_with_its_last_words() {
    let bench = Bench::new(LONG, 5).await;
    let crash = bench.folder.path().join("crash");
    let failures = bench
        .run_until(pulling(&bench), async || {
            std::fs::write(&crash, "").unwrap();
            let started = |note: &String| note.starts_with("pulls");
            while bench.notes().iter().filter(|note| started(note)).count() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            std::fs::remove_file(&crash).unwrap();
        })
        .await;
    assert!(
        failures[0].contains("exit status: 1") && failures[0].contains("ValueError: no endpoint"),
        "{failures:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_observed_is_what_the_queue_counts() {
    let bench = Bench::new(LONG, 5).await;
    let (context, section) = (bench.context.clone(), Bench::section(pulling(&bench)));
    let mut stage = WorkersStage::new(context, section, Arc::clone(&bench.work), None, None).unwrap();
    let mut tasks = Tasks::new(tokio::runtime::Handle::current(), "review".into());
    bench.send(&["1", "2", "3"]).await;
    stage.reconcile(Capacity(1), &mut tasks);
    bench.wait_for_note(|note| note == "pulls from rides").await;
    let messages = take(&bench.work, 2).await;
    let before = stage.observe(&tasks);
    assert_eq!((before.backlog, before.in_flight, before.arrived, before.processed), (1, 2, 3, 0));
    let mut batch = Batch::new();
    batch.settle(&messages[0].receipt);
    bench.context.store.commit(batch).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let after = stage.observe(&tasks);
    assert_eq!((after.in_flight, after.processed, after.in_service, after.tally), (1, 1, 1, None));
    assert!(after.busy_seconds > before.busy_seconds);
    stage.drain(&mut tasks);
    while tasks.alive().next().is_some() {
        tasks.reap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
