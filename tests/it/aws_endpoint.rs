//! The AWS endpoint of a daemon, whatever services it has.

use crate::support::{Bench, Daemon};

const TOPOLOGY: &str = r#"
[ingress.collector]
to = ["trips"]

[stream.trips]
shards = 1

[raw.bronze]
from = "trips"
store = "file://raw"
format = "jsonl"
roll = { age = "100ms" }
"#;
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");

fn refused(daemon: &Daemon, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let answer = daemon.aws().unwrap().post("/", headers, body.as_bytes()).unwrap();
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
    (answer.status, answer.text())
}

#[test]
fn it_answers_as_aws_does_what_no_service_knows() {
    let bench = Bench::new(TOPOLOGY);
    let daemon = bench.start();
    let (status, told) = refused(&daemon, &[], "");
    assert_eq!(status, 403);
    assert!(told.contains("<Message>Missing Authentication Token</Message>"), "{told}");
    let unknown = (400, r#"{"__type":"UnknownOperationException"}"#.to_owned());
    assert_eq!(refused(&daemon, &[JSON, ("x-amz-target", "Nobody_19700101.Nothing")], "{}"), unknown);
    let metrics = daemon.admin().get("/metrics").unwrap().text();
    let counted = "caudal_aws_requests_total{code=\"UnknownOperationException\",operation=\"none\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    daemon.stop();
}

#[test]
fn it_is_never_open_to_other_machines_without_keys() {
    let bench = Bench::new(TOPOLOGY);
    let topology = bench.topology();
    let open = bench.verb(&["run", topology.to_str().unwrap(), "--admin", "0", "--aws", "0.0.0.0:0"]);
    let told = String::from_utf8_lossy(&open.stderr).into_owned();
    assert!(!open.status.success() && told.contains("aws.credentials"), "{told}");
}
