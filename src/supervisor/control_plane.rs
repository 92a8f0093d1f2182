//! The control plane as the daemon runs it: actors on the calling thread, tasks on their own runtime.

use super::{
    drain::Straggler,
    health::Health,
    node::BuiltNode,
    supervisor::{AbortAll, DrainAll, Supervisor},
};
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

/// Runs the nodes until a stop is asked for and done. Blocks the calling thread, which becomes the
/// actors' own; tasks run on `tasks_on`.
///
/// # Errors
/// When the actors' runtime cannot be made, or the supervisor itself ended early.
pub fn serve(
    topology: &str,
    nodes: Vec<BuiltNode>,
    tasks_on: &Handle,
    health: watch::Sender<Arc<Health>>,
    stop: watch::Receiver<StopRequest>,
    deadline: Duration,
) -> io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let system = System::with_tokio_rt(|| runtime);
    let ended = system.block_on(async {
        let supervisor = Supervisor::begin(topology, nodes, tasks_on, health);
        until_stopped(&supervisor, stop, deadline).await
    });
    ended.map_err(|error| io::Error::other(format!("the supervisor's actor: {error}")))
}

async fn until_stopped(
    supervisor: &Addr<Supervisor>,
    mut stop: watch::Receiver<StopRequest>,
    deadline: Duration,
) -> Result<Ended, actix::MailboxError> {
    // Whoever could ask has gone: that is as good as asking.
    let asked =
        stop.wait_for(|asked| *asked > StopRequest::None).await.map_or(StopRequest::Drain, |asked| *asked);
    if asked == StopRequest::Abort {
        return Ok(Ended::Aborted(supervisor.send(AbortAll).await?));
    }
    let mut abort = std::pin::pin!(stop.wait_for(|asked| *asked == StopRequest::Abort));
    let drained = tokio::select! {
        drained = supervisor.send(DrainAll { deadline }) => drained?,
        Ok(_) = &mut abort => {
            return Ok(Ended::Aborted(supervisor.send(AbortAll).await?));
        }
    };
    Ok(if drained.is_empty() { Ended::Drained } else { Ended::Stragglers(drained) })
}
