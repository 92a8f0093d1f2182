//! Ten messages sent, received and deleted: alone against the two bare flushes of the same bytes, and by many at
//! once against as many appends to the same log.

use super::{
    disk::{Disk, batch_of},
    pairs::{Pair, Pairs},
    trips::{Trip, block, payload_bytes, trips},
};
use caudal::storage::{QueueId, QueuePolicy, Receipt, ShardId, StorageSettings, Store};
use futures::future::join_all;
use std::{
    future::Future,
    io::IoSlice,
    sync::Arc,
    time::{Duration, Instant},
};

const MESSAGES: usize = 10;
const CLIENTS: usize = 16;
const VISIBILITY: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends ten messages, and receives and deletes as many: another client's may be among them.
async fn cycle(store: &Store, queue: QueueId, trips: &[Trip]) {
    let sent = batch_of(|batch| batch.send(queue, block(trips), 0));
    store.commit(sent).await.expect("sent");
    let mut left = trips.len();
    while left > 0 {
        let messages = store.receive(queue, left, VISIBILITY, PATIENCE).await.expect("received");
        assert!(!messages.is_empty(), "messages that were sent are not received");
        left -= messages.len();
        let receipts: Vec<Receipt> = messages.into_iter().map(|message| message.receipt).collect();
        for deleted in store.delete_messages(&receipts).await {
            deleted.expect("deleted");
        }
    }
}

/// What a cycle cannot do without: one commit of the messages, another that is as large as their deletion.
async fn append_twice(store: &Store, shard: ShardId, trips: &[Trip], deletion: &[u8]) {
    let appended = batch_of(|batch| batch.append(shard, block(trips)));
    store.commit(appended).await.expect("appended");
    let noted = batch_of(|batch| batch.put("bench", deletion.to_vec(), None));
    store.commit(noted).await.expect("noted");
}

/// How long all clients need for so many rounds each.
fn rounds<F>(disk: &Disk, count: u64, round: impl Fn() -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let begun = Instant::now();
    disk.runtime.block_on(async {
        for _ in 0..count {
            let clients = join_all((0..CLIENTS).map(|_| tokio::spawn(round())));
            for client in clients.await {
                client.expect("client");
            }
        }
    });
    begun.elapsed()
}

pub fn measure(pairs: &mut Pairs) {
    let disk = Disk::open(StorageSettings::default());
    let mut bare = disk.bare();
    let Disk { runtime, store, shard, .. } = &disk;
    let queue = runtime.block_on(store.declare_queue("bench", QueuePolicy::default())).expect("queue");
    let trips = Arc::new(trips(MESSAGES));
    let bytes = payload_bytes(&trips);
    let receipts = (0..).take(MESSAGES).map(|sequence| Receipt { queue, sequence, receive_count: 1 });
    let deletion = batch_of(|batch| receipts.for_each(|receipt| batch.settle(&receipt))).size();
    let sent = vec![b'x'; batch_of(|batch| batch.send(queue, block(&trips), 0)).size()];
    let deletion: Arc<Vec<u8>> = Arc::new(vec![b'x'; deletion]);

    let alone =
        Pair { piece: "queue, one client", limit: "two writes with fdatasync", records: MESSAGES, bytes };
    pairs.measure(
        alone,
        |bencher| {
            bencher.iter(|| {
                bare.write(&[IoSlice::new(&sent)]);
                bare.write(&[IoSlice::new(&deletion)]);
            });
        },
        |bencher| bencher.iter(|| runtime.block_on(cycle(store, queue, &trips))),
    );

    let together = Pair {
        piece: "queue, sixteen clients",
        limit: "as many commits without a queue",
        records: CLIENTS * MESSAGES,
        bytes: CLIENTS * bytes,
    };
    pairs.measure(
        together,
        |bencher| {
            bencher.iter_custom(|count| {
                rounds(&disk, count, || {
                    let (store, shard) = (store.clone(), *shard);
                    let (trips, deletion) = (Arc::clone(&trips), Arc::clone(&deletion));
                    async move { append_twice(&store, shard, &trips, &deletion).await }
                })
            });
        },
        |bencher| {
            bencher.iter_custom(|count| {
                rounds(&disk, count, || {
                    let (store, trips) = (store.clone(), Arc::clone(&trips));
                    async move { cycle(&store, queue, &trips).await }
                })
            });
        },
    );
}
