//! What is due for one producer and has not had its turn.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Most records that wait for one producer: what is due beyond it is given up at once.
const LONGEST: usize = 1 << 20;

/// A record that is due. Times count from the begin of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub at: Duration,
    /// The producer's own number of the key.
    pub key: u32,
    pub stage: u32,
}

/// The line in front of a producer.
#[derive(Debug)]
pub(super) struct Lane {
    line: Mutex<Line>,
    news: Notify,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Due>,
    /// A stage of the closed model, until when.
    closed: Option<(u32, Duration)>,
    is_over: bool,
}

/// What a producer does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Send what was taken out of the line.
    Send,
    /// Send a request of records of one's own, for this stage.
    SendOwn(u32),
    Wait,
    End,
}

impl Lane {
    /// Records wait for their turn as long as `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { line: Mutex::default(), news: Notify::new(), patience }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what is due; hands out the stages of those that do not fit.
    pub(super) fn push(&self, due: &mut Vec<Due>) -> Vec<u32> {
        let mut line = self.line();
        let room = LONGEST.saturating_sub(line.waiting.len()).min(due.len());
        line.waiting.extend(due.drain(..room));
        drop(line);
        self.news.notify_one();
        due.drain(..).map(|due| due.stage).collect()
    }

    /// From now until `until` the producer goes by its answers.
    pub(super) fn close(&self, stage: u32, until: Duration) {
        self.line().closed = Some((stage, until));
        self.news.notify_one();
    }

    /// Nothing more will be due.
    pub(super) fn end(&self) {
        let mut line = self.line();
        (line.is_over, line.closed) = (true, None);
        drop(line);
        self.news.notify_one();
    }

    /// Takes at most `most` records whose turn it is into `taken`, and those that waited too long into `late`.
    pub(super) fn take(&self, now: Duration, most: usize, taken: &mut Vec<Due>, late: &mut Vec<Due>) -> Turn {
        let mut line = self.line();
        while line.waiting.front().is_some_and(|due| due.at + self.patience < now) {
            late.extend(line.waiting.pop_front());
        }
        let count = line.waiting.len().min(most);
        taken.extend(line.waiting.drain(..count));
        match line.closed {
            _ if !taken.is_empty() => Turn::Send,
            Some((stage, until)) if now < until => Turn::SendOwn(stage),
            _ if line.is_over => Turn::End,
            _ => Turn::Wait,
        }
    }

    /// Comes back when there is something new.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// How long the first in the line is waiting already.
    pub(super) fn behind(&self, now: Duration) -> Duration {
        self.line().waiting.front().map_or(Duration::ZERO, |due| now.saturating_sub(due.at))
    }
}
