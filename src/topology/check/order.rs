//! FIFO queues: what was in order stays in order on its way to the dead letters.

use crate::{
    pipeline::queue::QueueSection,
    topology::{
        TopologySpec,
        document::KeyPath,
        fault::{Faults, Problem},
    },
};

/// Every queue and its dead-letter queue are both FIFO or neither is. One that is not defined is made like
/// the first queue that leads there.
pub(super) fn check(spec: &TopologySpec, faults: &mut Faults<'_>) {
    for (name, section) in &spec.queue {
        if section.limits.is_some() && !section.fifo {
            let problem = Problem::Useless { field: "limits", why: "without fifo = true" };
            faults.add(&KeyPath::of(["queue", name]).field("limits"), &problem);
        }
        let Some(letter) = &section.dead_letter else { continue };
        let leads_there = |other: &&QueueSection| {
            other.dead_letter.as_ref().is_some_and(|other| other.queue == letter.queue)
        };
        let like = spec.queue.get(&letter.queue).or_else(|| spec.queue.values().find(leads_there));
        let is = like.is_some_and(|queue| queue.fifo);
        if is != section.fifo {
            let problem = Problem::DeadLetterOrder {
                queue: letter.queue.clone(),
                is,
                of: name.clone(),
                wants: section.fifo,
            };
            faults.add(&KeyPath::of(["queue", name]).field("dead_letter").field("queue"), &problem);
        }
    }
}
