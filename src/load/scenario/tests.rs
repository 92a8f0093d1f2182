use super::*;
use crate::topology::Language;
use std::path::Path;

const GOOD: &str = r#"
[scenario]
name = "all"
about = "Everything that can be said"
seed = 7

[target]
protocol = "kinesis"
url = "http://127.0.0.1:4566"
stream = "trips"
connections = 4
batch = 500
timeout = "5s"

[records]
kind = "bytes"
size = { distribution = "exponential", mean = "1KiB", max = "64KiB" }
entropy = 0.5
keys = { distribution = "hot", count = 100, share = 0.5 }

[[stage]]
name = "warm"
for = "10s"
arrival = { kind = "ramp", from = 0, to = 100 }

[[stage]]
name = "peak"
for = "1m"
arrival = { kind = "spike", base = 10, peak = 100.5, after = "10s", lasting = "20s" }
spacing = "poisson"

[[stage]]
name = "flat out"
for = "5s"
arrival = { kind = "closed" }

[[fault]]
stage = "peak"
after = "5s"
kind = "kill_daemon"
down = "1s"

[[fault]]
stage = "warm"
kind = "slow_sink"
delay = "100ms"
lasting = "3s"

[proof]
raw = ["bronze"]
warehouse = ["trips"]

[thresholds]
p99 = "50ms"
unsent = 0.001
"#;

fn read_as(text: &str) -> Result<Scenario, Vec<String>> {
    let read = load_text(Path::new("s.toml"), text, Language::Toml, &|_| None);
    read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// What is told of the good scenario with one change.
fn told(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    read_as(&GOOD.replacen(from, to, 1)).map(|_| String::new()).unwrap_or_else(|faults| faults.join("\n"))
}

#[test]
fn everything_that_can_be_said_is_read() {
    let scenario = read_as(GOOD).unwrap();
    assert_eq!((scenario.stages.len(), scenario.scenario.seed), (3, 7));
    assert_eq!(scenario.stages[2].arrival, Arrival::Closed {});
    assert_eq!(scenario.stages[1].spacing, Trickle::Poisson);
    assert_eq!(scenario.records.keys(), &Keys::Hot { count: 100, share: 0.5 });
    assert_eq!(scenario.target.protocol, Protocol::Kinesis);
    assert!(matches!(scenario.faults[0].kind, FaultKind::KillDaemon { down: Some(_) }));
    assert!(scenario.proof.unwrap().order);
}

/// A change of the good scenario, and what is told of it.
const CHANGES: [(&str, &str, &str); 29] = [
    ("for = \"10s\"", "for = \"10\"", "s.toml:23: stage[0].for: \"10\" is not a length of time such as"),
    ("seed = 7", "sead = 7", "s.toml:5: scenario.sead: unknown field (did you mean \"seed\"?)"),
    (
        "kind = \"ramp\"",
        "kind = \"ram\"",
        "stage[0].arrival.kind: \"ram\" is unknown (did you mean \"ramp\"?); use one of",
    ),
    ("kind = \"ramp\", ", "", "stage[0].arrival: the field \"kind\" is missing: one of constant, ramp"),
    ("from = 0, ", "", "stage[0].arrival: the field \"from\" is missing"),
    ("from = 0, ", "from = 0, top = 3, ", "stage[0].arrival.top: unknown field"),
    (
        "stage = \"peak\"",
        "stage = \"paek\"",
        "s.toml:38: fault[0].stage: there is no stage named \"paek\" (did you mean \"peak\"?)",
    ),
    ("down = \"1s\"", "dawn = \"1s\"", "fault[0].dawn: unknown field (did you mean \"down\"?)"),
    (
        "kind = \"kill_daemon\"",
        "kind = \"kill\"",
        "fault[0].kind: \"kill\" is unknown (did you mean \"kill_daemon\"?)",
    ),
    ("after = \"5s\"", "after = \"2m\"", "fault[0].after: after = 2m is above for = 1m"),
    ("peak = 100.5", "peak = 0", "stage[1].arrival.peak: 0 is out of range: it must be above 0"),
    ("peak = 100.5", "peak = -3", "stage[1].arrival.peak: -3 is out of range"),
    ("lasting = \"20s\"", "lasting = \"51s\"", "stage[1].arrival: after + lasting = 61s is above for = 1m"),
    ("share = 0.5", "share = 1.5", "records.keys.share: 1.5 is out of range: a share is 0 to 1"),
    ("entropy = 0.5", "entropy = 2", "records.entropy: 2 is out of range"),
    ("count = 100", "count = 3", "records.keys.count: 3 is out of range: it must be 4 to"),
    ("mean = \"1KiB\"", "mean = \"1MiB\"", "records.size: mean = 1MiB is above max = 64KiB"),
    (
        "batch = 500",
        "batch = 501",
        "s.toml:12: target.batch: 501 is out of range: PutRecords takes 1 to 500 records",
    ),
    ("stream = \"trips\"\n", "", "target: the field \"stream\" is missing"),
    (
        "stream = \"trips\"",
        "stream = \"trips\"\nqueue = \"q\"",
        "target.queue: \"queue\" does nothing for it",
    ),
    (
        "protocol = \"kinesis\"",
        "protocol = \"kineses\"",
        "target.protocol: \"kineses\" is unknown (did you mean \"kinesis\"?)",
    ),
    ("http://127", "ftp://127", "target.url: \"ftp://127.0.0.1:4566\" is not a server's address"),
    ("name = \"warm\"", "name = \"peak\"", "stage[1].name: \"peak\" is named twice"),
    ("for = \"10s\"\n", "", "stage[0]: the field \"for\" is missing"),
    (
        "arrival = { kind = \"closed\" }",
        "arrival = { kind = \"trace\", file = \"none.csv\" }",
        "stage[2].arrival.file: none.csv: No such file",
    ),
    (
        "arrival = { kind = \"closed\" }",
        "arrival = { kind = \"closed\" }\nspacing = \"poisson\"",
        "stage[2].spacing: \"spacing\" does nothing in a stage",
    ),
    ("raw = [\"bronze\"]\nwarehouse = [\"trips\"]", "", "proof: the field \"raw\" is missing"),
    ("unsent = 0.001", "unsent = 3.5", "thresholds.unsent: 3.5 is out of range"),
    (
        "seed = 7",
        "seed = 7\ntopology = \"none.toml\"",
        "scenario.topology: the file cannot be read: none.toml",
    ),
];

#[test]
fn each_fault_is_told_with_its_line_and_the_remedy() {
    let wrong = CHANGES.into_iter().filter_map(|(from, to, expected)| {
        let told = told(from, to);
        (!told.contains(expected)).then(|| format!("{to}:\n{told}\ninstead of\n{expected}\n"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fault_is_told_at_once() {
    let text =
        GOOD.replace("batch = 500", "batch = 0").replace("rate = 1", "").replace("share = 0.5", "share = 2");
    let text = text.replace("mean = \"1KiB\"", "mean = 3").replace("for = \"5s\"", "for = \"5 s s\"");
    let text = text.replace("raw = [\"bronze\"]", "row = [\"bronze\"]").replace("name = \"all\"\n", "");
    let told = read_as(&text).unwrap_err();
    for at in ["scenario", "target.batch", "records.size.mean", "stage[2].for", "proof.row"] {
        assert!(told.iter().any(|fault| fault.contains(&format!(" {at}: "))), "{at} in\n{}", told.join("\n"));
    }
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    let told = read_as("").unwrap_err().join("\n");
    for field in ["scenario", "target", "records", "stage"] {
        assert!(told.contains(&format!("the field {field:?} is missing")), "{told}");
    }
}

#[test]
fn limits_are_those_of_the_protocol() {
    let sqs = GOOD.replace("\"kinesis\"", "\"sqs\"").replace("stream = \"trips\"", "queue = \"q\"");
    let told = read_as(&sqs).unwrap_err().join("\n");
    assert!(told.contains("SendMessageBatch takes 1 to 10 messages"), "{told}");
    assert!(read_as(&sqs.replace("batch = 500", "batch = 10")).is_ok());
    let http = GOOD.replace("\"kinesis\"", "\"http\"").replace("batch = 500", "batch = 50001");
    assert!(read_as(&http).unwrap_err().join("\n").contains("1 to 50000 records"));
}

#[test]
fn the_schema_tells_each_kind_of_fault_as_a_whole() {
    let schema = schema();
    let fault = schema.pointer("/$defs/Fault").unwrap();
    let kinds = fault["oneOf"].as_array().unwrap();
    assert_eq!(kinds.len(), 7);
    assert!(fault.get("properties").is_none());
    for kind in kinds {
        assert!(kind["properties"].get("stage").is_some() && kind["additionalProperties"] == false, "{kind}");
    }
}

#[test]
fn the_scenarios_that_are_shipped_have_no_faults_and_nor_have_their_topologies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/scenarios");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|file| Language::of(file).is_some()).collect();
    assert_eq!(files.len(), 9);
    let sink = |name: &str| (name == "CAUDAL_LOAD_SINK").then(|| "http://127.0.0.1:1/".to_owned());
    for file in files {
        let scenario = load(&file).unwrap();
        assert_eq!(file.file_stem().unwrap().to_str(), Some(scenario.scenario.name.as_str()));
        let topology = scenario.scenario.topology.unwrap();
        let text = std::fs::read_to_string(&topology).unwrap();
        let plan = crate::topology::load_text(&topology, &text, Language::Toml, &sink).unwrap();
        assert!(plan.node(&scenario.target.stream.unwrap()).is_some(), "{}", file.display());
        let proof = scenario.proof.unwrap();
        for name in proof.raw.iter().chain(&proof.dead_letter) {
            assert!(plan.node(name).is_some(), "{name} in {}", file.display());
        }
    }
}
