//! Receivers that wait for messages of one queue: each message wakes one, and one watches the clock.
//!
//! Waking all would cost as much for each message as there are receivers. So a change that makes a
//! message visible wakes one receiver, and whoever leaves a visible message behind wakes the next. Of
//! all that wait one keeps watch: it wakes when the next hidden message is due.

use super::queue::QueueMachine;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

/// Who waits for the messages of one queue.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    changed: Notify,
    watched: AtomicBool,
    /// When the watch ends, by the steady clock; the largest number while nothing is hidden.
    watch_ms: AtomicI64,
    earlier: Notify,
    /// Nobody keeps watch any more.
    vacant: Notify,
}

/// The one that watches the clock, until dropped.
struct Watch<'a>(&'a Waiting);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.watched.store(false, Ordering::Release);
        self.0.vacant.notify_one();
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

    /// To be asked for before looking, so that what comes in between is not missed.
    pub(super) fn next_change(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits for a change, at most until `deadline`. `next_ms` is when the next hidden message is due.
    pub(super) async fn wait(
        &self,
        change: std::pin::Pin<&mut Notified<'_>>,
        now_ms: i64,
        next_ms: Option<i64>,
        deadline: Instant,
    ) {
        let is_first =
            self.watched.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !is_first {
            tokio::select! {
                () = change => {}
                () = self.vacant.notified() => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
            return;
        }
        self.watch_ms.store(next_ms.unwrap_or(i64::MAX), Ordering::Release);
        let watch = Watch(self);
        let until_next =
            next_ms.map(|at| Duration::from_millis(at.saturating_sub(now_ms).max(1).unsigned_abs()));
        let event = until_next.map_or(deadline, |time| deadline.min(Instant::now() + time));
        tokio::select! {
            () = change => {}
            () = self.earlier.notified() => {}
            () = tokio::time::sleep_until(event) => {}
        }
        drop(watch);
    }
}
