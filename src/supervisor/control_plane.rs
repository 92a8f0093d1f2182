//! The control plane as the daemon runs it: actors on the calling thread, tasks on their own runtime.

use super::{
    drain::Straggler,
    health::Health,
    node::BuiltNode,
    orders::Orders,
    supervisor::{AbortAll, DrainAll, Supervisor},
};
use crate::storage::Store;
use actix::{Addr, System};
use std::{io, sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::watch};

/// What is asked of the running daemon from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopRequest {
    #[default]
    None,
    /// Drain upstream-first, within the deadline.
    Drain,
    /// Stop at once.
    Abort,
}

/// How the control plane ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every node finished what it held.
    Drained,
    /// These had not finished at the deadline and were cut off.
    Stragglers(Vec<Straggler>),
    /// A stop at once was asked for, which cut these off.
    Aborted(Vec<Straggler>),
}

/// What the control plane works with.
pub struct Surroundings {
    /// Where tasks run.
    pub tasks_on: Handle,
    pub health: watch::Sender<Arc<Health>>,
    pub stop: watch::Receiver<StopRequest>,
    pub orders: Orders,
    /// Keeps what was learned of the pools across a restart; without it nothing is kept.
    pub store: Option<Store>,
}

/// Runs the nodes until a stop is asked for and done. Blocks the calling thread, which becomes the
/// actors' own.
///
/// # Errors
/// When the actors' runtime cannot be made, or the supervisor itself ended early.
pub fn serve(
    topology: &str,
    nodes: Vec<BuiltNode>,
    surroundings: Surroundings,
    deadline: Duration,
) -> io::Result<Ended> {
    let Surroundings { tasks_on, health, stop, orders, store } = surroundings;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let system = System::with_tokio_rt(|| runtime);
    let ended = system.block_on(async {
        let supervisor = Supervisor::begin(topology, nodes, &tasks_on, health, store, deadline);
        actix::spawn(pass_on(orders, supervisor.clone()));
        until_stopped(&supervisor, stop).await
    });
    ended.map_err(|error| io::Error::other(format!("the supervisor's actor: {error}")))
}

/// Hands orders to the supervisor as long as anybody can give one.
async fn pass_on(mut orders: Orders, supervisor: Addr<Supervisor>) {
    while let Some(order) = orders.0.recv().await {
        if supervisor.send(order).await.is_err() {
            return;
        }
    }
}

async fn until_stopped(
    supervisor: &Addr<Supervisor>,
    mut stop: watch::Receiver<StopRequest>,
) -> Result<Ended, actix::MailboxError> {
    // Whoever could ask has gone: that is as good as asking.
    let asked =
        stop.wait_for(|asked| *asked > StopRequest::None).await.map_or(StopRequest::Drain, |asked| *asked);
    if asked == StopRequest::Abort {
        return Ok(Ended::Aborted(supervisor.send(AbortAll).await?));
    }
    let mut abort = std::pin::pin!(stop.wait_for(|asked| *asked == StopRequest::Abort));
    let drained = tokio::select! {
        drained = supervisor.send(DrainAll) => drained?,
        Ok(_) = &mut abort => {
            return Ok(Ended::Aborted(supervisor.send(AbortAll).await?));
        }
    };
    Ok(if drained.is_empty() { Ended::Drained } else { Ended::Stragglers(drained) })
}
