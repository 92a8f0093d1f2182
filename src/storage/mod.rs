//! The write-ahead log that is also the storage: records, queue messages, checkpoints and
//! small durable state share one log, one flush and one recovery.
//!
//! Data folder: `LOCK`, `manifest.0` and `manifest.1` ([`manifest`]), `log/NNNNNNNNNN.log` ([`log_file`],
//! [`frame`], [`entry`], records in [`RecordBlock`]) with `log/NNNNNNNNNN.idx` ([`index`]), `log/spare-*` and
//! `log/ballast` (files to be written over), `state/snapshot-LSN.bin` ([`snapshot`]).

mod assembly;
mod batch;
mod block;
mod bodies;
mod clock;
mod committer;
mod core;
mod diagnosis;
mod disk;
pub mod doctor;
mod entry;
mod error;
mod frame;
mod index;
mod library;
mod locking;
mod log_file;
mod manifest;
mod messages;
mod once_answer;
mod opening;
mod operation;
mod orders;
mod page;
mod preparer;
mod queue;
mod reader;
mod recovery;
mod registry;
mod retention;
mod rewrite;
mod sending;
mod snapshot;
mod span;
mod state;
mod store;
mod store_queues;
mod sum;
mod terms;
#[cfg(test)]
mod tests;
mod track;
mod upkeep;
mod waiting;

#[cfg(test)]
pub use clock::still::{StillClock, Stopped};
#[cfg(test)]
pub(crate) use queue::{Attempt, Lease, MessageKeys, naive_model};
#[cfg(test)]
pub(crate) use tests::{power::cut_power, tick};

pub use batch::{Batch, Committed, Once, Placement, Ticket};
pub use block::{Provenance, RecordBlock, StoredRecord};
pub use diagnosis::{Examination, Finding, Loss, Progress, Remedy, Repaired};
pub use error::{CommitError, OpenError, ReadError, ReceiptError};
pub use messages::ReceiveRequest;
pub use page::{Page, RecordView};
pub use queue::{Fingerprint, ReceiptState};
pub use sending::NewMessage;
pub use store::Store;
pub use terms::{
    DeduplicationScope, LeasedMessage, QueueDepth, QueueId, QueuePolicy, Receipt, Retention, ShardId,
    ShardRange, Slice, StorageSettings,
};
