//! Pages of trips, verified and looked at one by one, against a copy or a `pread` of the same bytes.

use super::{
    disk::{Disk, batch_of},
    pairs::{Pair, Pairs},
    trips::{Trip, block, payload_bytes, trips},
};
use caudal::storage::{ShardId, StorageSettings, Store};
use std::{hint::black_box, os::unix::fs::FileExt};

const PAGE: usize = 2_000;
const PAGES: usize = 8;
const PAGE_BYTES: usize = 10 << 20;
/// Records of a batch: a page is made of several.
const BATCH: usize = 500;
/// Log files and a tail that are much smaller than what is read, so that it comes from files.
const LITTLE: u64 = 1 << 20;

/// Payload bytes of a page, each record looked at where it lies.
async fn read(store: &Store, shard: ShardId, place: usize) -> usize {
    let from = (place % PAGES * PAGE) as u64;
    let page = store.read_page(shard, from, PAGE, PAGE_BYTES).await.expect("page");
    page.iter().map(|record| black_box(record).payload.len()).sum()
}

fn filled(settings: StorageSettings, trips: &[Trip]) -> Disk {
    let disk = Disk::open(settings);
    for trips in trips.chunks(BATCH) {
        let batch = batch_of(|batch| batch.append(disk.shard, block(trips)));
        disk.runtime.block_on(disk.store.commit(batch)).expect("commit");
    }
    disk
}

pub fn measure(pairs: &mut Pairs) {
    let trips = trips(PAGES * PAGE);
    let bytes = payload_bytes(&trips) / PAGES;
    let memory = filled(StorageSettings::default(), &trips);
    let encoded = batch_of(|batch| batch.append(memory.shard, block(&trips))).size() / PAGES;
    let lying = vec![b'x'; encoded * PAGES];
    let mut copied = vec![0; encoded];

    let mut place = 0;
    let mut next = || {
        place += 1;
        place
    };
    pairs.measure(
        Pair { piece: "read, from memory", limit: "a copy of the page", records: PAGE, bytes },
        |bencher| {
            bencher.iter(|| {
                let from = next() % PAGES * encoded;
                copied.copy_from_slice(&lying[from..from + encoded]);
                black_box(&copied);
            });
        },
        |bencher| whole(bencher, &memory, bytes),
    );

    let little = usize::try_from(LITTLE).expect("size");
    let files = filled(
        StorageSettings { log_file_bytes: LITTLE, tail_bytes: little, ..StorageSettings::default() },
        &trips,
    );
    let bare = files.bare();
    pairs.measure(
        Pair { piece: "read, from files", limit: "pread of the page", records: PAGE, bytes },
        |bencher| {
            bencher.iter(|| {
                let from = next() % PAGES * encoded;
                bare.file.read_exact_at(&mut copied, from as u64).expect("read");
                black_box(&copied);
            });
        },
        |bencher| whole(bencher, &files, bytes),
    );
}

/// Measures reading page after page, each of about so many bytes.
fn whole(bencher: &mut criterion::Bencher<'_>, disk: &Disk, bytes: usize) {
    let mut place = 0;
    bencher.iter(|| {
        place += 1;
        let read = disk.runtime.block_on(read(&disk.store, disk.shard, place));
        assert!(read.abs_diff(bytes) < bytes / 10, "{read} bytes instead of {bytes}");
    });
}
