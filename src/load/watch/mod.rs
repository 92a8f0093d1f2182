//! What a daemon says of itself while a load test runs: each second its nodes, memory and processor
//! time; at the end what its pools did and cost.

mod process;
mod scaling;

use super::{
    admin::{Admin, Health, Node},
    daemon::ProcessId,
    outcome::{DaemonSample, NodeSample, Scaling},
};
use scaling::Tracked;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// Samples between two looks at what pools have decided, of which the daemon remembers the last hundred.
const LOOKS: u32 = 10;

/// Watches a daemon. Whatever it cannot see, because the daemon is down, is left out.
#[derive(Debug)]
pub struct Watch {
    admin: Admin,
    process: ProcessId,
    /// Nodes in which records stay by intent, such as dead-letter queues.
    left_out: BTreeSet<String>,
    tracked: Tracked,
    samples: u32,
}

impl Watch {
    /// Decisions before `began_ms`, milliseconds since the epoch, are not of this run.
    pub fn new(
        admin: Admin,
        process: ProcessId,
        left_out: impl IntoIterator<Item = String>,
        began_ms: i64,
    ) -> Self {
        let left_out = left_out.into_iter().collect();
        Self { admin, process, left_out, tracked: Tracked::since(began_ms), samples: 0 }
    }

    /// What is seen now; nothing while the daemon does not answer.
    pub async fn sample(&mut self) -> Option<DaemonSample> {
        let health = self.admin.health().await.ok()?;
        self.tracked.see(&health, Instant::now());
        if self.samples.is_multiple_of(LOOKS) {
            self.look_at_decisions(&health).await;
        }
        self.samples = self.samples.wrapping_add(1);
        let usage = self.process.get().and_then(process::usage).unwrap_or_default();
        let nodes = health.nodes.iter().filter(|(name, _)| !self.left_out.contains(*name));
        Some(DaemonSample {
            memory_bytes: usage.memory_bytes,
            processor_seconds: usage.processor_seconds,
            nodes: waiting(nodes),
        })
    }

    /// What all pools did and cost until now; nothing when the daemon was never seen.
    pub async fn scaling(&mut self) -> Option<Scaling> {
        if let Ok(health) = self.admin.health().await {
            self.tracked.see(&health, Instant::now());
            self.look_at_decisions(&health).await;
        }
        self.tracked.scaling()
    }

    async fn look_at_decisions(&mut self, health: &Health) {
        for (name, _) in health.nodes.iter().filter(|(_, node)| node.pool.is_some()) {
            if let Ok(activities) = self.admin.activities(name).await {
                self.tracked.note(name, activities);
            }
        }
    }
}

/// Nodes in which records wait. What a stream retains waits for nobody, so streams are left out.
fn waiting<'a>(nodes: impl Iterator<Item = (&'a String, &'a Node)>) -> BTreeMap<String, NodeSample> {
    let sample = |node: &Node| {
        let seen = &node.observation;
        NodeSample {
            backlog: node.unfinished() as f64,
            oldest_age: seen.oldest_age_seconds.unwrap_or(0.0),
            desired: node.pool.as_ref().map_or(0, |pool| pool.desired),
            in_service: node.pool.as_ref().map_or(0, |pool| pool.in_service),
        }
    };
    nodes.filter(|(_, node)| node.kind != "stream").map(|(name, node)| (name.clone(), sample(node))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_no_backlog_and_what_a_queue_has_not_read_is() {
        let page = serde_json::json!({
            "ready": true, "observed_at_ms": 5, "phase": "running",
            "nodes": {
                "trips": { "kind": "stream", "observation": { "backlog": 900, "in_flight": 0, "oldest_age_seconds": 60.0 } },
                "jobs": { "kind": "queue", "observation": {
                    "backlog": 3, "in_flight": 2, "oldest_age_seconds": 1.5, "detail": { "unread": 4 } } },
                "pool": { "kind": "workers", "observation": { "backlog": 3, "in_flight": 0, "in_service": 7 },
                          "pool": { "min": 0, "max": 9, "desired": 6, "in_service": 5 } },
            },
        });
        let health: Health = serde_json::from_value(page).unwrap();
        let seen = waiting(health.nodes.iter());
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["jobs", "pool"]);
        assert_eq!(seen["jobs"], NodeSample { backlog: 9.0, oldest_age: 1.5, desired: 0, in_service: 0 });
        assert_eq!(seen["pool"], NodeSample { backlog: 3.0, oldest_age: 0.0, desired: 6, in_service: 5 });
    }
}
