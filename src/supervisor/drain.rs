//! The order of a stop: upstream first, each node finishing before the next is asked.

use super::node::{Abort, Drain, Node, Observe};
use crate::pipeline::Kind;
use actix::Addr;
use futures::future::join_all;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How often a slow drain says whom it waits for.
const NAMED_EVERY: Duration = Duration::from_secs(5);
/// Share of the deadline for going in order; after it, all that are left are asked at once, so
/// that one stuck node does not keep those below it from finishing what they hold.
const IN_ORDER: f64 = 0.75;
/// Longest wait for an actor's answer.
const ANSWER: Duration = Duration::from_secs(1);

/// A node as the drain sees it.
#[derive(Clone)]
pub(super) struct Drainable {
    pub name: Arc<str>,
    pub kind: Kind,
    pub node: Addr<Node>,
}

/// A node that had not finished at the deadline, and its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Straggler {
    pub node: String,
    pub tasks: Vec<String>,
}

impl fmt::Display for Straggler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.node, self.tasks.join(", "))
    }
}

/// Drains the nodes (given upstream-first; listeners go before all others) until `deadline` has
/// passed; then cuts off what is left and returns it.
pub(super) async fn drain(mut nodes: Vec<Drainable>, deadline: Duration) -> Vec<Straggler> {
    nodes.sort_by_key(|node| node.kind != Kind::Ingress);
    let begun = Instant::now();
    let in_order_until = begun + deadline.mul_f64(IN_ORDER);
    let mut left = nodes.as_slice();
    while let Some((first, rest)) = left.split_first() {
        if !drain_one(first, in_order_until).await {
            break;
        }
        left = rest;
    }
    if left.is_empty() {
        return Vec::new();
    }
    let until = begun + deadline;
    let asked = left.iter().map(|node| drain_one(node, until));
    let ended = join_all(asked).await;
    let stuck = left.iter().zip(ended).filter(|(_, ended)| !ended).map(|(node, _)| node);
    abort(stuck).await
}

/// True once the node has drained, false at `until`.
async fn drain_one(target: &Drainable, until: Instant) -> bool {
    let mut request = std::pin::pin!(target.node.send(Drain));
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match timeout(left.min(NAMED_EVERY), request.as_mut()).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => {
                tracing::error!(node = %target.name, %error, "a node's actor has ended; it cannot drain");
                return true;
            }
            Err(_) if left <= NAMED_EVERY => return false,
            Err(_) => name_waited_for(target).await,
        }
    }
}

async fn name_waited_for(target: &Drainable) {
    if let Ok(report) = target.node.send(Observe).timeout(ANSWER).await {
        tracing::info!(node = %target.name, tasks = report.alive.join(", "), "still draining");
    }
}

/// Cuts the nodes' tasks off and names those that were still running.
pub(super) async fn abort(nodes: impl Iterator<Item = &Drainable>) -> Vec<Straggler> {
    let asked = nodes.map(|target| async move {
        let tasks = target.node.send(Abort).timeout(ANSWER).await.unwrap_or_default();
        Straggler { node: target.name.to_string(), tasks }
    });
    join_all(asked).await.into_iter().filter(|straggler| !straggler.tasks.is_empty()).collect()
}
