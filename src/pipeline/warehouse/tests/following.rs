//! A loader over shards that are split and merged.

use super::bench::{Bench, section};
use crate::{pipeline::Tally, storage::Batch};

async fn append(bench: &Bench, shard: u32, ids: std::ops::Range<usize>) {
    let records: Vec<Vec<u8>> = ids.map(|id| format!("{{\"id\":{id}}}").into_bytes()).collect();
    bench.append(shard, &records.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_parents_and_children_is_loaded_once_parents_first() {
    let bench = Bench::new(1).await;
    let rules = section("select id from input", &[]);
    append(&bench, 0, 0..100).await;
    bench.stream.split(0, 1 << 127, 1, Batch::new()).await.unwrap();
    append(&bench, 1, 100..150).await;
    append(&bench, 2, 150..200).await;
    bench.load(&rules, None).await.unwrap();
    let count = "select count(*), count(distinct id) from trips";
    assert_eq!(bench.query(count).await, "200|200");
    append(&bench, 2, 200..210).await;
    bench.stream.merge(1, 2, 2, Batch::new()).await.unwrap();
    append(&bench, 3, 210..250).await;
    bench.load(&rules, None).await.unwrap();
    assert_eq!(bench.query(count).await, "250|250");
    assert_eq!(bench.tally(), Tally { finished: 250, ..Tally::default() });
    let left = bench.stream.layout().readable(&bench.store, super::bench::NODE);
    assert_eq!(left.iter().map(|shard| shard.index).collect::<Vec<_>>(), [3]);
}
