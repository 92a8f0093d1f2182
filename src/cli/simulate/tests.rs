//! What `caudal simulate` takes, says and refuses.

use super::{Pool, SimulateArguments, json, named, one, random, report};
use crate::{error::Failure, units::Span};
use clap::Parser;
use std::{fs, time::Duration};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: SimulateArguments,
}

fn parsed(line: &str) -> Result<SimulateArguments, String> {
    let words = std::iter::once("simulate").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.arguments).map_err(|error| error.to_string())
}

fn refused(line: &str) -> String {
    let arguments = parsed(line).unwrap();
    match Pool::of(&arguments) {
        Err(Failure::Configuration(message)) => message,
        other => panic!("{other:?}"),
    }
}

const TOPOLOGY: &str = r#"
[topology]
name = "two-pools"
[ingress.collector]
to = "jobs"
[stream.jobs]
[queue.work]
from = "jobs"
[workers.review]
from = "work"
scale = { min = 0, max = 8, goal_age = "30s", mode = "observe" }
run = { http = { url = "http://127.0.0.1:9/" } }
"#;

#[test]
fn one_of_all_trace_and_seeds_is_asked_for() {
    assert!(parsed("").unwrap_err().contains("--all|--trace <NAME|FILE>|--seeds <N>"));
    assert!(parsed("--all --trace step10x").is_err());
    assert!(parsed("--all --topology x.toml").is_err(), "targets are stated for the default pool");
    assert!(parsed("--trace step10x --pool review").is_err(), "a pool is one of a topology");
    let arguments = parsed("--trace step10x --versus aws,flink --versus numaflow --service 20ms").unwrap();
    assert_eq!(arguments.versus, ["aws", "flink", "numaflow"]);
    assert_eq!(
        (arguments.service, arguments.start),
        (Span(Duration::from_millis(20)), Span(Duration::from_secs(5)))
    );
    assert!(parsed("--all --versus kubernetes").unwrap_err().contains("hpa-keda, knative"));
}

#[test]
fn what_cannot_be_rehearsed_is_refused_with_a_remedy() {
    let message = refused("--trace step10x --service 0ms");
    assert!(message.starts_with("--service: 0ms is no time of work"), "{message}");
    let message = refused("--trace step10x --sink-limit 0");
    assert!(message.starts_with("--sink-limit: must be above 0"), "{message}");
    let pool = Pool::of(&parsed("--trace step10x").unwrap()).unwrap();
    let Err(Failure::Configuration(message)) = one("no-such.csv", &pool.model, 0) else { panic!() };
    assert!(message.starts_with("--trace: no-such.csv: No such file"), "{message}");
}

#[test]
fn a_pool_is_taken_from_its_topology() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.toml");
    fs::write(&file, TOPOLOGY).unwrap();
    let line = |rest: &str| format!("--trace step10x --topology {} {rest}", file.display());
    let pool = Pool::of(&parsed(&line("--pool review")).unwrap()).unwrap();
    assert_eq!((pool.model.min, pool.model.max, pool.model.goal), (0, 8, Duration::from_secs(30)));
    let pools = format!("the pools of {} are: collector, review", file.display());
    assert_eq!(refused(&line("")), format!("--pool: is needed; {pools}"));
    assert_eq!(refused(&line("--pool work")), format!("--pool: \"work\" is no pool; {pools}"));
}

/// The pool of that name, played through a named trace.
fn rehearsed(topology: &str, pool: &str, trace: &str) -> super::Rehearsed {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.toml");
    fs::write(&file, topology).unwrap();
    let line = format!("--trace {trace} --topology {} --pool {pool}", file.display());
    let pool = Pool::of(&parsed(&line).unwrap()).unwrap();
    super::Rehearsed::new(one(trace, &pool.model, 0).unwrap(), &pool, &[])
}

#[test]
fn a_pool_is_rehearsed_from_its_first_capacity_and_within_what_its_schedules_allow() {
    let scale = r#"scale = { min = 2, max = 4, desired = 3, policies = [
        { utilisation = {} }, { scheduled = { cron = "0 0 * * *", min = 2, max = 4 } },
        { scheduled = { cron = "5 0 * * *", min = 7, max = 12 } }] }"#;
    let own = rehearsed(&TOPOLOGY.replace("scale =", &format!("{scale} #")), "review", "step10x").own;
    assert_eq!(own.samples[0].desired, 3);
    let at = |second: usize| own.samples[second].desired;
    assert!(own.samples[..290].iter().all(|sample| (2..=4).contains(&sample.desired)), "{:?}", own.decisions);
    assert!((7..=12).contains(&at(301)), "from 0:05 on: {:?}", own.decisions);
    let (_, _, _, because) = own.decisions.iter().find(|(second, ..)| *second >= 299.0).unwrap();
    assert!(because.contains("scheduled at 5 0 * * * (UTC)"), "{because}");
}

#[test]
fn writers_are_rehearsed_by_their_utilisation_and_no_further_than_the_shards_of_their_stream() {
    let writers = "[raw.bronze]\nfrom = \"jobs\"\nstore = \"file://raw\"\nscale = { max = 9 }\n";
    let topology = TOPOLOGY.replace("[stream.jobs]", "[stream.jobs]\nshards = 6") + writers;
    let own = rehearsed(&topology, "bronze", "batch30k").own;
    let most = own.samples.iter().map(|sample| sample.desired).max();
    assert_eq!(own.samples[0].desired, 1);
    assert!(most.is_some_and(|most| (2..=6).contains(&most)), "{:?}", own.decisions);
    let (_, _, _, because) = &own.decisions[0];
    assert!(because.ends_with("at a utilisation of 0.7"), "{because}");
}

#[test]
fn a_pool_that_only_observes_is_rehearsed_as_if_it_acted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.toml");
    fs::write(&file, TOPOLOGY).unwrap();
    let line = format!("--trace step10x --topology {} --pool review", file.display());
    let arguments = parsed(&line).unwrap();
    let pool = Pool::of(&arguments).unwrap();
    let rehearsed = super::Rehearsed::new(one("step10x", &pool.model, 0).unwrap(), &pool, &[]);
    assert!(rehearsed.own.score.actions_per_hour > 0.0);
    assert!(rehearsed.own.samples.iter().any(|sample| sample.desired > 1));
}

#[test]
fn what_is_missed_is_named_and_fails() {
    let pool = Pool::of(&parsed("--seeds 2 --versus aws").unwrap()).unwrap();
    let mut all = random(1, 2, &pool, &["aws".to_owned()]);
    assert_eq!(all.iter().map(super::Rehearsed::name).collect::<Vec<_>>(), ["random-1", "random-2"]);
    let spread = report::spread(&all);
    assert!(spread.contains("max age") && spread.contains("aws"), "{spread}");
    all[0].own.score.max_age = 1_234.0;
    let message = report::verdict(&all).unwrap_err().to_string();
    assert!(message.starts_with("rehearsing 2 traces: "), "{message}");
    assert!(message.contains("random-1: max age is 1234 s, target at most "), "{message}");
    assert_eq!(report::verdict(&all).unwrap_err().exit_code(), 1);
}

#[test]
fn a_report_shows_every_trace_and_its_answer_in_json_every_target() {
    let arguments = parsed("--all").unwrap();
    let pool = Pool::of(&arguments).unwrap();
    let all: Vec<_> = named(&arguments, &pool).into_iter().map(super::Rehearsed::summed_up).collect();
    let text = report::many(&all);
    for word in ["step10x", "diurnal", "cost (×)", "idle tail (s)", "batch30k: stated by what is possible"] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let answer: serde_json::Value = serde_json::from_str(&json(&pool, &all).unwrap()).unwrap();
    assert_eq!(answer["traces"].as_array().unwrap().len(), 8);
    assert_eq!(answer["traces"][0]["trace"], "step10x");
    assert_eq!(answer["traces"][0]["targets"][0]["measure"], "reaction");
    assert!(answer["traces"][0]["outcomes"][0]["score"]["cost_ratio"].as_f64().unwrap() > 1.0);
}
