//! The work of one pool: receive, run, settle.

use super::{
    WorkersError, WorkersSection,
    activity::Activity,
    process::{self, MemoryWatch},
    runner::{Fate, Runner},
    settlement::{Action, Settlement, Terms, batch_of, growth},
};
use crate::{
    pipeline::{
        Context, Pulse, Retire, Tally, Target, TaskError, WorkerTerms, now_ms,
        queue::{Quarantine, Queue, add_tally, commit_when_room, put_tally, read_tally, tally_key},
    },
    storage::{CommitError, LeasedMessage, QueueId},
};
use std::{
    borrow::Borrow,
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Longest wait for messages at a time.
const WAIT: Duration = Duration::from_secs(1);

/// What all workers of a pool share.
#[derive(Debug)]
pub(super) struct Pool {
    pub context: Context,
    pub queue: Arc<Queue>,
    pub activity: Arc<Activity>,
    /// Messages that a program held when it was killed, and that are not received again yet.
    pub suspects: AtomicU64,
    pub memory: MemoryWatch,
    section: WorkersSection,
    quarantine: Quarantine,
    target: Option<Target>,
    runner: Runner,
}

/// How a commit of settlements ended.
enum Settled {
    Done(Tally),
    /// At least one message has passed to somebody else; nothing was changed.
    Stale,
    /// Together they are over the limit of a batch; nothing was changed.
    TooMuch,
    /// The disk had no room as long as the leases lasted; nothing was changed.
    NoRoom,
}

impl Pool {
    pub fn new(
        context: Context,
        section: WorkersSection,
        queue: Arc<Queue>,
        dead_letter: Option<Arc<Queue>>,
        target: Option<Target>,
    ) -> Result<Self, WorkersError> {
        let runner = Runner::new(&context.node, queue.name(), section.batch, &section.run)?;
        let quarantine = Quarantine::new(Arc::clone(&context.node), context.store.clone(), dead_letter);
        let activity = Arc::new(Activity::new(section.batch));
        let (suspects, memory) = (AtomicU64::new(0), MemoryWatch::default());
        Ok(Self { context, queue, activity, suspects, memory, section, quarantine, target, runner })
    }

    /// True when its programs receive by themselves.
    pub fn pulls(&self) -> bool {
        matches!(&self.runner, Runner::Program(program) if program.pulls)
    }

    /// What is expected of each worker: results that come later than the lease lasts are dropped, so a
    /// worker that is silent for as long is of no use.
    pub fn terms(&self) -> WorkerTerms {
        if let Runner::Program(program) = &self.runner {
            return program.terms();
        }
        let heartbeat = self.section.heartbeat.unwrap_or(self.queue.section().visibility_timeout).0;
        WorkerTerms { heartbeat, ..WorkerTerms::default() }
    }

    /// One worker: works until asked to retire, which it looks at between receives only, so that
    /// what it has received is finished. `slot` names its durable tally.
    pub async fn work(self: Arc<Self>, slot: String, retire: Retire, pulse: Pulse) -> Result<(), TaskError> {
        if let Runner::Program(program) = &self.runner {
            let program = Arc::clone(program);
            return process::work(self, program, slot, retire, pulse).await;
        }
        let key = tally_key(&self.context.node, &slot);
        let mut tally = read_tally(&self.context.store, &key)?;
        let mut in_flight = self.activity.in_flight();
        pulse.in_service();
        while !retire.is_asked() {
            let messages = self.receive(retire.asked()).await?;
            if messages.is_empty() {
                continue;
            }
            let _protected = pulse.busy(messages.len());
            let _busy = self.activity.begin(messages.len());
            in_flight.received(messages.len());
            let started = Instant::now();
            let settlements = self.settlements(messages.iter().zip(self.runner.run(&messages).await));
            pulse.beat();
            tally = self.settle(&settlements, &key, tally, &retire).await?;
            in_flight.settled(messages.len());
            self.context.metrics.answered(started.elapsed().as_secs_f64());
        }
        Ok(())
    }

    /// Messages as soon as there are some, or none after [`WAIT`] or once `stop` has come. What a killed program held comes
    /// one by one, so that a message that kills programs does not take others with it again.
    pub async fn receive(
        &self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Vec<LeasedMessage>, TaskError> {
        let suspects = self.suspects.load(Relaxed);
        let most = if suspects > 0 { 1 } else { self.section.batch.max(1) };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let messages = self.queue.receive_until(most, WAIT, stop).await;
        let messages = messages.map_err(|error| TaskError::new("receiving messages", error))?;
        if suspects > 0 {
            // Where nothing waits, nothing suspect does; on a FIFO queue it may wait for its next try.
            let left = match messages.is_empty() {
                true if self.queue.is_fifo() => suspects,
                true => 0,
                false => suspects - 1,
            };
            let _ = self.suspects.compare_exchange(suspects, left, Relaxed, Relaxed);
        }
        Ok(messages)
    }

    /// What is to be committed for messages with these fates.
    pub fn settlements<M: Borrow<LeasedMessage>>(
        &self,
        judged: impl IntoIterator<Item = (M, Fate)>,
    ) -> Vec<Settlement> {
        let fifo = self.queue.is_fifo();
        let terms = Terms {
            node: &self.context.node,
            queue: self.queue.name(),
            fifo,
            max_receives: self.queue.max_receives(),
            retry: &self.section.retry,
            rules_version: self.runner.rules_version(),
            target: self.target.as_ref(),
        };
        let now_ms = now_ms();
        let mut waiting = HashSet::new();
        let settle = |(message, fate): (M, Fate)| {
            let message = message.borrow();
            // What comes after a message that is tried again waits behind it.
            let fate = if waiting.contains(&message.record.key) { Fate::Returned } else { fate };
            let settlement = Settlement::new(message, fate, &terms, now_ms);
            if fifo && matches!(settlement.action, Action::Release { .. }) {
                waiting.insert(message.record.key.clone());
                // One by one from here, so that a message that fails lets no other be received too often.
                self.suspects.fetch_add(1, Relaxed);
            }
            settlement
        };
        judged.into_iter().map(settle).collect()
    }

    /// Commits all settlements together. When one message has passed to somebody else, or they are too
    /// much for one batch, each is committed alone, and the result of what has passed is dropped.
    pub async fn settle(
        &self,
        settlements: &[Settlement],
        key: &str,
        mut tally: Tally,
        retire: &Retire,
    ) -> Result<Tally, TaskError> {
        match self.commit(settlements, key, tally, retire).await? {
            Settled::Done(new) => return Ok(new),
            Settled::NoRoom => {
                tracing::warn!(
                    messages = settlements.len(),
                    "results were dropped: the disk has no room; the messages come again"
                );
                return Ok(tally);
            }
            Settled::Stale | Settled::TooMuch => {}
        }
        for settlement in settlements {
            match self.commit(std::slice::from_ref(settlement), key, tally, retire).await? {
                Settled::Done(new) => tally = new,
                Settled::Stale | Settled::TooMuch | Settled::NoRoom => {
                    self.activity.stale.fetch_add(1, Relaxed);
                    tracing::info!(
                        sequence = settlement.receipt.sequence,
                        "a result was dropped: its message has passed to another worker, or the disk has no room"
                    );
                }
            }
        }
        Ok(tally)
    }

    async fn commit(
        &self,
        settlements: &[Settlement],
        key: &str,
        tally: Tally,
        retire: &Retire,
    ) -> Result<Settled, TaskError> {
        let quarantine = self.quarantine_for(settlements).await?;
        let grown = growth(settlements);
        let tally = add_tally(tally, grown);
        let lease_end = settlements.iter().map(|settlement| settlement.visible_again_at_ms).min();
        let build = || {
            let mut batch = batch_of(settlements, self.target.as_ref(), quarantine, now_ms());
            if grown != Tally::default() {
                put_tally(&mut batch, key, &tally);
            }
            batch
        };
        let may_wait = || !retire.is_asked() && lease_end.is_some_and(|end| now_ms() < end);
        match commit_when_room(&self.context.store, build, may_wait).await {
            Ok(_) => {
                self.count(settlements, grown);
                Ok(Settled::Done(tally))
            }
            Err(CommitError::StaleReceipt) => Ok(Settled::Stale),
            Err(CommitError::DiskFull) => Ok(Settled::NoRoom),
            Err(CommitError::TooLarge { .. }) if settlements.len() > 1 => Ok(Settled::TooMuch),
            Err(error) => Err(TaskError::new("settling messages", error)),
        }
    }

    /// The queue for messages that are put aside, when there are any.
    async fn quarantine_for(&self, settlements: &[Settlement]) -> Result<Option<QueueId>, TaskError> {
        if !settlements.iter().any(|settlement| matches!(settlement.action, Action::PutAside(_))) {
            return Ok(None);
        }
        let queue = self.quarantine.queue().await;
        queue.map(|queue| Some(queue.id())).map_err(|error| TaskError::new("opening the quarantine", error))
    }

    fn count(&self, settlements: &[Settlement], grown: Tally) {
        let settled = grown.finished + grown.quarantined + grown.filtered;
        let released = (settlements.len() as u64).saturating_sub(settled);
        self.activity.processed.fetch_add(settled, Relaxed);
        self.activity.failed.fetch_add(released, Relaxed);
        let metrics = &self.context.metrics;
        metrics.processed(grown.finished);
        metrics.filtered(grown.filtered);
        metrics.quarantined(grown.quarantined);
        metrics.retried(released);
    }
}
