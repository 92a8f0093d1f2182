//! A folder that a build of format version 1 left behind after a kill.

use super::super::*;
use super::open;
use std::path::Path;
use std::time::Duration;

/// The log files without the zeros at their end; each was given this many bytes.
const LOG_FILE: usize = 8 * 1024;

fn restore(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    let log = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.resize(LOG_FILE, 0);
        bytes
    };
    std::fs::create_dir(folder.join("log")).unwrap();
    std::fs::create_dir(folder.join("state")).unwrap();
    write("log/0000000001.log", &log(include_bytes!("format_1/log.bin")));
    write("log/0000000003.log", &log(include_bytes!("format_1/unused_log.bin")));
    write("state/snapshot-00000000000000000005.bin", include_bytes!("format_1/snapshot.bin"));
    write("manifest.0", include_bytes!("format_1/manifest_0.bin"));
    write("manifest.1", include_bytes!("format_1/manifest_1.bin"));
}

async fn check(store: &Store) {
    let shard = store.declare_shard("trips/0").await.unwrap();
    let payloads = super::payloads(store, shard, 0).await;
    assert_eq!(payloads[..2], [b"one".to_vec(), b"two".to_vec()]);
    assert_eq!((payloads[2].len(), &payloads[3][..]), (300, &b"three"[..]));
    assert_eq!(store.checkpoint("loader", shard), Some(2));
    assert_eq!(store.get("tally/loader/0").as_deref(), Some(&b"{\"finished\":2}"[..]));
    let queue = store.queue_named("rides").unwrap();
    let depth = store.depth(queue).unwrap();
    assert_eq!((depth.sent, depth.deleted, depth.ready, depth.delayed), (7, 2, 4, 1));
    assert_eq!(store.queue_policy(queue).unwrap().max_receives, Some(3));
    assert!(!store.queue_policy(queue).unwrap().fifo);
}

#[tokio::test]
async fn a_folder_of_version_1_is_read_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    restore(folder.path());
    let store = open(folder.path());
    check(&store).await;
    let mut batch = Batch::new();
    batch.once("key", "another", i64::MAX);
    let Err(CommitError::Repeated(once)) = store.commit(batch).await else { panic!("committed twice") };
    assert_eq!(&once.note[..], b"note");
    drop(store);
    let store = open(folder.path());
    check(&store).await;
    let queue = store.queue_named("rides").unwrap();
    let hour = Duration::from_secs(3_600);
    let messages = store.receive(queue, 10, hour, Duration::ZERO).await.unwrap();
    let bodies: Vec<&[u8]> = messages.iter().map(|message| &message.record.payload[..]).collect();
    assert_eq!(bodies, [b"m1", b"m3", b"m4", b"m6"]);
    let counts: Vec<u32> = messages.iter().map(|message| message.receipt.receive_count).collect();
    assert_eq!(counts, [3, 1, 1, 1]);
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.depth(queue).unwrap().in_flight, 4);
}

#[tokio::test]
async fn what_is_new_is_written_into_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    restore(folder.path());
    let before = std::fs::read(folder.path().join("log/0000000001.log")).unwrap();
    let store = open(folder.path());
    let policy = QueuePolicy { fifo: true, ..QueuePolicy::default() };
    let queue = store.declare_queue("new.fifo", policy).await.unwrap();
    let mut batch = Batch::new();
    batch.send_message(queue, &NewMessage { body: b"new", ..NewMessage::default() });
    store.commit(batch).await.unwrap();
    drop(store);
    let after = std::fs::read(folder.path().join("log/0000000001.log")).unwrap();
    assert_eq!(before, after, "an older build must still be told by the version of each file");
    let store = open(folder.path());
    check(&store).await;
    assert_eq!(store.depth(queue).unwrap().ready, 1);
}
