//! Two clocks. The wall clock dates records, registry values and what people see. It may jump, so
//! queues do not live by it: leases, delays, retention and the five minutes of deduplication are
//! measured by the steady clock, which never goes back and never jumps.
//!
//! The steady clock follows the wall clock as long as that goes on evenly, which the machine's monotonic
//! clock tells; over a jump it goes on by the monotonic clock. Each frame of the log and each snapshot
//! says what both showed. After a restart the steady clock goes on from there by the time that has
//! passed since by the wall clock, and by none when that went back. So a jump neither ends a lease early
//! nor keeps it for ever: while the process runs it is not seen at all, and once it is in the log (within
//! about a second) it is not seen after a restart either. Only a jump while nothing runs cannot be told
//! from time that passed. Time in which the machine was suspended does not count while the process runs.

use super::locking::locked;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One moment by both clocks, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Time {
    /// Since the epoch.
    pub wall_ms: i64,
    /// Since a time of no meaning, which is the epoch until the wall clock jumps.
    pub steady_ms: i64,
}

impl Time {
    /// What the steady clock shows when, by the wall clock of this moment, it is `wall_ms`.
    pub(super) fn steady_at(self, wall_ms: i64) -> i64 {
        self.steady_ms.saturating_add(wall_ms.saturating_sub(self.wall_ms))
    }

    /// The same for a time that must have passed.
    pub(super) fn steady_since(self, wall_ms: i64) -> i64 {
        self.steady_at(wall_ms.min(self.wall_ms))
    }

    /// What the steady clock shows after `delay`.
    pub(super) fn steady_after(self, delay: Duration) -> i64 {
        self.steady_ms.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
    }

    /// The date of a steady time by the wall clock of this moment.
    pub(super) fn wall_at(self, steady_ms: i64) -> i64 {
        self.wall_ms.saturating_add(steady_ms.saturating_sub(self.steady_ms))
    }

    /// How far the wall clock is ahead.
    pub(super) fn lead_ms(self) -> i64 {
        self.wall_ms.saturating_sub(self.steady_ms)
    }

    /// This moment, last seen in a log, as it is when the wall clock shows `wall_ms`.
    fn resumed(self, wall_ms: i64) -> Self {
        let passed_ms = wall_ms.saturating_sub(self.wall_ms).max(0);
        Self { wall_ms, steady_ms: self.steady_ms.saturating_add(passed_ms) }
    }
}

/// A difference of this much between two readings is a jump, and of one part in
/// `EVEN` of the time between them: what time servers correct is far less.
const JUMP_MS: i64 = 10;
const EVEN: i64 = 1_000;

#[cfg(test)]
thread_local! {
    /// How far the wall clock is ahead for a store that this thread opens.
    pub(super) static JUMP_AT_START_MS: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub(super) mod still;

/// Reads both clocks.
#[derive(Debug)]
pub(super) struct Clock {
    last: Mutex<Reading>,
    #[cfg(test)]
    still: Option<std::sync::Arc<still::StillClock>>,
    /// For tests: jumps of the wall clock, and time that passes at once.
    #[cfg(test)]
    pub jump_ms: std::sync::atomic::AtomicI64,
    #[cfg(test)]
    pub passed_ms: std::sync::atomic::AtomicI64,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    monotonic_ms: i64,
    time: Time,
}

impl Reading {
    /// The next one.
    fn next(self, monotonic_ms: i64, wall_ms: i64) -> Self {
        let passed_ms = monotonic_ms.saturating_sub(self.monotonic_ms);
        let by_wall_ms = wall_ms.saturating_sub(self.time.wall_ms);
        let apart_ms = by_wall_ms.saturating_sub(passed_ms);
        let is_even = apart_ms.saturating_abs() <= JUMP_MS + passed_ms / EVEN;
        let passed_ms = if is_even { by_wall_ms } else { passed_ms };
        let steady_ms = self.time.steady_ms.saturating_add(passed_ms.max(0));
        Self { monotonic_ms, time: Time { wall_ms, steady_ms } }
    }
}

impl Clock {
    /// Goes on after the last moment that the log tells of.
    pub(super) fn resume(last: Time) -> Self {
        let clock = Self {
            last: Mutex::new(Reading { monotonic_ms: 0, time: Time::default() }),
            #[cfg(test)]
            still: still::StillClock::of_this_thread(),
            #[cfg(test)]
            jump_ms: JUMP_AT_START_MS.get().into(),
            #[cfg(test)]
            passed_ms: Default::default(),
        };
        let (monotonic_ms, wall_ms) = clock.read();
        *locked(&clock.last) = Reading { monotonic_ms, time: last.resumed(wall_ms) };
        clock
    }

    pub(super) fn now(&self) -> Time {
        let mut last = locked(&self.last);
        let (monotonic_ms, wall_ms) = self.read();
        let next = last.next(monotonic_ms, wall_ms);
        // A wall clock that stands still or goes back a little is waited for.
        if next.time.steady_ms > last.time.steady_ms {
            *last = next;
        }
        Time { wall_ms, steady_ms: next.time.steady_ms }
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests move the clocks of one store"))]
    fn read(&self) -> (i64, i64) {
        #[cfg(test)]
        if let Some(still) = &self.still {
            return (still.monotonic_ms(), still.wall_ms());
        }
        let (monotonic_ms, wall_ms) = (monotonic_ms(), wall_ms());
        #[cfg(test)]
        let (monotonic_ms, wall_ms) = {
            let passed_ms = self.passed_ms.load(std::sync::atomic::Ordering::Relaxed);
            let jump_ms = self.jump_ms.load(std::sync::atomic::Ordering::Relaxed);
            (monotonic_ms + passed_ms, wall_ms + passed_ms + jump_ms)
        };
        (monotonic_ms, wall_ms)
    }
}

fn monotonic_ms() -> i64 {
    static START: OnceLock<Instant> = OnceLock::new();
    i64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(i64::MAX)
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: Time = Time { wall_ms: 10_000, steady_ms: 4_000 };

    #[test]
    fn the_steady_clock_goes_on_over_a_restart_and_never_back() {
        assert_eq!(LAST.resumed(10_500).steady_ms, 4_500);
        assert_eq!(LAST.resumed(2_000).steady_ms, 4_000);
        assert_eq!(Time::default().resumed(70).steady_ms, 70);
    }

    #[test]
    fn dates_and_steady_times_are_told_by_each_other() {
        assert_eq!((LAST.steady_at(10_030), LAST.wall_at(4_030)), (4_030, 10_030));
        assert_eq!((LAST.steady_since(9_000), LAST.steady_since(99_000)), (3_000, 4_000));
        assert_eq!((LAST.steady_after(Duration::from_secs(1)), LAST.lead_ms()), (5_000, 6_000));
    }

    #[test]
    fn the_steady_clock_follows_the_wall_clock_until_that_jumps() {
        let first = Reading { monotonic_ms: 0, time: Time { wall_ms: 1_000, steady_ms: 1_000 } };
        let even = first.next(60_000, 61_040);
        assert_eq!(even.time, Time { wall_ms: 61_040, steady_ms: 61_040 });
        for jump_ms in [3_600_000, 11, -11, -3_600_000] {
            let after = even.next(60_001, 61_041 + jump_ms);
            assert_eq!(after.time.steady_ms, 61_041, "a jump of {jump_ms} ms");
            let later = after.next(61_001, 62_041 + jump_ms);
            assert_eq!(later.time.steady_ms, 62_041);
        }
        assert_eq!(even.next(60_000, 61_035).time.steady_ms, 61_040);
    }

    #[test]
    fn an_hour_s_jump_of_the_wall_clock_leaves_the_steady_clock_as_it_is() {
        let clock = Clock::resume(Time::default());
        let before = clock.now();
        assert_eq!(before.lead_ms(), 0);
        for jump_ms in [3_600_000, -7_200_000] {
            clock.jump_ms.fetch_add(jump_ms, std::sync::atomic::Ordering::Relaxed);
            let after = clock.now();
            assert!((0..60_000).contains(&(after.steady_ms - before.steady_ms)));
            assert!((after.lead_ms() - before.lead_ms()).abs() >= 3_500_000);
        }
    }
}
