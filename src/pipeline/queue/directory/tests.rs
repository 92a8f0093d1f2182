//! The directory over a real store, beside a topology.

use super::*;
use crate::{
    pipeline::queue::{Queue, QueueSection},
    storage::{StorageSettings, Store},
    telemetry::StorageMetrics,
    units::Span,
};
use std::{path::Path, time::Duration};

async fn open(folder: &Path) -> Arc<QueueDirectory> {
    let settings = StorageSettings { flush: false, free_space_floor: 0, ..StorageSettings::default() };
    let store = Store::open(folder, settings, StorageMetrics::unregistered()).unwrap();
    QueueDirectory::open(store, Home::default()).await.unwrap()
}

fn identity(name: &str) -> QueueIdentity {
    let Home { account, region } = Home::default();
    QueueIdentity::new(&account, &region, name)
}

#[tokio::test]
async fn a_topology_takes_a_run_time_queue_over_and_leaves_it_as_it_had_it() {
    let folder = tempfile::tempdir().unwrap();
    let directory = open(folder.path()).await;
    let terms = QueueTerms { visibility_timeout: 7, delay: 3, ..QueueTerms::default() };
    let (made, is_new) = directory.create(identity("jobs"), terms, BTreeMap::new(), 1).await.unwrap();
    assert!(
        is_new
            && !directory
                .create(identity("jobs"), QueueTerms::default(), BTreeMap::new(), 2)
                .await
                .unwrap()
                .1
    );
    let section =
        QueueSection { visibility_timeout: Span(Duration::from_secs(90)), ..QueueSection::default() };
    let queue = directory.topology_queue("jobs", &section).await.unwrap();
    assert!(Arc::ptr_eq(&queue, &made.queue), "it is the same queue");
    assert_eq!((made.terms().visibility_timeout, made.terms().delay), (90, 3));
    let refused = directory.set_terms(&made, |terms| terms.visibility_timeout = 5, 3).await;
    assert!(matches!(refused, Err(QueueDirectoryError::OfTheTopology(_))));
    assert!(matches!(directory.delete(&made).await, Err(QueueDirectoryError::OfTheTopology(_))));
    directory.set_terms(&made, |terms| terms.delay = 4, 3).await.unwrap();
    directory.topology_has(&BTreeMap::new());
    assert_eq!((made.terms().visibility_timeout, made.terms().delay), (90, 4));
    directory.set_terms(&made, |terms| terms.visibility_timeout = 5, 4).await.unwrap();
    directory.store().close().unwrap();
    drop(directory);
    let again = open(folder.path()).await;
    let kept = again.get(&identity("jobs")).unwrap();
    assert_eq!((kept.terms().visibility_timeout, kept.terms().delay, kept.created_at_ms()), (5, 4, 1));
}

#[tokio::test]
async fn a_queue_of_the_topology_is_there_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let directory = open(folder.path()).await;
    let queue = directory.topology_queue("jobs", &QueueSection::default()).await.unwrap();
    let found = directory.get(&identity("jobs")).unwrap();
    assert!(Arc::ptr_eq(&queue, &found.queue) && found.is_of_the_topology());
    assert_eq!(directory.all_of("000000000000", "us-east-1").len(), 1);
    assert_eq!(directory.all_of("000000000000", "us-east").len(), 0);
}

fn fifo() -> QueueSection {
    QueueSection { fifo: true, ..QueueSection::default() }
}

#[tokio::test]
async fn a_fifo_queue_of_a_topology_is_called_with_its_ending_and_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let directory = open(folder.path()).await;
    let queue = directory.topology_queue("rides", &fifo()).await.unwrap();
    assert_eq!(queue.name(), "rides");
    assert!(directory.get(&identity("rides")).is_none());
    let (made, is_new) = directory
        .create(
            identity("rides.fifo"),
            QueueTerms { fifo: true, ..QueueTerms::default() },
            BTreeMap::new(),
            1,
        )
        .await
        .unwrap();
    assert!(!is_new && Arc::ptr_eq(&made.queue, &queue));
    directory.set_terms(&made, |terms| terms.delay = 7, 2).await.unwrap();
    let policy =
        |directory: &QueueDirectory, queue: &Queue| directory.store().queue_policy(queue.id()).unwrap();
    assert_eq!(policy(&directory, &queue).delay, Duration::from_secs(7), "no topology speaks of it");
    directory.store().close().unwrap();
    drop(directory);
    let again = open(folder.path()).await;
    let known = again.get(&identity("rides.fifo")).unwrap();
    assert_eq!((known.queue.name(), known.queue.id()), ("rides", queue.id()));
    assert_eq!(known.terms().delay, 7);
    let opened = again.topology_queue("rides", &fifo()).await.unwrap();
    assert!(Arc::ptr_eq(&opened, &known.queue));
    assert_eq!(policy(&again, &opened).delay, Duration::from_secs(7));
    assert_eq!(again.all_of("000000000000", "us-east-1").len(), 1);
}

#[tokio::test]
async fn a_fifo_queue_that_was_kept_under_its_bare_name_gets_its_ending() {
    let folder = tempfile::tempdir().unwrap();
    let directory = open(folder.path()).await;
    let queue = directory.topology_queue("rides", &fifo()).await.unwrap();
    let kept = directory.store().get("sqs-queue/rides.fifo").unwrap();
    let mut batch = crate::storage::Batch::new();
    batch.remove("sqs-queue/rides.fifo");
    batch.put("sqs-queue/rides", kept, None);
    directory.store().commit(batch).await.unwrap();
    directory.store().close().unwrap();
    drop(directory);
    let again = open(folder.path()).await;
    assert_eq!(again.get(&identity("rides.fifo")).unwrap().queue.id(), queue.id());
    assert!(again.store().get("sqs-queue/rides").is_none());
}

#[tokio::test]
async fn queues_of_both_kinds_have_names_of_their_own_but_a_node_stays_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let directory = open(folder.path()).await;
    directory.topology_queue("rides", &fifo()).await.unwrap();
    let create = |name: &str| directory.create(identity(name), QueueTerms::default(), BTreeMap::new(), 1);
    let (standard, is_new) = create("rides").await.unwrap();
    assert!(is_new && !standard.queue.is_fifo(), "to the API it is another queue");
    create("jobs").await.unwrap();
    let refused = directory.topology_queue("jobs", &fifo()).await.unwrap_err();
    assert_eq!(refused.name, "jobs");
    assert!(matches!(refused.cause, CommitError::OtherKind { fifo: false, .. }), "{refused}");
    directory.store().close().unwrap();
    drop((directory, standard));
    let again = open(folder.path()).await;
    assert!(!again.get(&identity("rides")).unwrap().queue.is_fifo());
    assert!(again.get(&identity("rides.fifo")).unwrap().queue.is_fifo());
}
