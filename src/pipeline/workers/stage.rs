//! A pool of workers as a node.

use super::{WorkersError, WorkersSection, pool::Pool};
use crate::{
    pipeline::{
        Capacity, Context, Kind, Observation, Stage, Target, Tasks, now_ms,
        queue::{Queue, oldest_age, sum_tallies},
    },
    storage::QueueDepth,
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

/// The node of a pool of workers. What it observes as waiting is the depth of its queue.
#[derive(Debug)]
pub struct WorkersStage {
    pool: Arc<Pool>,
    /// What the queue had counted when the process started.
    before: QueueDepth,
    pulling: Pulling,
}

/// How busy programs are that receive by themselves: as many as messages are in flight.
#[derive(Debug)]
struct Pulling {
    seen_at: Instant,
    busy_seconds: f64,
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
        let before = queue.depth();
        let pool = Arc::new(Pool::new(context, section, queue, dead_letter, target)?);
        let pulling = Pulling { seen_at: Instant::now(), busy_seconds: 0.0 };
        Ok(Self { pool, before, pulling })
    }

    /// Programs that receive by themselves are seen through their queue's own counters.
    fn as_the_queue_sees(&mut self, depth: &QueueDepth, seen: &mut Observation, now: Instant) {
        let elapsed = now.saturating_duration_since(self.pulling.seen_at).as_secs_f64();
        let busy = u64::from(seen.in_service).min(depth.in_flight);
        self.pulling.busy_seconds += busy as f64 * elapsed;
        self.pulling.seen_at = now;
        seen.in_flight = depth.in_flight;
        seen.processed = depth.deleted.saturating_sub(self.before.deleted);
        seen.busy_seconds = self.pulling.busy_seconds;
        seen.tally = None;
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
            arrived: depth.sent.saturating_sub(self.before.sent),
            processed: activity.processed.load(Relaxed),
            busy_seconds: activity.busy_seconds(),
            pending: census.pending,
            in_service: census.in_service,
            draining: census.draining,
            tally: Some(sum_tallies(&context.store, &context.node)),
            limit: queue.is_fifo().then(|| u32::try_from(depth.active_groups).unwrap_or(u32::MAX)),
            ..Observation::default()
        };
        let details = [
            ("failed_attempts", activity.failed.load(Relaxed)),
            ("dropped_results", activity.stale.load(Relaxed)),
        ];
        observation.detail.extend(details.map(|(name, count)| (name.to_owned(), count.into())));
        if self.pool.pulls() {
            self.as_the_queue_sees(&depth, &mut observation, Instant::now());
        }
        observation
    }

    fn drain(&mut self, tasks: &mut Tasks) {
        tasks.retire_all();
    }
}
