//! What each policy promises: observations by hand, a second apart, and no clock.

mod batches;
mod by_hand;
mod memory;
mod missing;
mod predictive;
mod properties;
mod scheduled;
mod several;
mod step;
mod target_tracking;
mod utilisation;

use super::{Autoscaler, Moment, Verdict, trial};
use crate::pipeline::{Observation, Scale};
use std::time::Duration;

/// A scale as a topology has it, in JSON.
fn scale(text: &str) -> Scale {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// A pool whose observations are set by hand.
struct Watch {
    scaler: Autoscaler,
    now: Moment,
    seen: Observation,
    /// Workers ordered are in service a second later; else as many as `seen` says.
    follows: bool,
    /// Share of its time that a worker in service is busy.
    busy: f64,
    /// Orders: second, capacity, who, why.
    log: Vec<(u32, u32, &'static str, String)>,
    /// What would have been ordered.
    would: Vec<(u32, u32)>,
    seconds: u32,
}

impl Watch {
    fn new(text: &str) -> Self {
        let scaler = Autoscaler::new(&scale(text));
        let seen = Observation { in_service: scaler.desired().0, ..Observation::default() };
        Self {
            scaler,
            now: trial::moment(),
            seen,
            follows: true,
            busy: 0.0,
            log: Vec::new(),
            would: Vec::new(),
            seconds: 0,
        }
    }

    fn at(text: &str, wall: &str) -> Self {
        let mut watch = Self::new(text);
        watch.now.wall = wall.parse().unwrap();
        watch
    }

    fn desired(&self) -> u32 {
        self.scaler.desired().0
    }

    fn second(&mut self) -> Verdict {
        self.now = later(self.now, Duration::from_secs(1));
        self.seconds += 1;
        if self.follows {
            self.seen.in_service = self.desired();
        }
        self.seen.busy_seconds += self.busy * f64::from(self.seen.in_service);
        let verdict = self.scaler.decide(self.now, &self.seen);
        match &verdict {
            Verdict::Scale(decision) => {
                let because = decision.because.clone();
                self.log.push((self.seconds, decision.to.0, decision.by, because));
            }
            Verdict::Would(decision) => self.would.push((self.seconds, decision.to.0)),
            Verdict::Forecast(_) | Verdict::Hold => {}
        }
        verdict
    }

    fn seconds(&mut self, count: u32) {
        (0..count).for_each(|_| drop(self.second()));
    }

    /// The last order: capacity, who, why.
    fn last(&self) -> (u32, &'static str, &str) {
        let (_, to, by, because) = self.log.last().expect("an order");
        (*to, by, because)
    }
}

fn later(now: Moment, by: Duration) -> Moment {
    Moment { instant: now.instant + by, wall: now.wall + by }
}
