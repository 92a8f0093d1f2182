//! From settings and a plan to what can be served: the store, the wired nodes, the readers that left.

use super::announcement::RUN_FILE;
use crate::{
    error::Failure,
    pipeline::{
        queue::directory::QueueDirectory,
        stream::directory::{Directory, Home},
    },
    settings::{Durability, Settings},
    storage::{StorageSettings, Store},
    telemetry::Metrics,
    topology::{self, BuildError, Built, Foundation, LeftReader, Plan, forget, left_readers},
    wire::endpoint::AwsSection,
};
use std::sync::Arc;

pub(super) fn open_store(settings: &Settings, metrics: &Metrics) -> Result<Store, Failure> {
    if settings.storage.durability == Durability::None {
        tracing::warn!("durability is \"none\": a power cut loses acknowledged records");
    }
    let store = Store::open(&settings.data, StorageSettings::from(&settings.storage), metrics.storage())?;
    // A file left by a process that was killed would name ports that nobody listens on.
    let _ = std::fs::remove_file(settings.data.join(RUN_FILE));
    Ok(store)
}

/// Opens all streams that the store knows.
pub(super) async fn open_directory(
    settings: &Settings,
    store: &Store,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Directory>, Failure> {
    let AwsSection { account, region, kinesis, .. } = settings.aws.clone();
    let home = Home { account: account.as_str().to_owned(), region };
    let opened = Directory::open(store.clone(), kinesis, home, metrics).await;
    opened.map_err(|cause| Failure::StorageFailed(cause.to_string()))
}

/// Opens all queues that were made at run time.
pub(super) async fn open_queues(settings: &Settings, store: &Store) -> Result<Arc<QueueDirectory>, Failure> {
    let AwsSection { account, region, .. } = &settings.aws;
    let home = Home { account: account.as_str().to_owned(), region: region.clone() };
    let opened = QueueDirectory::open(store.clone(), home).await;
    opened.map_err(|cause| Failure::StorageFailed(cause.to_string()))
}

/// Wires the plan, writes the catalog, and drops the readers that are to be forgotten.
pub(super) async fn wire(
    plan: &Plan,
    foundation: Foundation<'_>,
    forgotten: &[String],
) -> Result<Built, Failure> {
    let store = foundation.store.clone();
    let data = foundation.data.clone();
    let built = topology::build(plan, foundation).await.map_err(unbuilt)?;
    topology::record(plan, &data).map_err(|cause| Failure::fault("writing the catalog", cause))?;
    let mut left = left_readers(plan, &built.handles.streams, &store);
    for name in forgotten {
        let Some(place) = left.iter().position(|reader| reader.reader == *name) else {
            return Err(nothing_to_forget(name, &left));
        };
        let reader = left.swap_remove(place);
        forget(&reader, &store).await.map_err(|cause| Failure::fault("forgetting a reader", cause))?;
        tracing::info!(reader = name, unread = reader.unread, "forgot a reader that left the topology");
    }
    warn_of(&left);
    Ok(built)
}

pub(super) fn warn_of(left: &[LeftReader]) {
    for reader in left {
        tracing::warn!(
            reader = reader.reader,
            unread = reader.unread,
            "a reader has left the topology and keeps its records from being dropped; \
             put its node back, or drop it with --forget NODE"
        );
    }
}

fn unbuilt(error: BuildError) -> Failure {
    if error.is_of_the_store() {
        Failure::StorageFailed(error.to_string())
    } else if error.is_of_the_machine() {
        Failure::fault("wiring the topology", error)
    } else {
        Failure::Configuration(error.to_string())
    }
}

fn nothing_to_forget(reader: &str, left: &[LeftReader]) -> Failure {
    let names: Vec<&str> = left.iter().map(|reader| reader.reader.as_str()).collect();
    let those =
        if names.is_empty() { "none has".to_owned() } else { format!("these have: {}", names.join(", ")) };
    Failure::Configuration(format!(
        "--forget {reader}: no reader of this name has left the topology; {those}"
    ))
}
