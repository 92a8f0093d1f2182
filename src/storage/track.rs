//! A track: what the store knows of one shard's records or one queue's messages.

use super::clock::Time;
use super::entry::Kind;
use super::locking::locked;
use super::queue::QueueMachine;
use super::span::Span;
use super::waiting::Waiting;
use super::{QueuePolicy, Retention, ShardRange};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::watch;

/// The part of a track that lies in one log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub file: u64,
    pub first: u64,
    pub next: u64,
    /// Encoded bytes of these records.
    pub bytes: u64,
    pub last_committed_at_ms: i64,
}

/// A committed block kept in memory.
#[derive(Debug, Clone)]
pub(super) struct TailBlock {
    pub first: u64,
    pub count: u32,
    pub bytes: Bytes,
}

impl TailBlock {
    pub(super) fn next(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

/// Where a track's records lie.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The first sequence kept.
    pub first: u64,
    /// Bytes ever appended.
    pub appended_bytes: u64,
    pub retention: Retention,
    /// In order of sequence; the last may be in the file being written.
    pub extents: VecDeque<Extent>,
    /// Spans in the file being written, in order of sequence.
    pub active: Vec<Span>,
    /// The file that `active` speaks of.
    pub active_file: u64,
    pub tail: VecDeque<TailBlock>,
}

/// A queue's messages and those who wait for them.
#[derive(Debug)]
pub(super) struct QueueState {
    pub machine: Mutex<QueueMachine>,
    pub waiting: Waiting,
}

#[derive(Debug)]
pub(super) struct Track {
    pub id: u32,
    pub name: String,
    pub policy: Mutex<QueuePolicy>,
    pub queue: Option<QueueState>,
    pub places: Mutex<Places>,
    /// The sequence that the next record will get: all below are durable.
    pub next: watch::Sender<u64>,
    /// A shard that takes no records any more, or a queue that was deleted.
    closed: AtomicBool,
    /// What stands for a shard or queue that was deleted: only its number is left.
    deleted: bool,
}

impl Track {
    pub(super) fn new(id: u32, kind: Kind, policy: QueuePolicy, name: String) -> Self {
        let queue = (kind == Kind::Queue).then(|| QueueMachine::new(policy));
        Self::with_machine(id, name, policy, queue)
    }

    pub(super) fn with_machine(
        id: u32,
        name: String,
        policy: QueuePolicy,
        queue: Option<QueueMachine>,
    ) -> Self {
        Self {
            id,
            name,
            policy: Mutex::new(policy),
            queue: queue
                .map(|machine| QueueState { machine: Mutex::new(machine), waiting: Waiting::default() }),
            places: Mutex::default(),
            next: watch::Sender::new(0),
            closed: AtomicBool::new(false),
            deleted: false,
        }
    }

    /// What keeps the number of a deleted shard or queue from being given again.
    pub(super) fn deleted(id: u32) -> Self {
        let gone = Self::with_machine(id, String::new(), QueuePolicy::default(), None);
        Self { closed: AtomicBool::new(true), deleted: true, ..gone }
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleted
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn kind(&self) -> Kind {
        if self.queue.is_some() { Kind::Queue } else { Kind::Shard }
    }

    pub(super) fn places(&self) -> MutexGuard<'_, Places> {
        locked(&self.places)
    }

    pub(super) fn next(&self) -> u64 {
        *self.next.borrow()
    }

    pub(super) fn set_policy(&self, policy: QueuePolicy, time: Time) {
        *locked(&self.policy) = policy;
        if let Some(queue) = &self.queue {
            let mut machine = locked(&queue.machine);
            machine.set_policy(policy, time.steady_ms);
            queue.waiting.stir(&machine);
        }
    }

    /// Lets go of what is known of a deleted shard or queue, and wakes those who wait for messages.
    pub(super) fn let_go(&self) {
        self.close();
        if let Some(queue) = &self.queue {
            *self.places() = Places::default();
            *locked(&queue.machine) = QueueMachine::default();
            queue.waiting.wake_all();
        }
    }

    pub(super) fn range(&self) -> ShardRange {
        let places = self.places();
        ShardRange { first: places.first, next: self.next(), appended_bytes: places.appended_bytes }
    }

    /// Takes in records that have become durable in `file`. `spans` are theirs.
    pub(super) fn extend(&self, file: u64, spans: &[Span]) {
        let mut places = self.places();
        for span in spans {
            places.extend(file, span);
        }
    }
}

impl Places {
    pub(super) fn extend(&mut self, file: u64, span: &Span) {
        let bytes = u64::from(span.length);
        self.appended_bytes += bytes;
        match self.extents.back_mut() {
            Some(last) if last.file == file => {
                last.next = span.next();
                last.bytes += bytes;
                last.last_committed_at_ms = span.committed_at_ms;
            }
            _ => self.extents.push_back(Extent {
                file,
                first: span.first,
                next: span.next(),
                bytes,
                last_committed_at_ms: span.committed_at_ms,
            }),
        }
    }

    /// Remembers a span of the file being written.
    pub(super) fn note_span(&mut self, file: u64, span: Span) {
        if self.active_file != file {
            self.active.clear();
            self.active_file = file;
        }
        if !self.active.last_mut().is_some_and(|last| last.join(&span)) {
            self.active.push(span);
        }
    }

    /// Drops what lies below the first sequence kept.
    pub(super) fn trim(&mut self, first: u64) {
        self.first = self.first.max(first);
        while self.extents.front().is_some_and(|extent| extent.next <= self.first) {
            self.extents.pop_front();
        }
    }

    /// What retention decides by.
    pub(super) fn outline(&self) -> Self {
        Self {
            first: self.first,
            retention: self.retention,
            extents: self.extents.clone(),
            ..Self::default()
        }
    }

    /// The log files that hold something of this track.
    pub(super) fn files(&self) -> Vec<u64> {
        self.extents.iter().map(|extent| extent.file).collect()
    }

    pub(super) fn extent_of(&self, sequence: u64) -> Option<Extent> {
        let after = self.extents.partition_point(|extent| extent.next <= sequence);
        self.extents.get(after).filter(|extent| extent.first <= sequence).copied()
    }

    pub(super) fn active_span(&self, sequence: u64) -> Option<Span> {
        span_of(&self.active, sequence)
    }

    /// The committed blocks from `from` on, until `max_bytes`; empty when memory no longer holds `from`.
    pub(super) fn tail_from(&self, from: u64, max_bytes: usize) -> Vec<TailBlock> {
        let start = self.tail.partition_point(|block| block.next() <= from);
        if self.tail.get(start).is_none_or(|block| block.first > from) {
            return Vec::new();
        }
        let mut size = 0;
        let enough = self.tail.range(start..).take_while(|block| {
            let wanted = size <= max_bytes;
            size += block.bytes.len();
            wanted
        });
        enough.cloned().collect()
    }
}

/// The span among ordered ones of a track that holds a sequence.
pub(super) fn span_of(spans: &[Span], sequence: u64) -> Option<Span> {
    let after = spans.partition_point(|span| span.next() <= sequence);
    spans.get(after).filter(|span| span.first <= sequence).copied()
}
