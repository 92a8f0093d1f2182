//! What a node is told and asked.

use super::BuiltNode;
use crate::{
    pipeline::{Capacity, Observation, RefreshSettings, Scale, WorkerReport},
    supervisor::{health::NodeState, refresh::RefreshReport, terms::NodeTerms},
};
use actix::prelude::*;
use std::{sync::Arc, time::Instant};

/// What a node tells its supervisor.
#[derive(Debug, Clone)]
pub(in crate::supervisor) struct NodeReport {
    pub state: NodeState,
    pub observation: Observation,
    /// Keys of the tasks that have not ended.
    pub alive: Vec<String>,
    pub restarts: u64,
    pub last_error: Option<String>,
    /// Workers that are busy, and so protected from scale-in.
    pub protected: u32,
    pub workers: Arc<[WorkerReport]>,
    /// The latest refreshes, oldest first.
    pub refreshes: Vec<RefreshReport>,
    /// Of the latest stage or terms that it was given.
    pub revision: u64,
    /// Bounds of the stage whose workers are to stay: after a rollback those of before.
    pub scale: Option<Scale>,
}

/// Asks a node how it is.
#[derive(Message)]
#[rtype(result = "NodeReport")]
pub(in crate::supervisor) struct Observe;

/// Orders a capacity.
#[derive(Message)]
#[rtype(result = "()")]
pub(in crate::supervisor) struct Resize(pub Capacity);

/// The terms of a node's tasks from now on.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub(in crate::supervisor) struct SetTerms {
    pub terms: NodeTerms,
    pub revision: u64,
}

/// Asks a node to take no new input and finish what it holds; answered when its tasks have ended.
#[derive(Message)]
#[rtype(result = "()")]
pub(in crate::supervisor) struct Drain;

/// Cuts a node's tasks off; answers with the keys of those that were still running.
#[derive(Message)]
#[rtype(result = "Vec<String>")]
pub(in crate::supervisor) struct Abort;

/// Hands a node over to another stage; what drains beyond `until` is cut off.
#[derive(Message)]
#[rtype(result = "HandedOver")]
pub(in crate::supervisor) struct Replace {
    pub built: BuiltNode,
    pub until: Instant,
    pub revision: u64,
}

/// How a handover went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::supervisor) enum HandedOver {
    /// The new stage works; these tasks of the old one were cut off.
    Done { cut_off: Vec<String> },
    /// Its workers are still being replaced or watched, or it stays between the two.
    Refreshing,
    /// The old stage works again, and why.
    RolledBack(String),
    /// The node drains or has ended.
    Refused,
}

/// Lets one worker drain and replaces it; answers whether there was such a worker.
#[derive(Message)]
#[rtype(result = "bool")]
pub(in crate::supervisor) struct Terminate(pub u64);

/// Replaces every worker by one of the same stage.
#[derive(Message)]
#[rtype(result = "Result<RefreshReport, NotRefreshed>")]
pub(in crate::supervisor) struct StartRefresh {
    /// The node's own where none are given.
    pub settings: Option<RefreshSettings>,
    pub because: String,
}

/// Ends a refresh where it is, or goes back.
#[derive(Message)]
#[rtype(result = "Result<RefreshReport, NotRefreshed>")]
pub(in crate::supervisor) enum EndRefresh {
    Cancel,
    RollBack,
}

/// Why a refresh was not begun, cancelled or rolled back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::supervisor) enum NotRefreshed {
    #[error("refresh {0} is in progress; wait for it, or cancel it")]
    InProgress(u64),
    #[error("no refresh is in progress")]
    None,
    #[error("refresh {0} cannot be rolled back: {1}")]
    NothingToGoBackTo(u64, &'static str),
    #[error(
        "the writers of a raw store or loader hold nothing between two writes: there is nothing to replace"
    )]
    NoWorkers,
    #[error("the node drains")]
    Draining,
}

/// The node's actor ends, and its stage is dropped.
#[derive(Message)]
#[rtype(result = "()")]
pub(in crate::supervisor) struct End;
