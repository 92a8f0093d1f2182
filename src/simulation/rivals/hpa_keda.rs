//! Kubernetes' horizontal pod autoscaler, fed and switched on and off by KEDA's SQS scaler.
//!
//! Sources: keda-docs, "AWS SQS queue" (`queueLength` 5; messages that wait and are in flight) and
//! "ScaledObject specification" (polling 30 s from zero, cooldown 300 s to zero); Kubernetes,
//! "Horizontal pod autoscaling" (loop 15 s, tolerance 10 %, `ceil(total / target)`, out by the larger
//! of 100 % and 4 pods in 15 s, in to the most that was recommended within 300 s).

use super::window::Window;
use crate::{
    pipeline::Observation,
    simulation::{Ordered, PoolModel, Sizing},
    supervisor::Moment,
};
use std::time::{Duration, Instant};

/// KEDA's default target: messages for each pod.
const QUEUE_LENGTH: f64 = 5.0;
const POLLING: Duration = Duration::from_secs(30);
const COOLDOWN: Duration = Duration::from_secs(300);
const SYNC: Duration = Duration::from_secs(15);
const TOLERANCE: f64 = 0.1;
const MOST_PODS_OUT: u32 = 4;
const MOST_PERCENT_OUT: u32 = 100;
const STABILISATION_IN: Duration = Duration::from_secs(300);

/// Messages per pod against a fixed number.
#[derive(Debug)]
pub struct HpaKeda {
    name: &'static str,
    queue_length: f64,
    min: u32,
    max: u32,
    recommended: Window,
    polled: Option<Instant>,
    /// When messages were last seen; the first look counts as one.
    active: Option<Instant>,
    because: String,
}

impl HpaKeda {
    /// With the scaler's default `queueLength`.
    pub fn new(pool: &PoolModel) -> Self {
        Self::with("hpa-keda", QUEUE_LENGTH, pool)
    }

    /// With the `queueLength` that one worker can work off within the goal, as AWS derives it.
    pub fn for_goal(pool: &PoolModel) -> Self {
        Self::with("hpa-keda-goal", super::records_within_goal(pool), pool)
    }

    fn with(name: &'static str, queue_length: f64, pool: &PoolModel) -> Self {
        Self {
            name,
            queue_length,
            min: pool.min,
            max: pool.max.max(pool.min),
            recommended: Window::of(STABILISATION_IN),
            polled: None,
            active: None,
            because: String::new(),
        }
    }

    /// KEDA's part: from none to one, when it looks at the queue.
    fn zero_to_one(&mut self, now: Instant, messages: f64) -> u32 {
        let looks = self.polled.is_none_or(|at| now.saturating_duration_since(at) >= POLLING);
        if !looks {
            return 0;
        }
        self.polled = Some(now);
        if messages > 0.0 { self.min.max(1) } else { 0 }
    }

    /// The autoscaler's part: from one to many.
    fn one_to_many(&mut self, now: Instant, pods: u32, messages: f64) -> u32 {
        let ratio = messages / (self.queue_length * f64::from(pods));
        let recommended = match (ratio - 1.0).abs() <= TOLERANCE {
            true => f64::from(pods),
            false => (messages / self.queue_length).ceil(),
        };
        self.recommended.push(now, recommended);
        let most = self.recommended.most() as u32;
        let stable = if recommended as u32 >= pods { recommended as u32 } else { most.min(pods) };
        let by_percent = pods.saturating_add(pods.saturating_mul(MOST_PERCENT_OUT).div_ceil(100));
        let limit = by_percent.max(pods.saturating_add(MOST_PODS_OUT));
        stable.min(limit).clamp(self.min.max(1), self.max.max(1))
    }
}

impl Sizing for HpaKeda {
    fn name(&self) -> &str {
        self.name
    }

    fn every(&self) -> Duration {
        SYNC
    }

    fn desired(&mut self, now: Moment, current: Ordered, seen: &Observation) -> u32 {
        let now = now.instant;
        let messages = (seen.backlog + seen.in_flight) as f64;
        self.because = format!("{messages} waiting or in flight at {} per pod", self.queue_length);
        if self.active.is_none() {
            self.recommended.push(now, f64::from(current.desired));
        }
        let active = *self.active.get_or_insert(now);
        if messages > 0.0 {
            self.active = Some(now);
        }
        if current.desired == 0 {
            return self.zero_to_one(now, messages);
        }
        self.polled = None;
        let has_cooled = messages == 0.0 && now.saturating_duration_since(active) >= COOLDOWN;
        if self.min == 0 && has_cooled { 0 } else { self.one_to_many(now, current.desired, messages) }
    }

    fn because(&self) -> String {
        self.because.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Clock, pool, settled, waiting},
        *,
    };

    #[test]
    fn pods_follow_the_queue_length_and_at_most_double_or_add_four() {
        let mut hpa = HpaKeda::new(&pool());
        let mut clock = Clock::new();
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(2), &waiting(30)), 6, "30 / 5");
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(2), &waiting(500)), 6, "2 + 4");
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(30), &waiting(500)), 60, "twice 30");
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(90), &waiting(500)), 100, "500 / 5");
    }

    #[test]
    fn a_tenth_more_or_less_changes_nothing() {
        let mut hpa = HpaKeda::new(&pool());
        let mut clock = Clock::new();
        for messages in [46, 50, 54] {
            assert_eq!(hpa.desired(clock.pass(SYNC), settled(10), &waiting(messages)), 10, "{messages}");
        }
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(10), &waiting(56)), 12);
    }

    #[test]
    fn scale_in_goes_to_the_most_of_the_last_five_minutes() {
        let mut hpa = HpaKeda::new(&pool());
        let mut clock = Clock::new();
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(10), &waiting(30)), 10, "what it began with");
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(10), &waiting(40)), 10);
        let decided: Vec<u32> =
            (0..20).map(|_| hpa.desired(clock.pass(SYNC), settled(10), &waiting(10))).collect();
        assert_eq!(decided[..18], [10; 18]);
        assert_eq!(decided[18..], [8, 2], "300 s after the 10, then after the 8");
    }

    #[test]
    fn none_becomes_one_at_a_poll_and_one_becomes_none_after_the_cooldown() {
        let mut hpa = HpaKeda::new(&PoolModel { min: 0, ..pool() });
        let mut clock = Clock::new();
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(0), &waiting(0)), 0);
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(0), &waiting(50)), 0, "between two polls");
        assert_eq!(hpa.desired(clock.pass(SYNC), settled(0), &waiting(50)), 1);
        let quiet: Vec<u32> =
            (0..20).map(|_| hpa.desired(clock.pass(SYNC), settled(1), &waiting(0))).collect();
        assert_eq!((quiet[18], quiet[19]), (1, 0), "{quiet:?}");
    }

    #[test]
    fn the_goal_gives_the_other_queue_length() {
        assert_eq!(HpaKeda::for_goal(&pool()).queue_length, 100.0);
    }
}
