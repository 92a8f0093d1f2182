//! Records that are handed on as they lie.

use super::super::*;
use super::open;

/// Records of many sizes, of which memory holds the last only.
async fn filled(store: &Store) -> (ShardId, u64) {
    let shard = store.declare_shard("s").await.unwrap();
    for turn in 0..120_usize {
        let mut records = RecordBlock::new();
        for place in 0..turn % 5 + 1 {
            let attributes = if (turn, place) == (110, 0) { 70_000 } else { place };
            let (key, payload) = (format!("key-{turn}-{place}"), vec![turn as u8; turn * 7 % 900]);
            records.push(1_000 + turn as i64, key.as_bytes(), &vec![b'a'; attributes], &payload);
        }
        let mut batch = Batch::new();
        batch.append(shard, records);
        store.commit(batch).await.unwrap();
    }
    (shard, store.range(shard).unwrap().next)
}

#[tokio::test]
async fn a_page_is_what_single_records_are_from_disk_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (shard, next) = filled(&store).await;
    let mut alone = Vec::new();
    for sequence in 0..next {
        alone.extend(store.read(shard, sequence, 1, 1).await.unwrap().records);
    }
    let whole = store.read_page(shard, 0, usize::MAX, usize::MAX).await.unwrap();
    assert_eq!((whole.count() as u64, whole.next(), whole.tail()), (next, next, next));
    for from in 0..next {
        for (records, bytes) in [(usize::MAX, usize::MAX), (3, usize::MAX), (usize::MAX, 2_000), (1, 1)] {
            let page = store.read_page(shard, from, records, bytes).await.unwrap();
            assert!((1..=records).contains(&page.count()));
            for (view, record) in page.iter().zip(&alone[from as usize..]) {
                assert_eq!((view.sequence, view.arrived_at_ms), (record.sequence, record.arrived_at_ms));
                assert_eq!((view.key, view.payload), (&record.key[..], &record.payload[..]));
            }
            assert_eq!(page.next(), from + page.count() as u64);
        }
    }
}

#[tokio::test]
async fn a_page_is_cut_to_its_first_records() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (shard, next) = filled(&store).await;
    let mut page = store.read_page(shard, 5, usize::MAX, usize::MAX).await.unwrap();
    page.truncate(4);
    assert_eq!((page.count(), page.next(), page.tail()), (4, 9, next));
    assert_eq!(page.last().unwrap().sequence, 8);
    assert!(page.get(4).is_none());
    page.truncate(0);
    assert!(page.is_empty() && page.last().is_none() && page.next() == 5);
    let beyond = store.read_page(shard, next, 1, 1).await.unwrap();
    assert!(beyond.is_empty() && beyond.next() == next);
}
