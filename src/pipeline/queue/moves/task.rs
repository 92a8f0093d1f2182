//! A message-move task as data: what it moves and where to, how far it is, what may become of it.

use crate::pipeline::queue::directory::QueueIdentity;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
/// Begins the registry's keys of tasks: `sqs-move/QUEUE/ID`, by the number that the store gave the source.
pub(super) const TASKS: &str = "sqs-move/";
/// Tasks that are kept of a queue, the active one among them.
const MOST_KEPT: usize = 10;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MoveStatus {
    Running,
    /// Somebody has asked for its end.
    Cancelling,
    Cancelled,
    Completed,
    Failed,
}

/// Why a task has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveFailure {
    /// The queue that a message is to go to is not there any more.
    NonExistentQueue,
    /// A message came from no queue, and the task names no destination.
    CouldNotDetermineMessageSource,
}

/// A move of the messages of a dead-letter queue to one queue, or to those that they came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveTask {
    version: u32,
    pub id: String,
    /// Later tasks of a queue have higher numbers.
    pub number: u64,
    pub source: QueueIdentity,
    /// What the store numbers the source by: a queue made later under its name has tasks of its own.
    pub queue: u32,
    /// None: each message goes back to the queue that it came from.
    #[serde(default)]
    pub destination: Option<QueueIdentity>,
    /// Most messages moved in a second; none: as fast as can be.
    #[serde(default)]
    pub per_second: Option<u32>,
    /// Epoch milliseconds.
    pub started_at_ms: i64,
    /// Messages sent from this sequence on are not moved, so that what dies again is not moved for ever.
    pub before: u64,
    /// Messages there were to be moved at the start.
    pub to_move: u64,
    pub moved: u64,
    pub status: MoveStatus,
    #[serde(default)]
    pub failure: Option<MoveFailure>,
}

/// What a task is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoveOrder {
    pub destination: Option<QueueIdentity>,
    pub per_second: Option<u32>,
}

/// A dead-letter queue at the start of a task.
#[derive(Debug, Clone)]
pub(super) struct MoveSource {
    pub identity: QueueIdentity,
    pub queue: u32,
    pub before: u64,
    pub waiting: u64,
}

impl MoveStatus {
    /// As AWS tells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

impl MoveFailure {
    /// As AWS tells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NonExistentQueue => "AWS.SimpleQueueService.NonExistentQueue",
            Self::CouldNotDetermineMessageSource => "CouldNotDetermineMessageSource",
        }
    }
}

impl MoveTask {
    pub(super) fn new(id: String, number: u64, source: MoveSource, order: MoveOrder, now_ms: i64) -> Self {
        let MoveSource { identity, queue, before, waiting } = source;
        let MoveOrder { destination, per_second } = order;
        Self {
            version: VERSION,
            id,
            number,
            source: identity,
            queue,
            destination,
            per_second,
            started_at_ms: now_ms,
            before,
            to_move: waiting,
            moved: 0,
            status: MoveStatus::Running,
            failure: None,
        }
    }

    /// Only one of a queue may be.
    pub fn is_active(&self) -> bool {
        matches!(self.status, MoveStatus::Running | MoveStatus::Cancelling)
    }

    /// The same, so many messages later.
    pub(super) fn further(&self, messages: usize) -> Self {
        Self { moved: self.moved.saturating_add(messages as u64), ..self.clone() }
    }

    pub(super) fn with_status(&self, status: MoveStatus) -> Self {
        Self { status, ..self.clone() }
    }

    pub(super) fn failed(&self, failure: MoveFailure) -> Self {
        Self { failure: Some(failure), ..self.with_status(MoveStatus::Failed) }
    }

    pub(super) fn key(&self) -> String {
        format!("{}{}", keys_of(self.queue), self.id)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // Texts and numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// `None` for what no version up to this one has written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|task: &Self| task.version == VERSION)
    }
}

/// What the keys of a queue's tasks begin with.
pub(in crate::pipeline::queue) fn keys_of(queue: u32) -> String {
    format!("{TASKS}{queue}/")
}

/// The latest first.
pub(super) fn latest_first(mut tasks: Vec<MoveTask>) -> Vec<MoveTask> {
    tasks.sort_unstable_by_key(|task| std::cmp::Reverse(task.number));
    tasks
}

/// Those that give way to a new one; `tasks` with the latest first.
pub(super) fn outdated(tasks: &[MoveTask]) -> impl Iterator<Item = &MoveTask> {
    tasks.iter().skip(MOST_KEPT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_back_as_it_was_written() {
        let identity = QueueIdentity::new("000000000000", "us-east-1", "dead");
        let source = MoveSource { identity: identity.clone(), queue: 7, before: 12, waiting: 5 };
        let order = MoveOrder { destination: Some(identity), per_second: Some(500) };
        let task = MoveTask::new("a".to_owned(), 3, source, order, 9);
        assert_eq!(task.key(), "sqs-move/7/a");
        let ended = task.further(2).failed(MoveFailure::NonExistentQueue);
        assert!(task.is_active() && !ended.is_active());
        assert_eq!(MoveTask::decode(&ended.encode()), Some(ended.clone()));
        assert_eq!((ended.moved, ended.to_move), (2, 5));
        assert_eq!(MoveTask::decode(&MoveTask { version: 2, ..ended }.encode()), None);
    }
}
