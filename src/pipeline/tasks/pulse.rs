//! The sign of life of a worker: written by its task without a lock, read by its node.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// What a pool expects of its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerTerms {
    /// Longest time that a busy worker may neither beat nor finish; then it is cut off and replaced.
    pub heartbeat: Duration,
    /// Longest time from start to in service; a worker that is pending longer is cut off and replaced.
    pub warm_up: Duration,
}

impl Default for WorkerTerms {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(30), warm_up: Duration::from_secs(60) }
    }
}

/// How a worker's task tells its node that it works; cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Vital>);

/// Deliveries being worked on, until dropped. While it lives the worker is protected from scale-in,
/// and must [`Pulse::beat`] or finish within its heartbeat.
#[derive(Debug)]
pub struct Busy {
    vital: Arc<Vital>,
    deliveries: u64,
}

/// What is known of one worker's life. Times are milliseconds since `began`.
#[derive(Debug)]
pub(super) struct Vital {
    began: Instant,
    wake: Arc<Notify>,
    /// When it came into service, plus one; 0 while it is pending.
    in_service_at: AtomicU64,
    beat_at: AtomicU64,
    /// Times it began to work; from the second on, the first was finished.
    periods: AtomicU64,
    /// Guards that live now.
    busy: AtomicU32,
    deliveries: AtomicU64,
}

impl Vital {
    pub(super) fn new(began: Instant, wake: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            began,
            wake,
            in_service_at: AtomicU64::new(0),
            beat_at: AtomicU64::new(0),
            periods: AtomicU64::new(0),
            busy: AtomicU32::new(0),
            deliveries: AtomicU64::new(0),
        })
    }

    pub(super) fn pulse(self: &Arc<Self>) -> Pulse {
        Pulse(Arc::clone(self))
    }

    fn elapsed(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn beat(&self) {
        self.beat_at.fetch_max(self.elapsed(Instant::now()), Relaxed);
    }

    /// How long it has been in service; `None` while pending.
    pub(super) fn served(&self, now: Instant) -> Option<Duration> {
        let since = self.in_service_at.load(Acquire).checked_sub(1)?;
        Some(Duration::from_millis(self.elapsed(now).saturating_sub(since)))
    }

    pub(super) fn is_in_service(&self) -> bool {
        self.in_service_at.load(Acquire) > 0
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Acquire) > 0
    }

    pub(super) fn deliveries(&self) -> u64 {
        self.deliveries.load(Relaxed)
    }

    /// It finished what it had begun at least once, and went on.
    pub(super) fn has_progressed(&self) -> bool {
        self.periods.load(Relaxed) > 1
    }

    /// When it last gave a sign of life.
    pub(super) fn last_beat(&self) -> Instant {
        self.began + Duration::from_millis(self.beat_at.load(Relaxed))
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }
}

impl Pulse {
    /// A pulse that nobody watches, for work outside of a pool and for tests.
    pub fn unwatched() -> Self {
        Vital::new(Instant::now(), Arc::default()).pulse()
    }

    /// Pending is over: it can take deliveries.
    pub fn in_service(&self) {
        let at = self.0.elapsed(Instant::now()).saturating_add(1);
        if self.0.in_service_at.compare_exchange(0, at, Release, Relaxed).is_ok() {
            self.0.beat();
            self.0.wake.notify_one();
        }
    }

    /// It is alive, and gets on with what it is busy with.
    pub fn beat(&self) {
        self.0.beat();
    }

    /// It works on `deliveries` until the guard is dropped. Comes into service if it had not.
    #[must_use]
    pub fn busy(&self, deliveries: usize) -> Busy {
        self.in_service();
        let deliveries = deliveries as u64;
        // The beat first: whoever sees it busy must not see an old beat.
        self.0.beat();
        self.0.periods.fetch_add(1, Relaxed);
        self.0.deliveries.fetch_add(deliveries, Relaxed);
        self.0.busy.fetch_add(1, Release);
        Busy { vital: Arc::clone(&self.0), deliveries }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.vital.beat();
        self.vital.deliveries.fetch_sub(self.deliveries, Relaxed);
        self.vital.busy.fetch_sub(1, Release);
    }
}
