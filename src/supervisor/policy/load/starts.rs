//! How long workers take to come into service after they were ordered.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Assumed until a start has been seen.
const UNSEEN: Duration = Duration::from_secs(2);
/// Weight of the newest start.
const WEIGHT: f64 = 0.3;
/// Orders that are followed at once; more are taken as one with the newest.
const MOST_ORDERS: usize = 16;
/// A start that takes so many times longer than usual is no longer waited for.
const GIVEN_UP: u32 = 8;

/// Start times of one pool.
#[derive(Debug, Default)]
pub struct Starts {
    learned: Option<Duration>,
    /// Capacities ordered and not yet in service in full, the oldest first.
    orders: VecDeque<(Instant, u32)>,
}

impl Starts {
    pub fn recall(&mut self, start: Option<Duration>) {
        self.learned = start;
    }

    pub fn learned(&self) -> Option<Duration> {
        self.learned
    }

    /// Takes in what is ordered and what is in service.
    pub fn watch(&mut self, now: Instant, desired: u32, in_service: u32) {
        let ordered = self.orders.back().map_or(in_service, |(_, to)| *to);
        if desired < ordered {
            self.orders.retain(|(_, to)| *to <= desired);
        }
        let ordered = self.orders.back().map_or(in_service, |(_, to)| *to);
        if desired > ordered {
            if self.orders.len() >= MOST_ORDERS {
                self.orders.pop_back();
            }
            self.orders.push_back((now, desired));
        }
        let patience = self.expected().max(UNSEEN) * GIVEN_UP;
        while let Some((at, to)) = self.orders.front().copied() {
            let took = now.saturating_duration_since(at);
            if in_service >= to {
                let before = self.learned.unwrap_or(took);
                self.learned = Some(before.mul_f64(1.0 - WEIGHT) + took.mul_f64(WEIGHT));
            } else if took < patience {
                break;
            }
            self.orders.pop_front();
        }
    }

    /// From an order to service.
    pub fn expected(&self) -> Duration {
        self.learned.unwrap_or(UNSEEN)
    }

    /// Seconds of work that what is ordered can do from now until `until`, summed over the workers.
    pub fn worker_seconds(&self, now: Instant, in_service: u32, until: Duration) -> f64 {
        let mut sum = f64::from(in_service) * until.as_secs_f64();
        let mut counted = in_service;
        for (at, to) in &self.orders {
            let ready = (*at + self.expected()).saturating_duration_since(now);
            let more = to.saturating_sub(counted);
            sum += f64::from(more) * until.saturating_sub(ready).as_secs_f64();
            counted = counted.max(*to);
        }
        sum
    }
}
