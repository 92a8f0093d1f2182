//! Clocks that stand still until a test moves them.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What the wall clock shows at first.
const BEGIN_MS: i64 = 1_750_000_000_000;

thread_local! {
    static STILL: RefCell<Option<Arc<StillClock>>> = const { RefCell::new(None) };
}

/// The clocks of every store that the thread opens, and of what it does itself.
#[derive(Debug, Default)]
pub struct StillClock {
    passed_ms: AtomicI64,
    jumped_ms: AtomicI64,
}

impl StillClock {
    /// Stops the clocks for this thread, as long as the guard lives.
    pub fn stop() -> (Arc<Self>, Stopped) {
        let clock = Arc::new(Self::default());
        STILL.set(Some(Arc::clone(&clock)));
        (clock, Stopped)
    }

    pub fn of_this_thread() -> Option<Arc<Self>> {
        STILL.with_borrow(Clone::clone)
    }

    /// Time passes, by both clocks.
    pub fn pass(&self, milliseconds: i64) {
        self.passed_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// The wall clock is set.
    pub fn jump(&self, milliseconds: i64) {
        self.jumped_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub fn monotonic_ms(&self) -> i64 {
        self.passed_ms.load(Ordering::Relaxed)
    }

    pub fn wall_ms(&self) -> i64 {
        BEGIN_MS + self.monotonic_ms() + self.jumped_ms.load(Ordering::Relaxed)
    }

    /// What the steady clock shows: it began with the wall clock.
    pub fn steady_ms(&self) -> i64 {
        BEGIN_MS + self.monotonic_ms()
    }
}

/// Ends the standstill when dropped.
#[derive(Debug)]
pub struct Stopped;

impl Drop for Stopped {
    fn drop(&mut self) {
        STILL.set(None);
    }
}
