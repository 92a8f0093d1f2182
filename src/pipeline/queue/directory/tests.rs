//! The directory over a real store, beside a topology.

use super::*;
use crate::{
    pipeline::queue::QueueSection,
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
