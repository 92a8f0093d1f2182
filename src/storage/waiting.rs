//! Receivers that wait for messages of one queue: each message wakes one, and one watches the clock.
//!
//! Waking all would cost as much for each message as there are receivers. So a change that makes a
//! message visible wakes one receiver, and whoever takes some and leaves a visible message behind wakes
//! the next. Of all that wait one keeps watch: it wakes when the next hidden message is due. This holds
//! whoever goes away, and whenever:
//!
//! - Nobody waits unwoken while a message could be received. A wake-up that is not used goes to the next
//!   receiver, since a [`tokio::sync::futures::Notified`] that is dropped hands on what it was told.
//! - When somebody waits, somebody keeps watch. The watch is taken with the machine locked, so that
//!   nothing comes to be due between the look and the watch; and whoever goes away, the watch or one that
//!   was called to it, calls the next.

use super::locking::locked;
use super::queue::QueueMachine;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Who waits for the messages of one queue.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    changed: Notify,
    /// Somebody keeps watch. Set with the machine locked.
    watched: AtomicBool,
    /// When the watch ends, by the steady clock; the largest number while nothing is hidden. Set with the
    /// machine locked.
    watch_ms: AtomicI64,
    earlier: Notify,
    /// Nobody keeps watch any more.
    vacant: Notify,
}

/// How a receiver tells the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timepiece<N, L, S> {
    /// The steady clock, in milliseconds.
    pub now_ms: N,
    /// How long it may still wait.
    pub left: L,
    pub sleep: S,
}

/// A receiver that may have to wait.
struct Attendant<'a> {
    waiting: &'a Waiting,
    is_watch: bool,
}

impl Attendant<'_> {
    /// Takes the watch unless somebody keeps it. As the watch, gives how long it may sleep.
    fn keep_watch(&mut self, machine: &QueueMachine, now_ms: i64) -> Option<Duration> {
        self.is_watch = self.is_watch || !self.waiting.watched.swap(true, Ordering::AcqRel);
        if !self.is_watch {
            return None;
        }
        let next_ms = machine.next_event_ms();
        self.waiting.watch_ms.store(next_ms.unwrap_or(i64::MAX), Ordering::Release);
        next_ms.map(|at| Duration::from_millis(at.saturating_sub(now_ms).max(1).unsigned_abs()))
    }
}

impl Drop for Attendant<'_> {
    fn drop(&mut self) {
        if self.is_watch {
            self.waiting.watched.store(false, Ordering::Release);
        }
        // It may have been called to a watch that it did not take.
        if !self.waiting.watched.load(Ordering::Acquire) {
            self.waiting.vacant.notify_one();
        }
    }
}

impl Waiting {
    /// Something has changed: wakes a receiver when there is a message for one, and the watch when
    /// something is due earlier than it knows.
    pub(super) fn stir(&self, machine: &QueueMachine) {
        if machine.has_receivable() {
            self.changed.notify_one();
        }
        if self.watched.load(Ordering::Acquire)
            && machine.next_event_ms().is_some_and(|at| at < self.watch_ms.load(Ordering::Acquire))
        {
            self.earlier.notify_one();
        }
    }

    pub(super) fn wake_all(&self) {
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// What `look` finds, at once or after a change, or nothing when no time is left. It may be dropped at
    /// any time: what `look` has found is always given.
    pub(super) async fn next<T, S: Future<Output = ()>>(
        &self,
        machine: &Mutex<QueueMachine>,
        time: Timepiece<impl Fn() -> i64, impl Fn() -> Duration, impl Fn(Duration) -> S>,
        mut look: impl FnMut(&mut QueueMachine) -> Option<T>,
    ) -> Option<T> {
        let mut attendant = Attendant { waiting: self, is_watch: false };
        loop {
            // Before the look, so that what comes in between is not missed.
            let mut change = pin!(self.changed.notified());
            change.as_mut().enable();
            let due = {
                let mut machine = locked(machine);
                if let Some(found) = look(&mut machine) {
                    self.stir(&machine);
                    return Some(found);
                }
                attendant.keep_watch(&machine, (time.now_ms)())
            };
            let left = (time.left)();
            if left.is_zero() {
                return None;
            }
            tokio::select! {
                () = change => {}
                () = self.earlier.notified(), if attendant.is_watch => {}
                () = self.vacant.notified(), if !attendant.is_watch => {}
                () = (time.sleep)(due.map_or(left, |due| due.min(left))) => {}
            }
        }
    }
}
