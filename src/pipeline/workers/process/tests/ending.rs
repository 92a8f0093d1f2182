//! How processes start and end.

use super::bench::{Bench, LONG, take};
use crate::{
    pipeline::{Pulse, Retire, workers::Run},
    units::Span,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Why one worker's start fails.
async fn failed_start(bench: &Bench, run: Run) -> String {
    let (_switch, retire) = Retire::pair();
    let pool = bench.pool(run);
    let worked = Arc::clone(&pool).work("worker-0".to_owned(), retire, Pulse::unwatched()).await;
    worked.unwrap_err().to_string()
}

#[tokio::test]
async fn an_unknown_program_or_folder_is_named_and_takes_no_message() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&["1"]).await;
    let mut run = Run { command: Some(vec!["no-such-reviewer".to_owned()]), ..bench.actor() };
    let fault = failed_start(&bench, run.clone()).await;
    assert!(
        fault.contains("no such program: \"no-such-reviewer\"") && fault.contains("run.command"),
        "{fault}"
    );
    run.directory = Some("/no/such/folder".to_owned());
    let fault = failed_start(&bench, run).await;
    assert!(fault.contains("no such folder: \"/no/such/folder\""), "{fault}");
    assert_eq!((bench.work.depth().ready, bench.work.depth().in_flight), (1, 0));
}

#[tokio::test]
async fn a_program_that_is_not_ready_in_time_is_killed_and_takes_no_message() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&["1"]).await;
    let mut run = bench.actor();
    run.start = Some(Span(Duration::from_secs(1)));
    run.env.0.insert("MODE".to_owned(), "slow".to_owned());
    let fault = failed_start(&bench, run).await;
    assert!(fault.contains("within 1s"), "{fault}");
    assert_eq!(bench.work.depth().ready, 1);
    assert_eq!(bench.processes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_program_of_another_protocol_is_refused() {
    let bench = Bench::new(LONG, 5).await;
    let mut run = bench.actor();
    run.env.0.insert("MODE".to_owned(), "old".to_owned());
    assert!(failed_start(&bench, run).await.contains("it speaks protocol 7; this daemon speaks 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_will_not_end_is_killed_with_its_children() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&[r#"{"do":"child"}"#]).await;
    let mut run = bench.actor();
    run.stop = Some(Span(Duration::from_secs(2)));
    run.env.0.insert("MODE".to_owned(), "stubborn".to_owned());
    let crew = bench.start(&bench.pool(run), 1);
    take(&bench.results, 1).await;
    let asked = Instant::now();
    assert_eq!(crew.retire().await, Vec::<String>::new());
    assert!(asked.elapsed() >= Duration::from_secs(3), "it was given the time it has");
    let notes = bench.notes();
    assert!(notes.contains(&"end of stdin".to_owned()), "{notes:?}");
    assert_eq!(bench.processes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_cut_off_takes_its_processes_with_it() {
    let bench = Bench::new(LONG, 5).await;
    bench.send(&[r#"{"do":"child"}"#, r#"{"do":"hang"}"#]).await;
    let (_switch, retire) = Retire::pair();
    let pool = bench.pool(bench.actor());
    let worker = tokio::spawn(Arc::clone(&pool).work("worker-0".to_owned(), retire, Pulse::unwatched()));
    bench.wait_for_note(|note| note.parse::<u32>().is_ok()).await;
    assert!(bench.processes().len() >= 2, "{:?}", bench.processes());
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    let gone = async || {
        while !bench.processes().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, gone()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_asked_to_retire_while_its_program_starts_ends_at_once() {
    let bench = Bench::new(LONG, 5).await;
    let mut run = bench.actor();
    run.start = Some(Span(LONG * 10));
    run.stop = Some(Span(Duration::from_millis(50)));
    run.env.0.insert("MODE".to_owned(), "slow".to_owned());
    let crew = bench.start(&bench.pool(run), 1);
    bench.wait_for_note(|note| note.starts_with("started")).await;
    assert_eq!(crew.retire().await, Vec::<String>::new());
}
