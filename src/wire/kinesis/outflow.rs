//! What readers of a shard may take: 2 MiB and 5 calls a second, shared by all who poll; 2 MiB a
//! second for each registered consumer.

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Bytes a second that AWS lets out of a shard.
const BYTES_PER_SECOND: u32 = 2 << 20;
/// Calls of GetRecords a second.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
/// A reader that is this far ahead of the rate is not held up, so that jitter costs nothing.
const SLACK: Duration = Duration::from_secs(1);
/// Meters after which those that are at rest are dropped.
const MOST_METERS: usize = 8_192;

/// What flows out to one reader, or to those who share.
#[derive(Debug)]
pub(super) struct Outflow {
    calls: DefaultDirectRateLimiter,
    /// When all that was taken is paid for by the rate: a read is counted after it, for its size is
    /// not known before.
    paid: Mutex<Instant>,
}

impl Outflow {
    fn new(now: Instant) -> Self {
        let calls = RateLimiter::direct(Quota::per_second(CALLS_PER_SECOND));
        Self { calls, paid: Mutex::new(now) }
    }

    /// Whether one more call may be answered now.
    pub(super) fn admit_call(&self, now: Instant) -> bool {
        self.wait(now).is_zero() && self.calls.check().is_ok()
    }

    /// How long until the next bytes may go out.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let paid = *self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        paid.saturating_duration_since(now).saturating_sub(SLACK)
    }

    /// Counts bytes that go out.
    pub(super) fn take(&self, bytes: usize, now: Instant) {
        let cost = Duration::from_secs_f64(bytes as f64 / f64::from(BYTES_PER_SECOND));
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = (*paid).max(now) + cost;
    }

    fn is_at_rest(&self, now: Instant) -> bool {
        *self.paid.lock().unwrap_or_else(PoisonError::into_inner) < now
    }
}

/// The meters of all readers that read of late.
#[derive(Debug)]
pub(super) struct Outflows<K> {
    meters: Mutex<HashMap<K, Arc<Outflow>>>,
}

impl<K> Default for Outflows<K> {
    fn default() -> Self {
        Self { meters: Mutex::default() }
    }
}

impl<K: Hash + Eq> Outflows<K> {
    pub(super) fn of(&self, key: K, now: Instant) -> Arc<Outflow> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if meters.len() >= MOST_METERS {
            meters.retain(|_, meter| Arc::strong_count(meter) > 1 || !meter.is_at_rest(now));
        }
        Arc::clone(meters.entry(key).or_insert_with(|| Arc::new(Outflow::new(now))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_calls_pass_and_the_sixth_waits() {
        let now = Instant::now();
        let outflow = Outflow::new(now);
        assert!((0..5).all(|_| outflow.admit_call(now)));
        assert!(!outflow.admit_call(now));
    }

    #[test]
    fn ten_megabytes_are_paid_for_before_the_next_read() {
        let now = Instant::now();
        let outflow = Outflow::new(now);
        outflow.take(10 << 20, now);
        assert!(!outflow.admit_call(now + Duration::from_millis(3_900)));
        assert!(outflow.admit_call(now + Duration::from_millis(4_100)));
        assert_eq!(outflow.wait(now), Duration::from_secs(4));
    }

    #[test]
    fn a_steady_reader_below_the_rate_never_waits() {
        let start = Instant::now();
        let outflow = Outflow::new(start);
        for step in 0..1_000 {
            let now = start + Duration::from_millis(step * 100);
            assert!(outflow.wait(now).is_zero());
            outflow.take(200 << 10, now);
        }
    }

    #[test]
    fn meters_at_rest_are_dropped_when_there_are_many() {
        let now = Instant::now();
        let outflows = Outflows::default();
        let held = outflows.of(0, now);
        for key in 1..MOST_METERS {
            outflows.of(key, now);
        }
        let later = now + Duration::from_secs(60);
        outflows.of(MOST_METERS, later);
        assert_eq!(outflows.meters.lock().unwrap().len(), 2);
        assert!(Arc::ptr_eq(&held, &outflows.of(0, later)));
    }
}
