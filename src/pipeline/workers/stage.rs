//! A pool of workers as a node.

use super::{WorkersError, WorkersSection, pool::Pool};
use crate::pipeline::{
    Capacity, Context, Kind, Observation, Stage, Target, Tasks, now_ms,
    queue::{Queue, oldest_age, sum_tallies},
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// The node of a pool of workers. What it observes as waiting is the depth of its queue.
#[derive(Debug)]
pub struct WorkersStage {
    pool: Arc<Pool>,
    /// Messages ever sent to the queue when the process started.
    sent_before: u64,
}

impl WorkersStage {
    /// Messages that can never be processed go to `dead_letter`, or to the queue `NODE.quarantine`
    /// when there is none. Results go to `target`, or nowhere.
    ///
    /// # Errors
    /// See [`WorkersError`].
    pub fn new(
        context: Context,
        section: WorkersSection,
        queue: Arc<Queue>,
        dead_letter: Option<Arc<Queue>>,
        target: Option<Target>,
    ) -> Result<Self, WorkersError> {
        let sent_before = queue.depth().sent;
        let pool = Arc::new(Pool::new(context, section, queue, dead_letter, target)?);
        Ok(Self { pool, sent_before })
    }
}

fn slot(number: u32) -> String {
    format!("worker-{number}")
}

impl Stage for WorkersStage {
    fn kind(&self) -> Kind {
        Kind::Workers
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        for number in 0..desired.0 {
            let (pool, slot) = (Arc::clone(&self.pool), slot(number));
            tasks.ensure(&slot.clone(), |retire| pool.work(slot, retire));
        }
        let wanted: Vec<String> = (0..desired.0).map(slot).collect();
        let surplus: Vec<String> = tasks
            .in_service()
            .filter(|key| !wanted.iter().any(|slot| slot == key))
            .map(str::to_owned)
            .collect();
        for key in surplus {
            tasks.retire(&key);
        }
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let Pool { context, queue, activity, .. } = &*self.pool;
        let depth = queue.depth();
        let in_flight = activity.in_flight.load(Relaxed);
        context.metrics.show_in_flight(in_flight);
        let mut observation = Observation {
            // What waits for its next try is no work that another worker could take.
            backlog: depth.ready,
            in_flight,
            oldest_age: oldest_age(&depth, now_ms()),
            arrived: depth.sent.saturating_sub(self.sent_before),
            processed: activity.processed.load(Relaxed),
            busy_seconds: activity.busy_seconds(),
            in_service: u32::try_from(tasks.in_service().count()).unwrap_or(u32::MAX),
            tally: Some(sum_tallies(&context.store, &context.node)),
            ..Observation::default()
        };
        let details = [
            ("failed_attempts", activity.failed.load(Relaxed)),
            ("dropped_results", activity.stale.load(Relaxed)),
        ];
        observation.detail.extend(details.map(|(name, count)| (name.to_owned(), count.into())));
        observation
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        tasks.retire_all();
    }
}
