//! Numaflow's own autoscaling of a source vertex.
//!
//! Sources: numaproj/numaflow, "Autoscaling" of the user guide (defaults) and of the specifications
//! (formula), and `pkg/reconciler/vertex/scaling` for what happens at the edges:
//! pending / target seconds / rate of one replica; at least one while anything moves; at most two
//! replicas more or fewer in one step, and 90 s between two steps.

use super::window::Window;
use crate::{
    pipeline::Observation,
    simulation::{Ordered, PoolModel, Sizing},
    supervisor::Moment,
};
use std::time::{Duration, Instant};

/// How often rate and pending are sampled here; the controller looks every 30 s.
const SAMPLE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(30);
/// `lookbackSeconds`.
const LOOKBACK: Duration = Duration::from_secs(120);
/// `targetProcessingSeconds`.
const TARGET_SECONDS: f64 = 20.0;
/// `scaleUpCooldownSeconds`, `scaleDownCooldownSeconds`.
const COOLDOWN: Duration = Duration::from_secs(90);
/// `zeroReplicaSleepSeconds`.
const SLEEP_AT_ZERO: Duration = Duration::from_secs(120);
/// `replicasPerScaleUp`, `replicasPerScaleDown`.
const STEP: u32 = 2;

/// Pending records over what the present replicas process, two replicas at a time.
#[derive(Debug)]
pub struct Numaflow {
    min: u32,
    max: u32,
    processed: Window,
    pending: Window,
    looked: Option<Instant>,
    scaled: Option<Instant>,
    because: String,
}

impl Numaflow {
    pub fn new(pool: &PoolModel) -> Self {
        Self {
            min: pool.min,
            max: pool.max.max(pool.min),
            processed: Window::of(LOOKBACK),
            pending: Window::of(LOOKBACK),
            looked: None,
            scaled: None,
            because: String::new(),
        }
    }

    fn has_passed(since: Option<Instant>, now: Instant, span: Duration) -> bool {
        since.is_none_or(|at| now.saturating_duration_since(at) >= span)
    }

    /// What the formula asks for; `None` when the rate is not known yet or no replica is ready.
    fn wanted(&self, ready: u32) -> Option<u32> {
        let (rate, pending) = (self.processed.rate()?, self.pending.mean());
        if ready == 0 {
            return None;
        }
        if rate <= 0.0 || pending <= 0.0 {
            return Some(u32::from(rate > 0.0 || pending > 0.0));
        }
        let wanted = (pending / rate / TARGET_SECONDS * f64::from(ready)).round().max(1.0);
        Some(wanted.min(pending).max(1.0) as u32)
    }

    fn step(current: u32, wanted: u32) -> u32 {
        wanted.clamp(current.saturating_sub(STEP), current.saturating_add(STEP))
    }
}

impl Sizing for Numaflow {
    fn name(&self) -> &str {
        "numaflow"
    }

    fn every(&self) -> Duration {
        SAMPLE
    }

    fn desired(&mut self, now: Moment, current: Ordered, seen: &Observation) -> u32 {
        let now = now.instant;
        self.processed.push(now, seen.processed as f64);
        self.pending.push(now, (seen.backlog + seen.in_flight) as f64);
        if !Self::has_passed(self.looked, now, LOOK) {
            return current.desired;
        }
        self.looked = Some(now);
        let next = match current.desired {
            0 if Self::has_passed(self.scaled, now, SLEEP_AT_ZERO) => 1,
            0 => 0,
            replicas => match self.wanted(current.in_service) {
                Some(wanted) if Self::has_passed(self.scaled, now, COOLDOWN) => {
                    Self::step(replicas, wanted.clamp(self.min, self.max))
                }
                _ => replicas,
            },
        };
        if next != current.desired {
            self.scaled = Some(now);
            let (pending, rate) = (self.pending.mean(), self.processed.rate().unwrap_or_default());
            self.because = format!("{pending:.0} pending in the mean, {rate:.0}/s processed");
        }
        next
    }

    fn because(&self) -> String {
        self.because.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Clock, pool, settled},
        *,
    };

    struct Vertex {
        numaflow: Numaflow,
        clock: Clock,
        seen: Observation,
        replicas: u32,
    }

    fn vertex(replicas: u32, backlog: u64) -> Vertex {
        Vertex {
            numaflow: Numaflow::new(&PoolModel { min: 0, ..pool() }),
            clock: Clock::new(),
            seen: Observation { backlog, ..Observation::default() },
            replicas,
        }
    }

    impl Vertex {
        fn pass(&mut self, samples: u32, rate: u64) -> u32 {
            for _ in 0..samples {
                self.seen.processed += rate * 5;
                let now = self.clock.pass(SAMPLE);
                self.replicas = self.numaflow.desired(now, settled(self.replicas), &self.seen);
            }
            self.replicas
        }
    }

    #[test]
    fn the_example_of_the_specification_is_met_in_one_step() {
        let mut vertex = vertex(2, 60_000 / 3 * 20);
        vertex.pass(6, 10_000);
        assert_eq!(vertex.numaflow.wanted(2), Some(4), "60,000 in 3 s is as 400,000 in 20 s");
        assert_eq!(vertex.pass(1, 10_000), 4);
    }

    #[test]
    fn at_most_two_replicas_in_ninety_seconds() {
        let mut vertex = vertex(10, 1_000_000);
        assert_eq!(vertex.pass(7, 100), 12);
        assert_eq!(vertex.pass(17, 100), 12);
        assert_eq!(vertex.pass(1, 100), 14);
        vertex.seen.backlog = 0;
        let most = vertex.pass(48, 100);
        assert_eq!(vertex.pass(18, 100), most - 2, "with nothing waiting one replica is wanted");
        assert_eq!(vertex.pass(18, 100), most - 4);
    }

    #[test]
    fn without_any_traffic_it_sleeps_and_peeks_after_two_minutes() {
        let mut vertex = vertex(1, 0);
        assert_eq!(vertex.pass(7, 0), 0);
        assert_eq!(vertex.pass(23, 0), 0);
        vertex.seen.backlog = 5;
        assert_eq!(vertex.pass(1, 0), 1);
    }
}
