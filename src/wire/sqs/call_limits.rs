//! AWS's limits of FIFO queues, where they are asked for: 300 calls of each kind a second on a queue, so 3,000 messages
//! in batches of ten. With `FifoThroughputLimit` by group each group may be sent to as often, and the whole queue may be
//! called 70,000 times a second, as AWS has it where it has most.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>

use super::{Sqs, errors};
use crate::{
    pipeline::{
        queue::directory::QueueResource,
        stream::directory::{LIMITS_TAG, limits_by_tag},
    },
    storage::{Fingerprint, QueueId},
    wire::ServiceError,
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use std::{hash::Hash, num::NonZeroU32};

const CALLS: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);
const CALLS_IN_ALL: NonZeroU32 = NonZeroU32::MIN.saturating_add(69_999);
/// Meters after which those that are at rest are dropped.
const MOST_METERS: usize = 8_192;

/// Calls that are counted together: one message or a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Send,
    Receive,
    Delete,
    ChangeVisibility,
}

type Meters<K, C> = RateLimiter<K, DefaultKeyedStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The calls of all FIFO queues. A second's worth may come at once; then each call waits its turn.
#[derive(Debug)]
pub(super) struct CallLimits<C: Clock = DefaultClock> {
    queues: Meters<(QueueId, Call), C>,
    /// Queues whose limit is by group.
    high: Meters<(QueueId, Call), C>,
    groups: Meters<(QueueId, Fingerprint), C>,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self::with_clock(&DefaultClock::default())
    }
}

impl<C: Clock + Clone> CallLimits<C> {
    fn with_clock(clock: &C) -> Self {
        fn meters<K: Hash + Eq + Clone, C: Clock + Clone>(calls: NonZeroU32, clock: &C) -> Meters<K, C> {
            RateLimiter::new(Quota::per_second(calls), DefaultKeyedStateStore::default(), clock.clone())
        }
        let (queues, high) = (meters(CALLS, clock), meters(CALLS_IN_ALL, clock));
        Self { queues, high, groups: meters(CALLS, clock) }
    }
}

impl<C: Clock> CallLimits<C> {
    /// Lets a call pass, or not; `groups` are those that are sent to, each once.
    fn admit(&self, queue: QueueId, call: Call, by_group: bool, groups: &[Fingerprint]) -> bool {
        if !by_group {
            return passes(&self.queues, &(queue, call));
        }
        passes(&self.high, &(queue, call))
            && groups.iter().all(|group| passes(&self.groups, &(queue, *group)))
    }
}

fn passes<K: Hash + Eq + Clone, C: Clock>(meters: &Meters<K, C>, key: &K) -> bool {
    if meters.len() >= MOST_METERS {
        meters.retain_recent();
        meters.shrink_to_fit();
    }
    meters.check_key(key).is_ok()
}

impl Sqs {
    /// Lets a call on a queue pass that sends to these groups.
    ///
    /// # Errors
    /// `ThrottlingException` for a FIFO queue with limits.
    pub(super) fn admit<'g>(
        &self,
        queue: &QueueResource,
        call: Call,
        groups: impl IntoIterator<Item = &'g str>,
    ) -> Result<(), ServiceError> {
        if !self.is_limited(queue) {
            return Ok(());
        }
        let mut groups: Vec<Fingerprint> =
            groups.into_iter().map(|group| Fingerprint::of(group.as_bytes())).collect();
        groups.sort_unstable();
        groups.dedup();
        match self.calls.admit(queue.queue.id(), call, queue.terms().limit_by_group, &groups) {
            true => Ok(()),
            false => Err(errors::throttled()),
        }
    }

    fn is_limited(&self, queue: &QueueResource) -> bool {
        if !queue.queue.is_fifo() {
            return false;
        }
        let by_tag = || limits_by_tag(&queue.tag(LIMITS_TAG)?);
        queue.queue.section().limits.or_else(by_tag).unwrap_or(self.settings.limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;
    use std::time::Duration;

    const QUEUE: QueueId = QueueId(7);

    fn group(name: &str) -> [Fingerprint; 1] {
        [Fingerprint::of(name.as_bytes())]
    }

    fn limits() -> (CallLimits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (CallLimits::with_clock(&clock), clock)
    }

    fn passing(mut admit: impl FnMut() -> bool) -> usize {
        (0..100_000).take_while(|_| admit()).count()
    }

    #[test]
    fn three_hundred_calls_of_each_kind_a_second_pass_on_each_queue() {
        let (limits, clock) = limits();
        let sends = || passing(|| limits.admit(QUEUE, Call::Send, false, &group("a")));
        assert_eq!(sends(), 300);
        clock.advance(Duration::from_millis(100));
        assert_eq!(sends(), 30);
        clock.advance(Duration::from_secs(60));
        assert_eq!(sends(), 300);
        for call in [Call::Receive, Call::Delete, Call::ChangeVisibility] {
            assert_eq!(passing(|| limits.admit(QUEUE, call, false, &[])), 300);
        }
        assert_eq!(passing(|| limits.admit(QueueId(8), Call::Send, false, &[])), 300);
    }

    #[test]
    fn by_group_each_group_passes_as_often_and_the_whole_queue_more() {
        let (limits, _clock) = limits();
        for name in ["a", "b"] {
            assert_eq!(passing(|| limits.admit(QUEUE, Call::Send, true, &group(name))), 300);
        }
        assert_eq!(passing(|| limits.admit(QUEUE, Call::Receive, true, &[])), 70_000);
    }

    #[test]
    fn however_many_groups_there_are_those_at_rest_are_forgotten() {
        let (limits, clock) = limits();
        for round in 0..3 {
            for name in 0..MOST_METERS {
                assert!(limits.admit(QUEUE, Call::Send, true, &group(&format!("{round}/{name}"))));
            }
            clock.advance(Duration::from_secs(2));
        }
        assert!(limits.groups.len() <= MOST_METERS + 1, "{}", limits.groups.len());
    }
}
