//! Runs that are ended before their plan is, and searches for the highest rate.

use crate::support::PATIENCE;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const TOPOLOGY: &str = r#"
[ingress.door]
to = ["trips", "narrow"]
[stream.trips]
partition_key = "/key"
[stream.narrow]
limits = { records_per_second = 400, burst_records = 100 }
[raw.bronze]
from = "trips"
store = "file://raw"
roll = { bytes = "1MiB", age = "200ms" }
"#;

/// Goes on for an hour unless it is ended.
const LONG: &str = r#"
scenario = { name = "long", about = "As a test has it", topology = "topology.toml" }
target = { stream = "trips", connections = 2 }
records = { kind = "trips" }
proof = { raw = ["bronze"], within = "120s" }
[[stage]]
name = "hour"
for = "1h"
arrival = { kind = "constant", rate = 100 }
[[fault]]
stage = "hour"
after = "30m"
kind = "kill_daemon"
"#;

const NARROW: &str = r#"
scenario = { name = "narrow", about = "A shard that admits 400 records a second", topology = "topology.toml" }
target = { stream = "narrow", connections = 2 }
records = { kind = "trips" }
[[stage]]
name = "any"
for = "1m"
arrival = { kind = "constant", rate = 200 }
[thresholds]
refused = 0.0
unsent = 1.0
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(scenario: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("caudal-load-it-").tempdir().unwrap();
        fs::write(folder.path().join("topology.toml"), TOPOLOGY).unwrap();
        fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caudal"));
        command.arg("load").arg(self.path("scenario.toml")).args(arguments);
        command.env("TMPDIR", self.0.path()).current_dir(self.0.path());
        command
    }

    /// Starts a long run, and waits until its daemon has stored something.
    fn long(&self) -> (Child, u32) {
        let mut command = self.load(&["--data", "data", "--json", "outcome.json"]);
        let driver = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("records", || !crate::support::raw_lines(&self.path("data/raw")).is_empty());
        let run: Value = serde_json::from_slice(&fs::read(self.path("data/run.json")).unwrap()).unwrap();
        let daemon = u32::try_from(run["pid"].as_u64().unwrap()).unwrap();
        assert!(is_running(daemon) && daemon != driver.id());
        (driver, daemon)
    }
}

fn wait_until(what: &str, met: impl Fn() -> bool) {
    let began = Instant::now();
    while !met() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come about");
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_running(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

fn signal(name: &str, id: u32) {
    let order = format!("kill -{name} {id}");
    assert!(Command::new("sh").args(["-c", &order]).status().unwrap().success());
}

fn printed(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat()
}

#[test]
fn a_run_that_is_interrupted_proves_what_it_sent_tells_it_and_leaves_no_daemon() {
    let folder = Folder::new(LONG);
    let (driver, daemon) = folder.long();
    signal("INT", driver.id());
    let output = driver.wait_with_output().unwrap();
    let printed = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("interrupted"), "{printed}");
    let outcome: Value = serde_json::from_slice(&fs::read(folder.path("outcome.json")).unwrap()).unwrap();
    super::scenarios::hold(&outcome);
    assert_eq!(outcome["cut_short"], "interrupted");
    assert!(!is_running(daemon), "the daemon has outlived the run");
}

#[test]
fn the_daemon_of_a_run_that_is_killed_drains_and_ends() {
    let folder = Folder::new(LONG);
    let (mut driver, daemon) = folder.long();
    driver.kill().unwrap();
    driver.wait().unwrap();
    // Whoever adopts it may take its time to reap it.
    let stat = PathBuf::from(format!("/proc/{daemon}/stat"));
    wait_until("the end of the daemon", || {
        !fs::read_to_string(&stat).is_ok_and(|line| !line.contains(") Z "))
    });
    let log = fs::read_to_string(folder.path("data.log")).unwrap();
    assert!(log.contains("standard input has ended"), "{log}");
}

#[test]
fn the_highest_rate_of_a_shard_that_is_limited_is_its_limit() {
    let folder = Folder::new(NARROW);
    let output = folder.load(&["--find-max", "--trial", "4s", "--trials", "6"]).output().unwrap();
    let printed = printed(&output);
    let (_, rest) = printed.split_once("highest rate that held: ").unwrap_or_else(|| panic!("{printed}"));
    let found: f64 = rest.split('/').next().unwrap().replace(',', "").parse().unwrap();
    // In four seconds it admits four times 400, and 100 at once.
    assert!((1.0..=425.0).contains(&found), "{printed}");
    assert!(rest.contains("did not (refused"), "{printed}");
}
