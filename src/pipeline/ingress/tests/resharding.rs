use super::daemon::*;
use crate::storage::Batch;
use serde_json::json;
use std::{collections::BTreeSet, sync::atomic::AtomicBool, sync::atomic::Ordering::SeqCst};

/// Halves the first open shard, or merges the first two when there are many.
fn reshape(daemon: &Daemon) {
    let layout = daemon.stream.layout();
    let open = layout.open();
    daemon.runtime.block_on(async {
        match open {
            [one, other, ..] if open.len() > 6 => {
                daemon.stream.merge(one.index, other.index, 1, Batch::new()).await.map(drop).unwrap();
            }
            [first, ..] => {
                let at = first.first_hash + (first.last_hash - first.first_hash) / 2 + 1;
                daemon.stream.split(first.index, at, 1, Batch::new()).await.map(drop).unwrap();
            }
            [] => {}
        }
    });
}

#[test]
fn records_that_come_while_shards_are_split_and_merged_are_stored_once_where_the_answer_says() {
    let daemon = start(&section(json!({})), json!({ "shards": 2, "partition_key": "/key" }));
    let is_over = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        let client = |number: u32| {
            let address = daemon.address;
            move || {
                let mut client = connect(address);
                let mut told = Vec::new();
                for round in 0..60 {
                    let keys = (0..10).map(|key| format!("{number}-{round}-{key}"));
                    let lines: Vec<String> = keys.map(|key| format!("{{\"key\":\"{key}\"}}")).collect();
                    let answer = client.records(lines.join("\n").as_bytes());
                    assert_eq!(answer.status, 200, "{answer:?}");
                    let answer = answer.json();
                    let places = answer["records"].as_array().unwrap().clone();
                    told.extend(lines.into_iter().zip(places));
                }
                told
            }
        };
        let clients: Vec<_> = (0..4).map(|number| scope.spawn(client(number))).collect();
        let reshaping = scope.spawn(|| {
            while !is_over.load(SeqCst) {
                reshape(&daemon);
            }
        });
        let told: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        is_over.store(true, SeqCst);
        reshaping.join().unwrap();
        told
    });
    assert!(daemon.stream.layout().shards().len() > 4);
    let mut places = BTreeSet::new();
    for (line, place) in &told {
        let shard = u32::try_from(place["shard"].as_u64().unwrap()).unwrap();
        let sequence = place["sequence"].as_u64().unwrap();
        let id = daemon.stream.shard(shard).unwrap().id;
        let read = daemon.runtime.block_on(daemon.store.read(id, sequence, 1, 1)).unwrap();
        assert_eq!(read.records[0].payload, line.as_bytes());
        assert!(places.insert((shard, sequence)));
    }
    assert_eq!((daemon.count(), told.len()), (2_400, 2_400));
}

#[test]
fn a_shard_that_stays_closed_is_answered_by_a_503_that_says_nothing_was_stored() {
    let daemon = start(&section(json!({})), json!({ "shards": 1 }));
    let mut batch = Batch::new();
    batch.close_shard(daemon.stream.shard(0).unwrap().id);
    daemon.runtime.block_on(daemon.store.commit(batch)).unwrap();
    let answer = daemon.records(b"{}");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert!(answer.json()["remedy"].as_str().unwrap().contains("nothing was stored"));
    assert_eq!(daemon.count(), 0);
}
