//! What the control plane is told from outside: changes of the topology and verbs for pools.

use super::{
    change::{Applied, Change, NotApplied},
    refresh::RefreshReport,
};
use crate::pipeline::RefreshSettings;
use actix::Message;
use serde::Serialize;
use std::{fmt, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Orders that wait to be taken in; more wait at the door.
const WAITING: usize = 64;
/// Longest wait for the answer to a verb.
const ANSWER: Duration = Duration::from_secs(5);

/// A handle to the control plane; cheap to clone, for any thread and runtime.
#[derive(Debug, Clone)]
pub struct ControlPlane(mpsc::Sender<Order>);

/// The orders given through a [`ControlPlane`], for [`super::serve`] to carry out.
#[derive(Debug)]
pub struct Orders(pub(super) mpsc::Receiver<Order>);

/// One order and where its answer goes.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) enum Order {
    Apply(Change, oneshot::Sender<Result<Applied, NotApplied>>),
    Pool { name: String, verb: PoolVerb, answer: oneshot::Sender<Result<Done, Refused>> },
}

/// What can be asked of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolVerb {
    SetDesired(u32),
    /// Policies decide nothing until resumed.
    Suspend,
    Resume,
    /// Lets one worker drain; it is replaced.
    Terminate(u64),
    /// Replaces every worker; by the pool's own settings where none are given.
    StartRefresh(Option<RefreshSettings>),
    CancelRefresh,
    RollBackRefresh,
}

impl fmt::Display for PoolVerb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetDesired(desired) => write!(out, "desired {desired}"),
            Self::Suspend => out.write_str("suspend"),
            Self::Resume => out.write_str("resume"),
            Self::Terminate(id) => write!(out, "terminate worker {id}"),
            Self::StartRefresh(None) => out.write_str("refresh"),
            Self::StartRefresh(Some(_)) => out.write_str("refresh by settings of its own"),
            Self::CancelRefresh => out.write_str("cancel the refresh"),
            Self::RollBackRefresh => out.write_str("roll the refresh back"),
        }
    }
}

/// What a verb did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Done {
    Desired { from: u32, to: u32, because: String },
    Suspended { suspended: bool },
    Draining { id: u64, draining: bool },
    Refresh(RefreshReport),
}

/// Why a verb was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no pool {name:?}; there are: {}", .pools.join(", "))]
    NoPool { name: String, pools: Vec<String> },
    #[error("pool {name} has no worker {id} in service; see /pools/{name}/workers")]
    NoWorker { name: String, id: u64 },
    #[error("{0}")]
    Invalid(String),
    /// It does not fit what is going on.
    #[error("{0}")]
    Conflict(String),
    #[error("the daemon is {0}; try again when it runs")]
    NotRunning(&'static str),
    #[error("the control plane does not answer; see /livez")]
    Silent,
}

impl ControlPlane {
    /// A handle and what it gives orders to.
    pub fn pair() -> (Self, Orders) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Orders(receiver))
    }

    /// Changes the running topology: starts what is new downstream first, hands over what has changed,
    /// drains what has gone upstream first. Answers when that is done, or at the change's deadline.
    ///
    /// # Errors
    /// [`NotApplied`]: everything runs as before.
    pub async fn apply(&self, change: Change) -> Result<Applied, NotApplied> {
        let (answer, applied) = oneshot::channel();
        self.0.send(Order::Apply(change, answer)).await.map_err(|_| NotApplied::Gone)?;
        applied.await.unwrap_or(Err(NotApplied::Gone))
    }

    /// Carries out a verb for a pool.
    ///
    /// # Errors
    /// [`Refused`], with the remedy.
    pub async fn order(&self, name: &str, verb: PoolVerb) -> Result<Done, Refused> {
        let (answer, done) = oneshot::channel();
        let order = Order::Pool { name: name.to_owned(), verb, answer };
        let asked = async {
            self.0.send(order).await.map_err(|_| Refused::Silent)?;
            done.await.unwrap_or(Err(Refused::Silent))
        };
        timeout(ANSWER, asked).await.unwrap_or(Err(Refused::Silent))
    }
}
