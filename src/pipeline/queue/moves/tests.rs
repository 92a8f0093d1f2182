//! Tasks over a real store and directory: FIFO queues, and ends at any moment.

use super::*;
use crate::{
    pipeline::{
        queue::{
            Envelope, QueueSection,
            directory::{QueueTerms, RedriveTarget},
        },
        stream::directory::Home,
    },
    storage::{Fingerprint, LeasedMessage, NewMessage, StorageSettings},
    telemetry::StorageMetrics,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{path::Path, time::Duration};

const LONG: Duration = Duration::from_secs(600);

struct Lab {
    moves: Arc<MessageMoves>,
    drain: watch::Sender<bool>,
}

impl Lab {
    async fn open(folder: &Path) -> Self {
        let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
        let mut opened = Store::open(folder, settings.clone(), StorageMetrics::unregistered());
        for _ in 0..1_000 {
            // Who looks for dead letters may still hold it.
            if opened.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            opened = Store::open(folder, settings.clone(), StorageMetrics::unregistered());
        }
        let store = opened.unwrap();
        let directory = QueueDirectory::open(store, Home::default()).await.unwrap();
        let (drain, draining) = watch::channel(false);
        Self { moves: MessageMoves::open(directory, draining).await.unwrap(), drain }
    }

    /// After an end that cuts the tasks off wherever they are, as a kill or with the log closed.
    async fn reopen(self, folder: &Path, is_kill: bool) -> Self {
        if !is_kill {
            self.moves.directory.store().close().unwrap();
        }
        self.drain.send_replace(true);
        while !self.moves.active().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(self);
        Self::open(folder).await
    }

    async fn queue(&self, name: &str, is_fifo: bool, dies_into: Option<&str>) -> Arc<QueueResource> {
        let redrive = dies_into.map(|name| RedriveTarget { arn: identity(name).arn(), max_receives: 1 });
        let terms = QueueTerms { fifo: is_fifo, redrive, ..QueueTerms::default() };
        let tags = std::collections::BTreeMap::new();
        self.moves.directory.create(identity(name), terms, tags, 1).await.unwrap().0
    }

    fn find(&self, name: &str) -> Arc<QueueResource> {
        self.moves.directory.get(&identity(name)).unwrap()
    }

    async fn send(&self, queue: &QueueResource, group: &str, body: &str) {
        let envelope = Envelope { group: Some(group.to_owned()), ..Envelope::default() }.encode();
        let message = NewMessage {
            sent_at_ms: crate::pipeline::now_ms(),
            key: group.as_bytes(),
            attributes: &envelope,
            body: body.as_bytes(),
            group: Some(Fingerprint::of(group.as_bytes())),
            ..NewMessage::default()
        };
        let mut batch = Batch::new();
        batch.send_message(queue.queue.id(), &message);
        self.moves.store().commit(batch).await.unwrap();
    }

    async fn receive(&self, queue: &QueueResource, max: usize, visibility: Duration) -> Vec<LeasedMessage> {
        self.moves.store().receive(queue.queue.id(), max, visibility, Duration::ZERO).await.unwrap()
    }

    async fn ended(&self, source: &QueueResource) -> MoveTask {
        for _ in 0..3_000 {
            let task = self.moves.of(source).remove(0);
            if !task.is_active() {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the task does not end: {:?}", self.moves.of(source));
    }
}

fn identity(name: &str) -> QueueIdentity {
    let Home { account, region } = Home::default();
    QueueIdentity::new(&account, &region, name)
}

fn bodies(messages: &[LeasedMessage]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8(message.record.payload.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn groups_of_a_fifo_queue_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let dead = lab.queue("dead.fifo", true, None).await;
    let jobs = lab.queue("jobs.fifo", true, Some("dead.fifo")).await;
    for number in 0..40 {
        lab.send(&jobs, &format!("g{}", number % 3), &format!("g{} {number:02}", number % 3)).await;
    }
    for _ in 0..400 {
        lab.receive(&jobs, 10, Duration::ZERO).await;
        if dead.queue.depth().ready == 40 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((dead.queue.depth().ready, jobs.queue.depth().ready), (40, 0));
    lab.moves.start(&dead, MoveOrder::default(), 5).await.unwrap();
    let task = lab.ended(&dead).await;
    assert_eq!((task.status, task.moved, task.to_move), (MoveStatus::Completed, 40, 40));
    let back = lab.receive(&jobs, 100, LONG).await;
    assert_eq!(back.len(), 40);
    let mut all = bodies(&back);
    assert!(
        back.iter().all(|message| message.receipt.receive_count == 1 && message.record.provenance.is_none())
    );
    let groups: Vec<Vec<String>> = (0..3)
        .map(|group| all.iter().filter(|body| body.starts_with(&format!("g{group}"))).cloned().collect())
        .collect();
    assert!(groups.iter().all(|group| group.is_sorted()), "{groups:?}");
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 40);
}

#[tokio::test]
async fn a_group_that_somebody_works_on_stays_and_what_comes_later_too() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let dead = lab.queue("dead.fifo", true, None).await;
    let other = lab.queue("other.fifo", true, None).await;
    for body in ["a1", "b1", "a2"] {
        lab.send(&dead, &body[..1], body).await;
    }
    assert_eq!(bodies(&lab.receive(&dead, 1, LONG).await), ["a1"]);
    let order = MoveOrder { destination: Some(other.identity.clone()), per_second: None };
    lab.moves.start(&dead, order, 5).await.unwrap();
    let task = lab.ended(&dead).await;
    assert_eq!((task.status, task.moved), (MoveStatus::Completed, 1));
    assert_eq!(bodies(&lab.receive(&other, 10, LONG).await), ["b1"]);
    assert_eq!(dead.queue.depth().ready, 1);
}

#[tokio::test]
async fn whatever_ends_the_process_no_message_is_lost_or_doubled() {
    for (is_fifo, [dead_name, other_name]) in
        [(false, ["dead", "other"]), (true, ["dead.fifo", "other.fifo"])]
    {
        let mut random = StdRng::seed_from_u64(u64::from(is_fifo));
        let folder = tempfile::tempdir().unwrap();
        let mut lab = Lab::open(folder.path()).await;
        let dead = lab.queue(dead_name, is_fifo, None).await;
        lab.queue(other_name, is_fifo, None).await;
        for number in 0..300 {
            lab.send(&dead, &format!("g{}", number % 5), &format!("{number:03}")).await;
        }
        let order = MoveOrder { destination: Some(identity(other_name)), per_second: None };
        lab.moves.start(&dead, order, 5).await.unwrap();
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_micros(random.random_range(0..4_000))).await;
            lab = lab.reopen(folder.path(), random.random_bool(0.5)).await;
            let (dead, other) = (lab.find(dead_name), lab.find(other_name));
            let moved = lab.moves.of(&dead)[0].moved;
            assert!(moved <= other.queue.depth().ready);
        }
        let (dead, other) = (lab.find(dead_name), lab.find(other_name));
        let task = lab.ended(&dead).await;
        assert_eq!((task.status, task.moved, task.to_move), (MoveStatus::Completed, 300, 300));
        let mut all = bodies(&lab.receive(&other, 1_000, LONG).await);
        if is_fifo {
            for group in 0..5 {
                let of_it = |body: &&String| body.parse::<u32>().unwrap() % 5 == group;
                assert!(all.iter().filter(of_it).is_sorted());
            }
        }
        all.sort_unstable();
        assert_eq!(all, (0..300).map(|number| format!("{number:03}")).collect::<Vec<_>>());
        assert_eq!(dead.queue.depth().ready + dead.queue.depth().in_flight, 0);
    }
}

#[tokio::test]
async fn a_queue_of_the_topology_is_a_source_too() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let dead = lab.moves.directory.topology_queue("dead", &QueueSection::default()).await.unwrap();
    let source = lab.find("dead");
    let other = lab.queue("other", false, None).await;
    let origin = crate::pipeline::Origin { stream: "trips".to_owned(), shard: 2, sequence: 9 };
    let mut block = crate::storage::RecordBlock::new();
    block.push(7, b"key", &origin.encode(), b"a trip");
    let mut batch = Batch::new();
    batch.send(dead.id(), block, 0);
    lab.moves.store().commit(batch).await.unwrap();
    let order = MoveOrder { destination: Some(other.identity.clone()), per_second: Some(1) };
    lab.moves.start(&source, order, 5).await.unwrap();
    assert_eq!(lab.ended(&source).await.moved, 1);
    let moved = lab.receive(&other, 1, LONG).await.remove(0).record;
    assert_eq!((&moved.key[..], &moved.payload[..]), (&b"key"[..], &b"a trip"[..]));
    assert_eq!(crate::pipeline::Origin::decode(&moved.attributes), Some(origin));
}
