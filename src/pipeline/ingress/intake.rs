//! What collectors share: where records may go, and by which rules.

use super::{
    IngressSection, Reply,
    answer::Destination,
    encoding::Encoding,
    field::Pointer,
    pretreatment::{ConditionError, Pretreatment},
};
use crate::{
    pipeline::{Context, Target, queue::Queue, stream::Stream},
    storage::Store,
    telemetry::NodeMetrics,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration, time::Instant};
use tokio::sync::oneshot;

/// A request that waits for a collector.
#[derive(Debug)]
pub(super) struct Request {
    /// Place in [`Intake::routes`].
    pub route: usize,
    /// Partition key named by the request.
    pub key: Option<String>,
    pub idempotency_key: Option<String>,
    pub encoding: Encoding,
    pub body: Bytes,
    pub came: Instant,
    pub answer: oneshot::Sender<Reply>,
}

/// A target under the name that it has in the URL.
#[derive(Debug)]
pub(super) struct Route {
    pub name: String,
    pub target: Target,
    /// Where a record's partition key is, when the stream says so.
    pub pointer: Option<Pointer>,
}

/// Everything a collector needs beside the requests.
#[derive(Debug)]
pub(super) struct Intake {
    pub store: Store,
    pub metrics: NodeMetrics,
    pub routes: Vec<Route>,
    pub pretreatment: Pretreatment,
    /// Most bytes of an expanded body.
    pub max_expanded: u64,
    pub max_records: usize,
    /// How long an idempotency key is remembered.
    pub window: Duration,
}

impl Intake {
    pub(super) fn new(
        context: &Context,
        section: &IngressSection,
        targets: Vec<(String, Target)>,
    ) -> Result<Self, ConditionError> {
        let routes =
            targets.into_iter().map(|(name, target)| Route::new(name, target)).collect::<Result<_, _>>()?;
        Ok(Self {
            store: context.store.clone(),
            metrics: context.metrics.clone(),
            routes,
            pretreatment: Pretreatment::read(&section.require, &section.check)?,
            max_expanded: section.max_expanded.0,
            max_records: usize::try_from(section.max_records).unwrap_or(usize::MAX),
            window: section.idempotency_window.0,
        })
    }
}

impl Route {
    fn new(name: String, target: Target) -> Result<Self, ConditionError> {
        let text = match &target {
            Target::Stream(stream) => stream.section().partition_key.clone(),
            Target::Queue(_) => None,
        };
        let pointer = text.as_deref().map(Pointer::of_partition_key).transpose()?;
        Ok(Self { name, target, pointer })
    }

    pub(super) fn stream(&self) -> Option<&Arc<Stream>> {
        match &self.target {
            Target::Stream(stream) => Some(stream),
            Target::Queue(_) => None,
        }
    }

    pub(super) fn queue(&self) -> Option<&Arc<Queue>> {
        match &self.target {
            Target::Stream(_) => None,
            Target::Queue(queue) => Some(queue),
        }
    }

    pub(super) fn destination(&self) -> Destination {
        match &self.target {
            Target::Stream(_) => Destination::Stream,
            Target::Queue(_) => Destination::Queue,
        }
    }
}
