//! A shard's limits: records and bytes per second, with a burst.

use super::Limits;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// A shard's limits refused a request; nothing was taken from them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("shard {shard} admits no more {limit} now; {}", self.remedy())]
pub struct Throttled {
    pub shard: u32,
    /// When to try again; zero when `never`.
    pub retry_after: Duration,
    /// The request is larger than the burst, so that it can never be admitted whole.
    pub never: bool,
    /// What ran out: "records" or "bytes".
    pub limit: &'static str,
    /// Most that is admitted at once, in records or bytes.
    pub burst: u64,
}

impl Throttled {
    fn remedy(&self) -> String {
        if self.never {
            let Self { burst, limit, .. } = self;
            return format!(
                "send at most {burst} {limit} for a shard at once, or raise limits.burst_{limit}"
            );
        }
        format!("try again in {} ms", self.retry_after.as_millis())
    }
}

/// A refusal that does not know its shard yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    limit: &'static str,
    burst: u64,
    /// `None`: never.
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn at(self, shard: u32) -> Throttled {
        Throttled {
            shard,
            retry_after: self.retry_after.unwrap_or_default(),
            never: self.retry_after.is_none(),
            limit: self.limit,
            burst: self.burst,
        }
    }
}

/// The limits of one shard.
#[derive(Debug)]
pub(super) struct Throttle<C: Clock = DefaultClock> {
    records: Option<Meter<C>>,
    bytes: Option<Meter<C>>,
}

impl Throttle {
    pub(super) fn new(limits: Option<&Limits>) -> Self {
        Self::with_clock(limits, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Throttle<C> {
    pub(super) fn with_clock(limits: Option<&Limits>, clock: &C) -> Self {
        let meter = |name, rate: Option<u64>, burst: Option<u64>| {
            rate.map(|rate| Meter::new(name, rate, burst.unwrap_or(rate), clock.clone()))
        };
        let Some(limits) = limits else { return Self { records: None, bytes: None } };
        let records = limits.records_per_second.map(u64::from);
        let bytes = limits.bytes_per_second.map(|size| size.0);
        Self {
            records: meter("records", records, limits.burst_records.map(u64::from)),
            bytes: meter("bytes", bytes, limits.burst_bytes.map(|size| size.0)),
        }
    }
}

impl<C: Clock> Throttle<C> {
    /// Takes both or neither.
    pub(super) fn admit(&self, records: u32, bytes: u64) -> Result<(), Refusal> {
        // What can never fit is said first, whatever the other limit says now.
        if let Some(refusal) = self.never(records, bytes) {
            return Err(refusal);
        }
        if let Some(meter) = &self.records {
            meter.take(u64::from(records))?;
        }
        let Some(meter) = &self.bytes else { return Ok(()) };
        meter.take(bytes).inspect_err(|_| {
            if let Some(taken) = &self.records {
                taken.give_back(u64::from(records));
            }
        })
    }

    /// A refusal if this is more than the burst.
    pub(super) fn never(&self, records: u32, bytes: u64) -> Option<Refusal> {
        let records = self.records.as_ref().and_then(|meter| meter.never(u64::from(records)));
        records.or_else(|| self.bytes.as_ref().and_then(|meter| meter.never(bytes)))
    }

    /// Gives back what was admitted but then not stored.
    pub(super) fn give_back(&self, records: u32, bytes: u64) {
        if let Some(meter) = &self.records {
            meter.give_back(u64::from(records));
        }
        if let Some(meter) = &self.bytes {
            meter.give_back(bytes);
        }
    }
}

/// Finest rate that is counted one by one: coarser units keep nanosecond arithmetic exact to 0.1 %.
const FINEST_RATE: u64 = 1 << 20;

/// One limit. What is given back is kept as credit, which is drawn first.
#[derive(Debug)]
struct Meter<C: Clock> {
    name: &'static str,
    limiter: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    /// Records or bytes counted as one.
    unit: u64,
    /// Burst in units.
    burst: u32,
    credit: AtomicU32,
}

impl<C: Clock + Clone> Meter<C> {
    fn new(name: &'static str, rate: u64, burst: u64, clock: C) -> Self {
        let rate = rate.max(1);
        let unit = rate.div_ceil(FINEST_RATE).max(burst.div_ceil(u64::from(u32::MAX)));
        let nanoseconds = unit.saturating_mul(1_000_000_000) / rate;
        let units =
            NonZeroU32::new(u32::try_from(burst / unit).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let each = Duration::from_nanos(nanoseconds.max(1));
        // A zero period is excluded above, so the fallback is never taken.
        let quota = Quota::with_period(each).unwrap_or(Quota::per_second(units)).allow_burst(units);
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        Self { name, limiter, clock, unit, burst: units.get(), credit: AtomicU32::new(0) }
    }
}

impl<C: Clock> Meter<C> {
    fn units(&self, amount: u64) -> u32 {
        u32::try_from(amount.div_ceil(self.unit)).unwrap_or(u32::MAX)
    }

    fn refusal(&self, retry_after: Option<Duration>) -> Refusal {
        Refusal { limit: self.name, burst: u64::from(self.burst) * self.unit, retry_after }
    }

    fn never(&self, amount: u64) -> Option<Refusal> {
        (self.units(amount) > self.burst).then(|| self.refusal(None))
    }

    fn take(&self, amount: u64) -> Result<(), Refusal> {
        let wanted = self.units(amount);
        let drawn = self.draw_credit(wanted);
        let Some(rest) = NonZeroU32::new(wanted - drawn) else { return Ok(()) };
        let refused = match self.limiter.check_n(rest) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(until)) => {
                let now = self.clock.now();
                Some(until.earliest_possible().duration_since(now).into())
            }
            Err(_insufficient_capacity) => None,
        };
        self.add_credit(drawn);
        Err(self.refusal(refused))
    }

    fn give_back(&self, amount: u64) {
        self.add_credit(self.units(amount));
    }

    fn draw_credit(&self, wanted: u32) -> u32 {
        if self.credit.load(Relaxed) == 0 {
            return 0;
        }
        let draw = |credit: u32| Some(credit - credit.min(wanted));
        self.credit.fetch_update(Relaxed, Relaxed, draw).unwrap_or(0).min(wanted)
    }

    fn add_credit(&self, units: u32) {
        if units > 0 {
            let add = |credit: u32| Some(credit.saturating_add(units).min(self.burst));
            let _ = self.credit.fetch_update(Relaxed, Relaxed, add);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ByteSize;
    use governor::clock::FakeRelativeClock;

    fn limits(records: Option<u32>, bytes: Option<u64>) -> Limits {
        Limits {
            records_per_second: records,
            bytes_per_second: bytes.map(ByteSize),
            burst_records: None,
            burst_bytes: None,
        }
    }

    fn throttle(limits: &Limits) -> (Throttle<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Throttle::with_clock(Some(limits), &clock), clock)
    }

    #[test]
    fn a_burst_is_admitted_then_the_rate() {
        let (throttle, clock) = throttle(&limits(Some(100), None));
        throttle.admit(100, 0).unwrap();
        let refusal = throttle.admit(10, 0).unwrap_err().at(4);
        assert_eq!((refusal.shard, refusal.never, refusal.limit), (4, false, "records"));
        assert_eq!(refusal.retry_after, Duration::from_millis(100));
        clock.advance(refusal.retry_after);
        throttle.admit(10, 0).unwrap();
        assert!(throttle.admit(1, 0).is_err());
    }

    #[test]
    fn what_can_never_fit_is_told_so_even_when_nothing_is_left() {
        let (throttle, _clock) = throttle(&limits(Some(100), Some(1_000)));
        throttle.admit(100, 1_000).unwrap();
        let records = throttle.admit(101, 1).unwrap_err().at(0);
        assert!(records.never && records.burst == 100, "{records:?}");
        let bytes = throttle.admit(1, 1_001).unwrap_err().at(0);
        assert!(bytes.never && bytes.limit == "bytes", "{bytes:?}");
        assert!(bytes.to_string().contains("burst_bytes"), "{bytes}");
    }

    #[test]
    fn a_refusal_by_bytes_costs_no_records() {
        let (throttle, clock) = throttle(&limits(Some(10), Some(100)));
        throttle.admit(1, 100).unwrap();
        for _ in 0..50 {
            assert_eq!(throttle.admit(9, 50).unwrap_err().limit, "bytes");
        }
        clock.advance(Duration::from_secs(1));
        throttle.admit(9, 50).unwrap();
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_but_never_more_than_the_burst() {
        let (throttle, _clock) = throttle(&limits(Some(10), None));
        throttle.admit(10, 0).unwrap();
        assert!(throttle.admit(1, 0).is_err());
        throttle.give_back(10, 0);
        throttle.give_back(10, 0);
        throttle.admit(10, 0).unwrap();
        assert!(throttle.admit(1, 0).is_err());
    }

    #[test]
    fn high_and_low_rates_are_kept_within_a_percent() {
        for rate in [1_u64, 1_000, 1 << 20, 100 << 20, 6_000_000_000] {
            let (throttle, clock) = throttle(&limits(None, Some(rate)));
            throttle.admit(0, rate / 2 + 1).unwrap();
            let mut admitted = 0;
            while throttle.admit(0, (rate / 100).max(1)).is_ok() {}
            for _ in 0..100 {
                clock.advance(Duration::from_millis(100));
                while throttle.admit(0, (rate / 200).max(1)).is_ok() {
                    admitted += (rate / 200).max(1);
                }
            }
            let expected = rate * 10;
            assert!(admitted.abs_diff(expected) <= expected / 100 + 1, "{rate}: {admitted} of {expected}");
        }
    }

    #[test]
    fn without_limits_everything_is_admitted() {
        let throttle = Throttle::new(None);
        throttle.admit(u32::MAX, u64::MAX).unwrap();
    }
}
