//! How long a connection may rest.
//!
//! The library has clocks for the head of the first request, for the rest between two, and for a client of
//! HTTP/2 that answers no ping. It has none for a head that breaks off after the first request, nor for
//! HTTP/2 without requests. So each connection looks itself, by one rule: whoever has no request under way is
//! let go in time.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    task::Context,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    time::{Sleep, sleep},
};

/// How often a connection whose request is under way is looked at: a few times within its patience.
const LOOKS: u32 = 4;

/// The requests of a connection, as far as they tell whether it rests.
#[derive(Debug)]
struct Requests {
    began: Instant,
    /// Those that are being answered.
    underway: AtomicU32,
    /// When the last of them ended, in milliseconds of the connection's life.
    ended_ms: AtomicU64,
    /// Whether the client has ended its side.
    left: watch::Sender<bool>,
}

/// What a connection's requests find in its data.
#[derive(Debug, Clone)]
pub struct Held(Arc<Requests>);

/// A request that is being answered: its connection does not rest.
#[derive(Debug)]
pub struct Underway(Arc<Requests>);

/// The clock of one connection.
#[derive(Debug)]
pub(super) struct Rest {
    requests: Arc<Requests>,
    patience: Duration,
    look: Pin<Box<Sleep>>,
    is_over: bool,
}

impl Requests {
    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// Until when to wait before the next look; `None` when the connection has rested for long enough.
    fn look_after(&self, now: Instant, patience: Duration) -> Option<Duration> {
        if self.underway.load(SeqCst) > 0 {
            return Some(patience / LOOKS);
        }
        let rested = Duration::from_millis(self.ms(now).saturating_sub(self.ended_ms.load(SeqCst)));
        patience.checked_sub(rested).filter(|left| !left.is_zero())
    }
}

impl Held {
    /// A request of this connection that begins now.
    pub fn enter(&self) -> Underway {
        self.0.underway.fetch_add(1, SeqCst);
        Underway(Arc::clone(&self.0))
    }

    /// Turns true when the client sends nothing any more: as a rule it does not wait for answers either.
    pub fn left(&self) -> watch::Receiver<bool> {
        self.0.left.subscribe()
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.ended_ms.store(self.0.ms(Instant::now()), SeqCst);
        self.0.underway.fetch_sub(1, SeqCst);
    }
}

impl Rest {
    /// Of a connection that was just accepted.
    pub(super) fn new(patience: Duration) -> Self {
        let (underway, ended_ms) = Default::default();
        let requests =
            Requests { began: Instant::now(), underway, ended_ms, left: watch::Sender::new(false) };
        Self { requests: Arc::new(requests), patience, look: Box::pin(sleep(patience)), is_over: false }
    }

    pub(super) fn held(&self) -> Held {
        Held(Arc::clone(&self.requests))
    }

    /// The client has ended its side.
    pub(super) fn leave(&self) {
        self.requests.left.send_replace(true);
    }

    /// Whether the connection has rested for too long; wakes the task when it is time to ask again.
    pub(super) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        while !self.is_over && self.look.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            match self.requests.look_after(now, self.patience) {
                Some(wait) => self.look.as_mut().reset((now + wait).into()),
                None => self.is_over = true,
            }
        }
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(75);

    #[tokio::test]
    async fn a_connection_may_rest_from_the_end_of_its_last_request_on() {
        let rest = Rest::new(PATIENCE);
        let (held, began) = (rest.held(), rest.requests.began);
        let left = |at: u64| rest.requests.look_after(began + Duration::from_secs(at), PATIENCE);
        assert_eq!((left(0), left(74)), (Some(PATIENCE), Some(Duration::from_secs(1))));
        assert_eq!((left(75), left(500)), (None, None));
        let (one, other) = (held.enter(), held.enter());
        drop(one);
        assert_eq!(left(500), Some(PATIENCE / LOOKS), "a request is under way");
        drop(other);
        rest.requests.ended_ms.store(100_000, SeqCst);
        assert_eq!((left(174), left(175)), (Some(Duration::from_secs(1)), None));
    }
}
