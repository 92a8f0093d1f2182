//! Time from start to serving after `kill -9` with 1 GiB of log.

use super::daemon::Daemon;
use caudal::{
    storage::{Batch, RecordBlock, StorageSettings, Store},
    telemetry::StorageMetrics,
};
use std::{path::Path, process::Command, time::Duration};

const LOG_BYTES: usize = 1 << 30;
const BATCH_RECORDS: usize = 500;
const TOPOLOGY: &str = r#"
[ingress.collector]
listen = "127.0.0.1:0"
to = "events"
[stream.events]
shards = 4
"#;

/// Fills the folder's log, then dies as by `kill -9`.
pub fn fill(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let store =
        Store::open(folder, StorageSettings::default(), StorageMetrics::unregistered()).expect("store");
    runtime.block_on(async {
        let mut shards = Vec::new();
        for shard in 0..4 {
            shards.push(store.declare_shard(&format!("events/shardId-{shard:012}")).await.expect("shard"));
        }
        let payload = vec![b'{'; 1024];
        for batch_number in 0..LOG_BYTES / (BATCH_RECORDS * 1024) {
            let mut block = RecordBlock::with_capacity(BATCH_RECORDS * 1100);
            for _ in 0..BATCH_RECORDS {
                block.push(0, b"key", b"", &payload);
            }
            let mut batch = Batch::new();
            batch.append(shards[batch_number % 4], block);
            store.commit(batch).await.expect("commit");
        }
    });
    let own = std::process::id().to_string();
    let _ = Command::new("kill").args(["-9", &own]).status();
    std::thread::sleep(Duration::from_secs(10));
}

pub fn measure() {
    let folder = tempfile::tempdir_in(".").expect("folder");
    let data = folder.path().join("data");
    let this = std::env::current_exe().expect("this program");
    let mut times = Vec::new();
    let status = Command::new(this).arg("fill").arg(&data).status().expect("fill");
    assert!(!status.success(), "the filling process dies by kill -9");
    for _ in 0..5 {
        // Dropping the daemon kills it, so that each start is a recovery.
        times.push(Daemon::start(TOPOLOGY, &data).started_in.as_secs_f64());
    }
    let first = times[0];
    let median = super::median(times);
    println!(
        "start to serving after kill -9 with 1 GiB of log: first {first:.2} s, median {median:.2} s, target 3: {}",
        if first < 3.0 { "met" } else { "short" }
    );
}
