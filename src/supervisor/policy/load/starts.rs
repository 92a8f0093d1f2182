//! How long workers take to come into service after they were ordered.

use crate::supervisor::policy::words::milliseconds;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Assumed until a start has been seen.
const UNSEEN: Duration = Duration::from_secs(5);
/// Weight of the newest start.
const WEIGHT: f64 = 0.3;
/// Orders that are followed at once; more are taken as one with the newest.
const MOST_ORDERS: usize = 16;
/// A start that takes so many times longer than usual is no longer waited for.
const GIVEN_UP: u32 = 8;

/// What is kept of them across a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StartsMemory {
    /// From an order to service, milliseconds.
    pub start: Option<u64>,
    /// Orders under way: milliseconds ago, and the capacity.
    pub orders: Vec<(u64, u32)>,
}

/// Start times of one pool.
#[derive(Debug, Default)]
pub struct Starts {
    learned: Option<Duration>,
    /// Capacities ordered and not yet in service in full, the oldest first.
    orders: VecDeque<(Instant, u32)>,
}

impl Starts {
    pub fn remember(&self, now: Instant) -> StartsMemory {
        StartsMemory {
            start: self.learned.map(|start| u64::try_from(start.as_millis()).unwrap_or(u64::MAX)),
            orders: self.orders.iter().map(|(at, to)| (milliseconds(now, *at), *to)).collect(),
        }
    }

    /// Takes up what was kept `age` ago; orders, only while they may still be under way.
    pub fn recall(&mut self, now: Instant, age: Option<Duration>, memory: &StartsMemory) {
        self.learned = memory.start.map(Duration::from_millis);
        let Some(age) = age else { return };
        let order = |(ago, to): &(u64, u32)| {
            Some((now.checked_sub(Duration::from_millis(*ago).saturating_add(age))?, *to))
        };
        self.orders = memory.orders.iter().take(MOST_ORDERS).filter_map(order).collect();
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
