//! How long workers that were ordered hold back a scale-in.
//!
//! While they start or warm up, what they will do is not known, and no worker leaves. But one that fails again and
//! again must not keep the pool large for ever: as in an Auto Scaling group it is replaced all the while, and once
//! its grace period is over the pool is judged by the workers that it has.

use std::time::{Duration, Instant};

/// Shortest grace period: the first start of a program may take long.
const LEAST: Duration = Duration::from_secs(120);
/// Grace period in times that a start usually takes.
const STARTS: u32 = 8;

/// Workers of one pool that are ordered and not yet measured.
#[derive(Debug)]
pub(super) struct Awaited {
    warm_up: Duration,
    /// When the last one was ordered, lost, or came.
    since: Option<Instant>,
    desired: u32,
    /// Most workers that were measured since then.
    best: u32,
}

impl Awaited {
    pub fn new(warm_up: Duration) -> Self {
        Self { warm_up, since: None, desired: 0, best: 0 }
    }

    /// Goes on with the workers of another one.
    pub fn take_over(&mut self, other: &Self) {
        (self.since, self.desired, self.best) = (other.since, other.desired, other.best);
    }

    /// Whether workers are on their way. `start` is how long one usually takes from its order to service.
    pub fn watch(&mut self, now: Instant, desired: u32, measured: u32, start: Duration) -> bool {
        let is_more = desired > self.desired;
        self.desired = desired;
        if measured >= desired {
            self.since = None;
            return false;
        }
        // Only what was never there before shows that they come: one that fails comes back again and again.
        if self.since.is_none() || is_more || measured > self.best {
            (self.since, self.best) = (Some(now), measured);
        }
        let grace = (start * STARTS).max(LEAST) + self.warm_up;
        self.since.is_some_and(|since| now.saturating_duration_since(since) < grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(5);

    /// The first second in which none is awaited, of workers that are measured so.
    fn given_up(desired: u32, measured: impl Fn(u64) -> u32, start: Duration) -> Option<u64> {
        let begun = Instant::now();
        let mut awaited = Awaited::new(Duration::from_secs(30));
        let mut is_awaited =
            |second| awaited.watch(begun + Duration::from_secs(second), desired, measured(second), start);
        (0..2_000).find(|second| !is_awaited(*second))
    }

    #[test]
    fn a_worker_that_never_comes_is_awaited_for_its_grace_and_no_longer() {
        assert_eq!(given_up(4, |_| 3, START), Some(150));
        assert_eq!(given_up(4, |_| 3, Duration::from_secs(60)), Some(510), "eight usual starts");
        assert_eq!(given_up(4, |_| 4, START), Some(0));
    }

    #[test]
    fn each_that_comes_is_a_reason_to_wait_for_the_next_but_not_one_that_comes_back() {
        assert_eq!(given_up(4, |second| if second < 100 { 2 } else { 3 }, START), Some(250));
        // Of three one fails and comes back every ten seconds.
        assert_eq!(given_up(4, |second| if second % 10 < 5 { 3 } else { 2 }, START), Some(150));
    }

    #[test]
    fn another_order_or_another_loss_begins_it_anew() {
        let begun = Instant::now();
        let mut awaited = Awaited::new(Duration::ZERO);
        let mut at = |second, desired, measured| {
            awaited.watch(begun + Duration::from_secs(second), desired, measured, START)
        };
        assert!(at(0, 4, 3) && !at(120, 4, 3));
        assert!(at(121, 5, 3) && !at(241, 5, 3));
        assert!(!at(242, 3, 3), "all that are wanted are there");
        assert!(at(300, 3, 2) && !at(420, 3, 2));
    }
}
