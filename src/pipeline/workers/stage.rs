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

impl Stage for WorkersStage {
    fn kind(&self) -> Kind {
        Kind::Workers
    }

    fn reconcile(&mut self, desired: Capacity, tasks: &mut Tasks) {
        for slot in tasks.staff("worker", desired.0) {
            let pool = Arc::clone(&self.pool);
            let terms = pool.terms();
            tasks.ensure_worker(&slot.clone(), terms, |retire, pulse| pool.work(slot, retire, pulse));
        }
    }

    fn observe(&mut self, tasks: &Tasks) -> Observation {
        let Pool { context, queue, activity, .. } = &*self.pool;
        let depth = queue.depth();
        let in_flight = activity.in_flight.load(Relaxed);
        context.metrics.show_in_flight(in_flight);
        let census = tasks.census();
        let mut observation = Observation {
            // What waits for its next try is no work that another worker could take.
            backlog: depth.ready,
            in_flight,
            oldest_age: oldest_age(&depth, now_ms()),
            arrived: depth.sent.saturating_sub(self.sent_before),
            processed: activity.processed.load(Relaxed),
            busy_seconds: activity.busy_seconds(),
            pending: census.pending,
            in_service: census.in_service,
            draining: census.draining,
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
