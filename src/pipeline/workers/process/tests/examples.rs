//! The programs under `examples/`, in both languages, and what stands behind them.

use super::bench::{Bench, LONG, origins, payloads, reasons, take};
use crate::{
    pipeline::{Tally, workers::Run},
    units::Span,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Write},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// An example by its language.
fn example(bench: &Bench, name: &str) -> Run {
    let (interpreter, file) = match name {
        "python" => ("python3", format!("{EXAMPLES}/python/review.py")),
        _ => ("node", format!("{EXAMPLES}/node/review.mjs")),
    };
    Run { command: Some(vec![interpreter.to_owned(), file]), ..bench.actor() }
}

/// A program that does what its messages say, in both languages.
fn obedient(bench: &Bench, name: &str) -> Run {
    let python = format!(
        r#"
import sys, time
sys.path.insert(0, "{EXAMPLES}/python")
from caudal_worker import Filtered, Hopeless, Retry, run
def handle(message):
    do, data = message.data["do"], message.data
    if do == "fail" and message.attempt == 1: raise ValueError("half \ud800 a pair")
    if do == "retry" and message.attempt == 1: raise Retry("busy", after=0.01)
    if do == "hopeless": raise Hopeless("never")
    if do == "filter": raise Filtered()
    if do == "strange": return {{"set": {{1}}}}
    if do == "print": print("hello", data, flush=True)
    if do == "work": time.sleep(data["seconds"])
    if do == "loop":
        for _ in range(8):
            time.sleep(0.6)
            message.beat()
    return {{"many": [1, 2], "none": None}}.get(do, data["n"])
run(handle, longest=7)
"#
    );
    let node = format!(
        r#"
import {{ Filtered, Hopeless, Retry, run }} from "{EXAMPLES}/node/caudal-worker.mjs";
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
await run(async (message) => {{
  const {{ do: what, n, seconds }} = message.data;
  if (what === "fail" && message.attempt === 1) throw new TypeError("half \ud800 a pair");
  if (what === "retry" && message.attempt === 1) throw new Retry("busy", 0.01);
  if (what === "hopeless") throw new Hopeless("never");
  if (what === "filter") throw new Filtered();
  if (what === "strange") return {{ set: 1n }};
  if (what === "print") console.log("hello", n), process.stdout.write("again\n");
  if (what === "work") await sleep(seconds);
  if (what === "loop") for (let turn = 0; turn < 8; turn++) {{ await sleep(0.6); message.beat(); }}
  if (what === "none") return null;
  return what === "many" ? [1, 2] : n;
}}, {{ longest: 7 }});
"#
    );
    let (interpreter, file, text) = match name {
        "python" => ("python3", "obedient.py", python),
        _ => ("node", "obedient.mjs", node),
    };
    fs::write(bench.folder.path().join(file), text).unwrap();
    Run { command: Some([interpreter, file].map(str::to_owned).to_vec()), ..bench.actor() }
}

/// The languages that this machine has. What `tests/run` installs must be there.
fn languages() -> Vec<&'static str> {
    let has = |program| std::process::Command::new(program).arg("--version").output().is_ok();
    assert!(has("python3"), "python3 is not installed");
    if std::env::var_os("CAUDAL_WITHOUT_NODE").is_some() {
        // Past the test's own capture, so that it is seen.
        let _ = writeln!(io::stderr(), "skipped: the example in Node.js, because CAUDAL_WITHOUT_NODE is set");
        return vec!["python"];
    }
    assert!(has("node"), "node is not installed (Debian: nodejs); set CAUDAL_WITHOUT_NODE=1 to do without");
    vec!["python", "node"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_review_rides_alike() {
    for language in languages() {
        let bench = Bench::new(LONG, 1).await;
        let trip = |seconds: u32| json!({ "_id": { "$oid": "5cf8\u{2028}é" }, "travel_time": seconds });
        let trips: Vec<String> =
            [12, 5_359, 20_000, 90_000].map(|seconds| trip(seconds).to_string()).to_vec();
        let mut sent: Vec<&str> = trips.iter().map(String::as_str).collect();
        sent.push("{\"travel_time\": 90000}");
        sent.push("7");
        bench.send(&sent).await;
        let (mut results, mut dead) = (Vec::new(), Vec::new());
        let failures = bench
            .run_until(example(&bench, language), async || {
                results = take(&bench.results, 3).await;
                dead = take(&bench.dead, 2).await;
            })
            .await;
        let review = |minutes: u32, verdict: &str| json!({ "trip_id": "5cf8\u{2028}é", "minutes": minutes, "verdict": verdict });
        let expected = [review(89, "long"), review(333, "call the user"), review(1_500, "lost")];
        assert_eq!((payloads(&results), origins(&results)), (expected.to_vec(), vec![1, 2, 3]), "{language}");
        assert!(reasons(&dead)[0].contains("Error"), "{:?}", reasons(&dead));
        assert_eq!(reasons(&dead)[1], "the trip has no travel_time");
        assert_eq!(failures, Vec::<String>::new());
        assert_eq!(bench.tally(), Tally { finished: 3, quarantined: 2, filtered: 1 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_function_returns_throws_or_prints_becomes_its_answer() {
    for language in languages() {
        let bench = Bench::new(LONG, 2).await;
        let acts = ["fail", "retry", "hopeless", "filter", "strange", "print", "many", "none", "echo"];
        let sent: Vec<String> =
            (0..).zip(acts).map(|(n, act)| json!({ "do": act, "n": n }).to_string()).collect();
        bench.send(&sent.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (mut results, mut dead) = (Vec::new(), Vec::new());
        let failures = bench
            .run_until(obedient(&bench, language), async || {
                results = take(&bench.results, 6).await;
                dead = take(&bench.dead, 2).await;
            })
            .await;
        assert_eq!(failures, Vec::<String>::new(), "{language}");
        let expected: Vec<Value> = [0, 1, 5, 1, 2, 8].map(|n| json!(n)).to_vec();
        assert_eq!((payloads(&results), origins(&results)), (expected, vec![0, 1, 5, 6, 6, 8]), "{language}");
        assert_eq!((origins(&dead), reasons(&dead)[0].as_str()), (vec![2, 4], "never"));
        assert!(reasons(&dead)[1].contains("TypeError"), "{:?}", reasons(&dead));
        assert_eq!(bench.tally(), Tally { finished: 6, quarantined: 2, filtered: 1 });
    }
}

/// Work of five seconds and of more than `longest`, where four seconds of silence are the limit.
async fn beats_up_to_its_longest(language: &str) {
    let bench = Bench::new(Duration::from_secs(3), 9).await;
    bench
        .send(&[r#"{"do":"work","seconds":5,"n":0}"#, r#"{"do":"loop","n":1}"#, r#"{"do":"echo","n":2}"#])
        .await;
    let mut run = obedient(&bench, language);
    run.time = Some(Span(Duration::from_secs(4)));
    let mut results = Vec::new();
    let failures = bench.run_until(run.clone(), async || results = take(&bench.results, 3).await).await;
    assert_eq!((failures, origins(&results)), (Vec::new(), vec![0, 1, 2]), "{language}");

    bench.send(&[r#"{"do":"work","seconds":1000,"n":0}"#]).await;
    let pool = bench.pool(run);
    let crew = bench.start(&pool, 1);
    let killed = async || {
        while pool.suspects.load(Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, killed()).await.unwrap();
    let failures = crew.retire().await;
    assert!(failures[0].contains("neither an answer nor a heartbeat for 4s"), "{failures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_in_python_beats_by_itself_up_to_its_longest_and_no_longer() {
    beats_up_to_its_longest("python").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_in_node_beats_by_itself_up_to_its_longest_and_no_longer() {
    if languages().contains(&"node") {
        beats_up_to_its_longest("node").await;
    }
}
