//! The same daemon by AWS's protocols, and in the closed model: what is sent arrives once and in order.

use super::scenarios::{count, hold, run};
use std::fs;

const TOPOLOGY: &str = r#"
[ingress.door]
to = ["orders", "jobs"]

[stream.orders]
shards = 3

[loader.order_rows]
from = "orders"
warehouse = "file://warehouse"
table = "orders"
sql = "select producer, number, at, key from input"
commit = { bytes = "32MiB", age = "1s" }

[queue.jobs]
fifo = true

[workers.work]
from = "jobs"
to = "done"
batch = 100
run = { rules = { sql = "select producer, number, at, key from input" } }

[stream.done]
partition_key = "/key"

[loader.done_rows]
from = "done"
warehouse = "file://warehouse"
table = "done"
commit = { bytes = "32MiB", age = "1s" }
"#;

fn sent(target: &str, table: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("topology.toml"), TOPOLOGY).unwrap();
    let scenario = format!(
        r#"
        scenario = {{ name = "protocol", about = "As a test has it", topology = "topology.toml" }}
        target = {{ {target}, connections = 4 }}
        records = {{ kind = "orders", keys = {{ distribution = "zipf", count = 50, exponent = 1 }} }}
        proof = {{ warehouse = ["{table}"] }}

        [[stage]]
        name = "open"
        for = "1s"
        arrival = {{ kind = "stairs", from = 100, to = 300, steps = 3 }}
        spacing = "poisson"

        [[stage]]
        name = "closed"
        for = "500ms"
        arrival = {{ kind = "closed" }}
        "#
    );
    let file = folder.path().join("protocol.toml");
    fs::write(&file, scenario).unwrap();
    let outcome = run(&file, 1.0);
    hold(&outcome);
    assert_eq!(count(&outcome, "/totals/refused") + count(&outcome, "/totals/unknown"), 0, "{outcome:#}");
    assert!(count(&outcome, "/stages/1/totals/accepted") > 0);
    count(&outcome, "/totals/accepted")
}

#[test]
fn put_records_reaches_a_stream_by_the_keys_of_the_records() {
    assert!(sent("protocol = \"kinesis\", stream = \"orders\", batch = 50", "orders") > 100);
}

#[test]
fn send_message_batch_reaches_a_fifo_queue_by_message_group() {
    assert!(sent("protocol = \"sqs\", queue = \"jobs.fifo\"", "done") > 100);
}
