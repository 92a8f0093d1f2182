//! How much a node writes at once: permits, handed out in the order they were asked for, of which there can be
//! made more or fewer at any time.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Permits to write, shared by the tasks of one node.
#[derive(Debug)]
pub struct Writers(Mutex<State>);

/// A permit, or a place in the queue for one; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Writing {
    writers: Arc<Writers>,
    place: u64,
}

/// What permits are doing at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WritersSeen {
    /// Permits there are to be.
    pub capacity: u32,
    /// Permits handed out; for a time more than there are to be, after there were more.
    pub held: u32,
    /// Those who wait for one.
    pub waiting: usize,
    /// Seconds that permits were held so far, summed over all of them.
    pub busy_seconds: f64,
}

#[derive(Debug)]
struct State {
    capacity: u32,
    held: u32,
    waiting: VecDeque<Waiting>,
    next_place: u64,
    /// What permits were held for until `since`.
    busy: Duration,
    since: Instant,
}

#[derive(Debug)]
struct Waiting {
    place: u64,
    granted: oneshot::Sender<()>,
}

impl Writers {
    pub fn new(capacity: u32) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::new(capacity, Instant::now()))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a permit, behind all who wait already. Giving up leaves the queue.
    pub async fn acquire(self: &Arc<Self>) -> Writing {
        let (place, permitted) = self.state().ask(Instant::now());
        let writing = Writing { writers: Arc::clone(self), place };
        // Whoever is in the queue is granted a permit before its sender is dropped.
        let _ = permitted.await;
        writing
    }

    /// Makes the permits more or fewer. Those that are held beyond that are taken back when they are let go.
    pub fn resize(&self, capacity: u32) {
        self.state().resize(capacity, Instant::now());
    }

    pub fn seen(&self) -> WritersSeen {
        self.state().seen(Instant::now())
    }
}

impl WritersSeen {
    /// Permits that are held and will not be handed out again.
    pub fn draining(&self) -> u32 {
        self.held.saturating_sub(self.capacity)
    }
}

impl State {
    fn new(capacity: u32, since: Instant) -> Self {
        Self { capacity, held: 0, waiting: VecDeque::new(), next_place: 0, busy: Duration::ZERO, since }
    }

    fn ask(&mut self, now: Instant) -> (u64, oneshot::Receiver<()>) {
        let (granted, permitted) = oneshot::channel();
        let place = self.next_place;
        self.next_place += 1;
        self.waiting.push_back(Waiting { place, granted });
        self.grant(now);
        (place, permitted)
    }

    fn resize(&mut self, capacity: u32, now: Instant) {
        self.capacity = capacity;
        self.grant(now);
    }

    fn leave(&mut self, place: u64, now: Instant) {
        if let Some(index) = self.waiting.iter().position(|waiting| waiting.place == place) {
            self.waiting.remove(index);
            return;
        }
        self.reckon(now);
        self.held = self.held.saturating_sub(1);
        self.grant(now);
    }

    fn seen(&mut self, now: Instant) -> WritersSeen {
        self.reckon(now);
        WritersSeen {
            capacity: self.capacity,
            held: self.held,
            waiting: self.waiting.len(),
            busy_seconds: self.busy.as_secs_f64(),
        }
    }

    /// Adds up for how long permits have been held, before their number changes.
    fn reckon(&mut self, now: Instant) {
        self.busy += now.saturating_duration_since(self.since) * self.held;
        self.since = now;
    }

    fn grant(&mut self, now: Instant) {
        self.reckon(now);
        while self.held < self.capacity
            && let Some(first) = self.waiting.pop_front()
        {
            self.held += 1;
            // Whoever gives up at this moment gives the permit back.
            let _ = first.granted.send(());
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.writers.state().leave(self.place, Instant::now());
    }
}
