//! The store against a plain model: appends, reads, checkpoints, trims, messages, closes and kills.

use super::super::*;
use super::{append, block, open, payloads, tick};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SHARDS: u32 = 3;

#[derive(Debug, Clone)]
enum Step {
    Append { shard: u32, sizes: Vec<usize> },
    Read { shard: u32, back: u64, records: usize },
    Checkpoint { shard: u32, back: u64 },
    Put { key: u8, value: u8 },
    Send { count: u8 },
    ReceiveAndSettle { count: usize },
    Trim,
    Close,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let shard = 0..SHARDS;
    prop_oneof![
        8 => (shard.clone(), prop::collection::vec(0_usize..6000, 1..8))
            .prop_map(|(shard, sizes)| Step::Append { shard, sizes }),
        4 => (shard.clone(), 0_u64..60, 1_usize..20)
            .prop_map(|(shard, back, records)| Step::Read { shard, back, records }),
        2 => (shard, 0_u64..10).prop_map(|(shard, back)| Step::Checkpoint { shard, back }),
        1 => (0_u8..4, any::<u8>()).prop_map(|(key, value)| Step::Put { key, value }),
        2 => (1_u8..20).prop_map(|count| Step::Send { count }),
        2 => (1_usize..20).prop_map(|count| Step::ReceiveAndSettle { count }),
        2 => Just(Step::Trim),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
    ]
}

#[derive(Debug, Default)]
struct Model {
    shards: Vec<Vec<Vec<u8>>>,
    checkpoints: BTreeMap<u32, u64>,
    values: BTreeMap<u8, u8>,
    sent: u64,
    waiting: BTreeSet<u64>,
    /// Makes every payload different.
    seed: u64,
}

fn reopened(store: Store, folder: &std::path::Path, close: bool) -> Store {
    if close {
        store.close().expect("closes");
    }
    drop(store);
    open(folder)
}

/// Trims now and only now: the upkeep thread's own ticks find nothing to trim between two steps.
async fn trim(store: &Store) {
    let keep = |retention| (0..SHARDS).for_each(|shard| store.retain(ShardId(shard), retention));
    keep(Retention { age: None, bytes: Some(20_000) });
    tick(store);
    tick(store);
    keep(Retention::default());
    tick(store);
    let mut batch = Batch::new();
    batch.remove("nothing");
    store.commit(batch).await.unwrap();
}

impl Model {
    fn payload(&mut self, size: usize) -> Vec<u8> {
        self.seed += 1;
        let mut payload = self.seed.to_le_bytes().to_vec();
        payload.resize(size.max(8), self.seed as u8);
        payload
    }

    async fn take(&mut self, store: &Store, step: Step) {
        match step {
            Step::Append { shard, sizes } => self.append(store, shard, sizes).await,
            Step::Read { shard, back, records } => self.read(store, shard, back, records).await,
            Step::Checkpoint { shard, back } => {
                let next = (self.shards[shard as usize].len() as u64).saturating_sub(back);
                let kept = store.range(ShardId(shard)).unwrap().first;
                let next = next.max(kept).max(self.checkpoints.get(&shard).copied().unwrap_or(0));
                let mut batch = Batch::new();
                batch.checkpoint("reader", ShardId(shard), next);
                store.commit(batch).await.unwrap();
                self.checkpoints.insert(shard, next);
            }
            Step::Put { key, value } => {
                let mut batch = Batch::new();
                batch.put(format!("value/{key}"), vec![value], None);
                store.commit(batch).await.unwrap();
                self.values.insert(key, value);
            }
            Step::Send { count } => self.send(store, count).await,
            Step::ReceiveAndSettle { count } => self.receive_and_settle(store, count).await,
            Step::Trim => trim(store).await,
            Step::Close | Step::Kill => {}
        }
    }

    async fn append(&mut self, store: &Store, shard: u32, sizes: Vec<usize>) {
        let records: Vec<Vec<u8>> = sizes.into_iter().map(|size| self.payload(size)).collect();
        let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let held = &mut self.shards[shard as usize];
        let placed = store.commit(append(ShardId(shard), &slices)).await.unwrap().placements;
        assert_eq!((placed[0].first_sequence, placed[0].count), (held.len() as u64, slices.len() as u32));
        held.extend(records);
    }

    async fn read(&self, store: &Store, shard: u32, back: u64, records: usize) {
        let held = &self.shards[shard as usize];
        let range = store.range(ShardId(shard)).unwrap();
        let from = range.next.saturating_sub(back).max(range.first);
        let slice = store.read(ShardId(shard), from, records, usize::MAX).await.unwrap();
        assert_eq!(slice.records.is_empty(), from == range.next);
        for (record, sequence) in slice.records.iter().zip(from..) {
            assert_eq!((record.sequence, &record.payload[..]), (sequence, &held[sequence as usize][..]));
        }
    }

    async fn send(&mut self, store: &Store, count: u8) {
        let bodies: Vec<[u8; 8]> = (self.sent..self.sent + u64::from(count)).map(u64::to_le_bytes).collect();
        let slices: Vec<&[u8]> = bodies.iter().map(|body| &body[..]).collect();
        let mut batch = Batch::new();
        batch.send(QueueId(SHARDS), block(&slices), 0);
        store.commit(batch).await.unwrap();
        self.waiting.extend(self.sent..self.sent + u64::from(count));
        self.sent += u64::from(count);
    }

    async fn receive_and_settle(&mut self, store: &Store, count: usize) {
        let hour = Duration::from_secs(3600);
        let messages = store.receive(QueueId(SHARDS), count, hour, Duration::ZERO).await.unwrap();
        assert_eq!(messages.len(), count.min(self.waiting.len()));
        let mut batch = Batch::new();
        for message in &messages {
            assert_eq!(message.record.payload[..], message.receipt.sequence.to_le_bytes());
            assert!(self.waiting.remove(&message.receipt.sequence));
            batch.settle(&message.receipt);
        }
        store.commit(batch).await.unwrap();
    }

    async fn check(&self, store: &Store) {
        for (held, shard) in self.shards.iter().zip(0..) {
            let range = store.range(ShardId(shard)).unwrap();
            assert_eq!(range.next, held.len() as u64);
            assert!(range.first <= self.checkpoints.get(&shard).copied().unwrap_or(u64::MAX));
            assert_eq!(payloads(store, ShardId(shard), range.first).await, held[range.first as usize..]);
            assert_eq!(store.checkpoint("reader", ShardId(shard)), self.checkpoints.get(&shard).copied());
        }
        for (key, value) in &self.values {
            assert_eq!(store.get(&format!("value/{key}")).as_deref(), Some(&[*value][..]));
        }
        let depth = store.depth(QueueId(SHARDS)).unwrap();
        assert_eq!((depth.ready, depth.sent), (self.waiting.len() as u64, self.sent));
    }
}

async fn follow(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut model = Model { shards: vec![Vec::new(); SHARDS as usize], ..Model::default() };
    for shard in 0..SHARDS {
        store.declare_shard(&format!("s/{shard}")).await.unwrap();
    }
    store.declare_queue("q", QueuePolicy::default()).await.unwrap();
    for step in steps {
        match step {
            Step::Close | Step::Kill => {
                store = reopened(store, folder.path(), matches!(step, Step::Close));
                model.check(&store).await;
            }
            step => model.take(&store, step).await,
        }
    }
    model.check(&store).await;
    let store = reopened(store, folder.path(), false);
    model.check(&store).await;
}

/// The same steps in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 48,
        rng_seed: RngSeed::Fixed(20_190_601),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn the_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..80)) {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(follow(steps));
    }
}
