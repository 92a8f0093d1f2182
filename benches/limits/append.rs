//! Durable appends of 500 × 1 KiB over 64 shards against a bare loop of `pwritev` and `fdatasync`.

use caudal::{
    storage::{Batch, RecordBlock, ShardId, StorageSettings, Store},
    telemetry::StorageMetrics,
};
use std::{
    fs::File,
    io::IoSlice,
    path::Path,
    time::{Duration, Instant},
};

const SHARDS: usize = 64;
const RECORDS: usize = 500;
const RECORD_BYTES: usize = 1024;
const SUBMITTERS: usize = 8;
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 5;

/// Payload bytes a second through the store, each batch answered after its flush.
async fn append_round(store: &Store, shards: &[ShardId]) -> f64 {
    let payload = vec![b'x'; RECORD_BYTES];
    let until = Instant::now() + ROUND;
    let submitters: Vec<_> = (0..SUBMITTERS)
        .map(|submitter| {
            let (store, shards, payload) = (store.clone(), shards.to_vec(), payload.clone());
            tokio::spawn(async move {
                let mut bytes = 0;
                let mut shard = submitter;
                while Instant::now() < until {
                    let mut block = RecordBlock::with_capacity(RECORDS * (RECORD_BYTES + 64));
                    for _ in 0..RECORDS {
                        block.push(0, b"key", b"", &payload);
                    }
                    let mut batch = Batch::new();
                    batch.append(shards[shard % SHARDS], block);
                    store.commit(batch).await.expect("commit");
                    bytes += RECORDS * RECORD_BYTES;
                    shard += SUBMITTERS;
                }
                bytes
            })
        })
        .collect();
    let started = Instant::now();
    let mut bytes = 0;
    for submitter in submitters {
        bytes += submitter.await.expect("submitter");
    }
    bytes as f64 / started.elapsed().as_secs_f64()
}

/// Bytes a second of the same batches written and flushed by hand, to a growing file.
fn bare_round(folder: &Path) -> f64 {
    let path = folder.join("bare");
    let file = File::create(&path).expect("file");
    let record = vec![b'x'; RECORD_BYTES];
    let batch = vec![b'x'; RECORDS * RECORD_BYTES];
    drop(record);
    let (mut offset, started) = (0, Instant::now());
    while started.elapsed() < ROUND {
        let written = rustix::io::pwritev(&file, &[IoSlice::new(&batch)], offset).expect("write");
        assert_eq!(written, batch.len());
        file.sync_data().expect("flush");
        offset += written as u64;
    }
    let rate = offset as f64 / started.elapsed().as_secs_f64();
    std::fs::remove_file(path).expect("remove");
    rate
}

pub fn measure() {
    let folder = tempfile::tempdir_in(".").expect("folder");
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let store =
        Store::open(&folder.path().join("data"), StorageSettings::default(), StorageMetrics::unregistered())
            .expect("store");
    let shards: Vec<ShardId> = runtime.block_on(async {
        let mut shards = Vec::new();
        for shard in 0..SHARDS {
            let declared = store.declare_shard(&format!("bench/{shard}")).await.expect("shard");
            // What is appended here is given back at once, so that the bench needs little disk.
            let keep = caudal::storage::Retention { age: Some(Duration::from_secs(2)), bytes: None };
            store.retain(declared, keep);
            shards.push(declared);
        }
        shards
    });
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        limit.push(bare_round(folder.path()) / 1e6);
        ours.push(runtime.block_on(append_round(&store, &shards)) / 1e6);
    }
    super::report("append 500 x 1 KiB, 64 shards, fsync", "MB/s", &ours, &limit, Some(0.7));
    store.close().expect("close");
}
