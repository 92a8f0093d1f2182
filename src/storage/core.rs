//! What the store's threads and its users share.

use super::batch::Batch;
use super::bodies::Bodies;
use super::clock::Clock;
use super::library::Library;
use super::manifest::ManifestKeeper;
use super::snapshot::Snapshot;
use super::state::State;
use super::{CommitError, Committed, StorageSettings};
use crate::telemetry::StorageMetrics;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// A batch and who waits for it.
#[derive(Debug)]
pub(super) struct Submission {
    pub batch: Batch,
    /// `None` when nobody waits.
    pub answer: Option<oneshot::Sender<Result<Committed, CommitError>>>,
    /// Memory it takes while it waits.
    pub room: Option<OwnedSemaphorePermit>,
}

/// What the committer is told.
#[derive(Debug)]
pub(super) enum Message {
    Batch(Submission),
    /// Take a snapshot now.
    Snapshot,
    /// Finish what came before, answer with the last snapshot, end.
    Close(flume::Sender<Snapshot>),
    /// End at once, as a kill would.
    Abandon,
}

#[derive(Debug)]
pub(super) struct Core {
    pub folder: PathBuf,
    pub settings: StorageSettings,
    pub metrics: StorageMetrics,
    pub state: State,
    pub library: Library,
    /// Bodies of messages that were read.
    pub bodies: Mutex<Bodies>,
    pub clock: Clock,
    pub manifest: Mutex<ManifestKeeper>,
    /// Files that hold nothing any more, to be written over.
    pub spares: Mutex<Vec<PathBuf>>,
    pub inlet: flume::Sender<Message>,
    pub failure: watch::Sender<Option<String>>,
    pub full: AtomicBool,
    pub closed: AtomicBool,
    /// A snapshot is being written.
    pub snapshot_pending: AtomicBool,
    /// The last frame's LSN.
    pub lsn: AtomicU64,
    /// Bytes written since the start.
    pub written: AtomicU64,
}

impl Core {
    pub(super) fn failed(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// The disk can no longer be trusted: nothing is committed from here on.
    pub(super) fn fail(&self, what: String) {
        tracing::error!(%what, "the store has failed; the process must be restarted");
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            if first {
                *failure = Some(what);
            }
            first
        });
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Hands the committer changes that nobody waits for; `false` when its queue is full.
    pub(super) fn note(&self, batch: Batch) -> bool {
        self.inlet.try_send(Message::Batch(Submission { batch, answer: None, room: None })).is_ok()
    }
}
