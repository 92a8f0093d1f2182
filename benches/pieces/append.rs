//! Batches of trips encoded, committed and flushed, against a bare `pwritev` and `fdatasync` of the same bytes.

use super::{
    disk::{Disk, batch_of},
    pairs::{Pair, Pairs},
    trips::{Trip, block, payload_bytes, trips},
};
use caudal::storage::{ShardId, StorageSettings, Store};
use std::{io::IoSlice, sync::Arc, time::Instant};

const RECORDS: usize = 500;
/// Who append at the same time: their batches share flushes.
const TOGETHER: usize = 8;

async fn append(store: &Store, shard: ShardId, trips: &[Trip]) {
    let batch = batch_of(|batch| batch.append(shard, block(trips)));
    store.commit(batch).await.expect("commit");
}

/// So many batches, one after another.
async fn append_in_turn(store: Store, shard: ShardId, trips: Arc<Vec<Trip>>, batches: u64) {
    for _ in 0..batches {
        append(&store, shard, &trips).await;
    }
}

pub fn measure(pairs: &mut Pairs) {
    let disk = Disk::open(StorageSettings::default());
    let mut bare = disk.bare();
    let trips = Arc::new(trips(RECORDS));
    let bytes = payload_bytes(&trips);
    let encoded = vec![b'x'; batch_of(|batch| batch.append(disk.shard, block(&trips))).size()];
    let Disk { runtime, store, shard, .. } = &disk;

    let alone = Pair {
        piece: "append, one at a time",
        limit: "pwritev and fdatasync of a batch",
        records: RECORDS,
        bytes,
    };
    pairs.measure(
        alone,
        |bencher| bencher.iter(|| bare.write(&[IoSlice::new(&encoded)])),
        |bencher| bencher.iter(|| runtime.block_on(append(store, *shard, &trips))),
    );

    let together = Pair {
        piece: "append, eight at once",
        limit: "pwritev of eight batches, then fdatasync",
        records: TOGETHER * RECORDS,
        bytes: TOGETHER * bytes,
    };
    let all: Vec<IoSlice<'_>> = (0..TOGETHER).map(|_| IoSlice::new(&encoded)).collect();
    pairs.measure(
        together,
        |bencher| bencher.iter(|| bare.write(&all)),
        |bencher| {
            bencher.iter_custom(|batches| {
                let begun = Instant::now();
                runtime.block_on(async {
                    let submitters = (0..TOGETHER).map(|_| {
                        tokio::spawn(append_in_turn(store.clone(), *shard, Arc::clone(&trips), batches))
                    });
                    for submitter in submitters.collect::<Vec<_>>() {
                        submitter.await.expect("submitter");
                    }
                });
                begun.elapsed()
            });
        },
    );
}
