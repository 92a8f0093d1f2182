//! A task at work: one batch after the other, until there is nothing left to move, it fails, or somebody
//! asks for its end.

use super::{
    MessageMoves, MoveFailure, MoveStatus, MoveTask,
    pace::{Pace, Turn},
    parcel::Parcel,
};
use crate::{
    pipeline::now_ms,
    storage::{Batch, CommitError, LeasedMessage, QueueId, Store},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, Notify},
    time::Instant,
};

/// Before a step that the store did not take is tried again.
const REST: Duration = Duration::from_millis(500);

/// A task that runs.
#[derive(Debug)]
pub(super) struct Active {
    pub account: String,
    /// As it is kept. Held while messages move.
    pub task: Mutex<MoveTask>,
    /// Its status has changed.
    pub called: Notify,
}

/// What a step has done.
enum Step {
    Moved(u32),
    /// Nothing, and not for want of messages.
    Hindered,
    Ended,
}

/// Messages taken out of the source's view; those that were not moved are shown again.
struct Taken<'s> {
    store: &'s Store,
    queue: QueueId,
    messages: Vec<LeasedMessage>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let receipts: Vec<_> = self.messages.iter().map(|message| message.receipt.clone()).collect();
        self.store.give_back(self.queue, &receipts);
    }
}

impl MessageMoves {
    /// Works on a task from now on.
    pub(super) fn run(self: &Arc<Self>, task: MoveTask) {
        let (queue, account) = (task.queue, task.source.account.clone());
        let pace = Pace::new(task.per_second);
        let active = Arc::new(Active { account, task: Mutex::new(task), called: Notify::new() });
        self.active().insert(queue, Arc::clone(&active));
        let moves = Arc::clone(self);
        tokio::spawn(async move {
            let mut draining = moves.draining.clone();
            tokio::select! {
                // A batch is whole or nothing: to stop anywhere loses nothing.
                _ = draining.wait_for(|is| *is) => {}
                () = moves.work(&active, pace) => {}
            }
            // The next task may have begun.
            let mut all = moves.active();
            if all.get(&queue).is_some_and(|latest| Arc::ptr_eq(latest, &active)) {
                all.remove(&queue);
            }
        });
    }

    async fn work(&self, active: &Active, mut pace: Pace) {
        let begun = Instant::now();
        let now_ms = || i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        loop {
            let rest = match pace.turn(now_ms()) {
                Turn::At(at_ms) => {
                    Duration::from_millis(u64::try_from(at_ms.saturating_sub(now_ms())).unwrap_or(0))
                }
                Turn::Now(most) => match self.step(active, most).await {
                    Step::Moved(count) => {
                        pace.moved(count, now_ms());
                        continue;
                    }
                    Step::Hindered => REST,
                    Step::Ended => return,
                },
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = active.called.notified() => {
                    // Its end does not wait for its turn.
                    if matches!(self.step(active, 0).await, Step::Ended) {
                        return;
                    }
                }
            }
        }
    }

    async fn step(&self, active: &Active, most: u32) -> Step {
        let mut task = active.task.lock().await;
        if task.status == MoveStatus::Cancelling {
            return self.end(&mut task, |task| task.with_status(MoveStatus::Cancelled)).await;
        }
        // What is kept of a task goes with its queue.
        let Some(source) = self.source_of(&task) else { return Step::Ended };
        let (store, queue) = (self.store(), source.queue.id());
        let taken = store.take_to_move(queue, usize::try_from(most).unwrap_or(0), task.before).await;
        let taken = match taken {
            Ok(messages) => Taken { store, queue, messages },
            Err(error) => return hindered(&task, &error),
        };
        let mut failure = None;
        let addressed = taken.messages.iter().map_while(|message| {
            let to = self.destination_of(&task, message).map_err(|why| failure = Some(why)).ok()?;
            Some(Parcel { message, to })
        });
        let parcels: Vec<Parcel<'_>> = addressed.collect();
        match (parcels.is_empty(), failure) {
            // What comes before the one that cannot be moved is moved; the next step begins with it.
            (false, _) => self.move_all(&mut task, &parcels).await,
            (true, Some(why)) => self.end(&mut task, |task| task.failed(why)).await,
            (true, None) if most == 0 => Step::Moved(0),
            (true, None) => self.end(&mut task, |task| task.with_status(MoveStatus::Completed)).await,
        }
    }

    async fn end(&self, task: &mut MoveTask, change: impl Fn(&MoveTask) -> MoveTask) -> Step {
        let ended = change(task);
        match self.keep(&ended).await {
            Ok(()) => {
                let (source, status) = (ended.source.name.as_str(), ended.status.name());
                tracing::info!(source, status, moved = ended.moved, "a message-move task has ended");
                *task = ended;
                Step::Ended
            }
            Err(error) => hindered(task, &error),
        }
    }

    fn destination_of(
        &self,
        task: &MoveTask,
        message: &LeasedMessage,
    ) -> Result<Arc<super::QueueResource>, MoveFailure> {
        match &task.destination {
            Some(destination) => self.queue(destination),
            None => {
                let from = self.directory.moved_from(&message.record, &task.source);
                self.queue(&from.ok_or(MoveFailure::CouldNotDetermineMessageSource)?)
            }
        }
    }

    async fn move_all(&self, task: &mut MoveTask, parcels: &[Parcel<'_>]) -> Step {
        match self.move_batch(task, parcels).await {
            Ok(()) => return Step::Moved(u32::try_from(parcels.len()).unwrap_or(u32::MAX)),
            // One of them is gone, or they are too much for one batch.
            Err(CommitError::StaleReceipt | CommitError::TooLarge { .. }) if parcels.len() > 1 => {}
            Err(CommitError::StaleReceipt) => return Step::Moved(0),
            Err(error) => return hindered(task, &error),
        }
        let mut moved = 0;
        for parcel in parcels {
            match self.move_batch(task, std::slice::from_ref(parcel)).await {
                Ok(()) => moved += 1,
                Err(CommitError::StaleReceipt) => {}
                // What comes behind it must not overtake it.
                Err(error) if moved == 0 => return hindered(task, &error),
                Err(_) => break,
            }
        }
        Step::Moved(moved)
    }

    /// Messages and the count of them in one commit.
    async fn move_batch(&self, task: &mut MoveTask, parcels: &[Parcel<'_>]) -> Result<(), CommitError> {
        let (further, now_ms, mut batch) = (task.further(parcels.len()), now_ms(), Batch::new());
        parcels.iter().for_each(|parcel| parcel.post(&mut batch, now_ms));
        batch.put(further.key(), further.encode(), None);
        self.store().commit(batch).await?;
        *task = further;
        Ok(())
    }
}

fn hindered(task: &MoveTask, error: &impl std::error::Error) -> Step {
    let source = task.source.name.as_str();
    tracing::warn!(source, %error, "messages could not be moved; it is tried again");
    Step::Hindered
}
