//! What programs do wrong, and that nothing is lost or done twice by it.

use super::bench::{Bench, LONG, origins, payloads, reasons, take};
use crate::{
    pipeline::{Tally, workers::Run},
    units::{ByteSize, Span},
};
use serde_json::json;
use std::time::Duration;

/// The second of three messages misbehaves at its first attempt. The first was answered before and is
/// not done again, the other two are done at their second attempt. What the fault was.
async fn fault_of(bench: &Bench, second: &str, run: Run) -> String {
    bench.send(&[r#"{"n":1}"#, second, r#"{"n":3}"#]).await;
    let mut results = Vec::new();
    let failures = bench.run_until(run, async || results = take(&bench.results, 3).await).await;
    assert_eq!(origins(&results), [0, 1, 2], "{failures:?}");
    assert_eq!(bench.tally(), Tally { finished: 3, ..Tally::default() });
    assert_eq!((bench.work.depth().deleted, bench.results.depth().sent), (3, 3));
    assert_eq!(failures.len(), 1, "{failures:?}");
    failures[0].clone()
}

async fn fault(second: &str, change: impl FnOnce(&mut Run)) -> String {
    let bench = Bench::new(LONG, 5).await;
    let mut run = bench.actor();
    change(&mut run);
    fault_of(&bench, second, run).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_gives_back_what_was_not_answered_and_tells_the_last_words() {
    let fault = fault(r#"{"do":"crash","until":1}"#, |_| {}).await;
    assert_eq!(fault, "its program died: it ended with exit status: 3; its last words: about to crash");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_from_outside_is_named() {
    let fault = fault(r#"{"do":"killed","until":1}"#, |_| {}).await;
    assert!(fault.contains("it ended with signal: 9"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_hangs_is_killed() {
    let time = Some(Span(Duration::from_secs(3)));
    let fault = fault(r#"{"do":"hang","until":1}"#, |run| run.time = time).await;
    assert!(fault.contains("neither an answer nor a heartbeat for 3s"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_closes_its_stdout_is_killed() {
    let fault = fault(r#"{"do":"close","until":1}"#, |_| {}).await;
    assert!(fault.contains("closed its stdout"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_on_stdout_is_a_fault_that_says_where_to_print() {
    let noise = fault(r#"{"do":"noise","until":1}"#, |_| {}).await;
    assert!(noise.contains("\"Loading the model...\"") && noise.contains("stderr"), "{noise}");
    let json = fault(r#"{"do":"json","until":1}"#, |_| {}).await;
    assert!(json.contains("unknown field `hello`"), "{json}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_over_the_limit_is_a_fault() {
    let fault = fault(r#"{"do":"long","until":1}"#, |_| {}).await;
    assert!(fault.contains("more than 16MiB") && fault.len() < 500, "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_for_what_it_does_not_hold_are_faults() {
    let unknown = fault(r#"{"do":"unknown","until":1}"#, |_| {}).await;
    assert!(unknown.contains("\"nobody/1\"") && unknown.contains("not of the batch at hand"), "{unknown}");
    // The first of the two answers counts, so the message is done at its first attempt.
    let twice = fault(r#"{"do":"twice","until":1}"#, |_| {}).await;
    assert!(twice.contains("\"rides/1\"") && twice.contains("before"), "{twice}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_hog_is_killed_with_the_numbers() {
    let fault = fault(r#"{"do":"hog","until":1}"#, |run| run.memory = Some(ByteSize(64 << 20))).await;
    assert!(fault.contains("above run.memory = 64MiB"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_beats_for_ever_is_ended_after_all() {
    let hold = Some(Span(Duration::from_secs(3)));
    let fault = fault(r#"{"do":"work","beats":1000,"every":0.1,"until":1}"#, |run| run.hold = hold).await;
    assert!(fault.contains("held messages for 3s"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_die_with_their_program_also_when_it_died_first() {
    let bench = Bench::new(LONG, 5).await;
    let fault = fault_of(&bench, r#"{"do":"orphan","until":1}"#, bench.actor()).await;
    assert!(fault.contains("exit status: 4"), "{fault}");
    bench.wait_for_note(|note| note.parse::<u32>().is_ok()).await;
    assert_eq!(bench.processes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_kills_programs_takes_no_other_with_it() {
    let bench = Bench::new(LONG, 3).await;
    let mut payloads: Vec<String> = (0..10).map(|n| json!({ "n": n }).to_string()).collect();
    payloads[4] = r#"{"do":"crash"}"#.to_owned();
    bench.send(&payloads.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (mut results, mut dead) = (Vec::new(), Vec::new());
    let failures = bench
        .run_until(bench.actor(), async || {
            results = take(&bench.results, 9).await;
            dead = take(&bench.dead, 1).await;
        })
        .await;
    assert_eq!(origins(&results), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
    assert_eq!((origins(&dead), failures.len()), (vec![4], 3));
    let reason = reasons(&dead).remove(0);
    assert!(reason.starts_with("interrupted 3 times, at last: it ended with exit status: 3"), "{reason}");
    assert_eq!(bench.tally(), Tally { finished: 9, quarantined: 1, filtered: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_workers_whose_programs_die_all_the_time_each_message_is_done_once() {
    let bench = Bench::new(LONG, 100).await;
    let act = |n: u32| match n % 17 {
        3 => json!({ "n": n, "do": "crash", "until": 1 }),
        9 => json!({ "n": n, "do": "noise", "until": 1 }),
        13 => json!({ "n": n, "do": "killed", "until": 2 }),
        _ => json!({ "n": n }),
    };
    let sent: Vec<String> = (0..200).map(|n| act(n).to_string()).collect();
    bench.send(&sent.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let crew = bench.start(&bench.pool(bench.actor()), 4);
    let results = tokio::time::timeout(LONG * 4, take(&bench.results, 200)).await.unwrap();
    let failures = crew.retire().await;
    assert!(failures.len() >= 20, "{failures:?}");
    assert_eq!(origins(&results), (0..200).collect::<Vec<_>>());
    assert_eq!(payloads(&results)[7], json!({ "n": 7 }));
    assert_eq!((bench.results.depth().sent, bench.work.depth().deleted), (200, 200));
    assert_eq!(bench.tally(), Tally { finished: 200, ..Tally::default() });
}
