//! Rate first: enough workers for what arrives, more while a backlog would miss the goal.
//!
//! A backlog alone says nothing once it is empty, so the wanted capacity is the arrival rate over
//! what one worker finishes in a second; the backlog adds to it only when the workers already
//! ordered will not clear it within half of the goal. Out at once, in with patience.

use super::{Decision, Learned, Rates};
use crate::pipeline::{Capacity, Observation, Scale};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Share of a worker's time that steady arrivals may take; the rest absorbs bursts.
const UTILISATION: f64 = 0.8;
/// Scale-in goes no lower than the most that was wanted within this time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Scale-in waits this long after any change.
const COOLDOWN: Duration = Duration::from_secs(10);
/// Changes smaller than these shares are not worth a step.
const LEAST_OUT: f64 = 0.05;
const LEAST_IN: f64 = 0.10;

/// Keeps the oldest waiting record younger than a goal.
#[derive(Debug)]
pub struct GoalAge {
    min: u32,
    max: u32,
    goal: Duration,
    rates: Rates,
    wanted: f64,
    /// Wanted capacities within [`PATIENCE`], one for each observation.
    recent: VecDeque<(Instant, u32)>,
    changed_at: Option<Instant>,
    arrivals: f64,
}

struct Want {
    workers: f64,
    because: String,
}

impl GoalAge {
    pub fn new(scale: &Scale) -> Self {
        Self {
            min: scale.min,
            max: scale.max.max(scale.min),
            goal: scale.goal_age.0.max(Duration::from_millis(1)),
            rates: Rates::default(),
            wanted: 0.0,
            recent: VecDeque::new(),
            changed_at: None,
            arrivals: 0.0,
        }
    }

    pub fn learned(&self) -> Learned {
        Learned {
            arrivals_per_second: self.arrivals,
            per_worker_per_second: self.rates.per_worker(),
            wanted: self.wanted,
        }
    }

    pub fn decide(&mut self, now: Instant, desired: Capacity, seen: &Observation) -> Option<Decision> {
        self.rates.learn(now, seen);
        self.arrivals = self.rates.arrivals(now);
        let want = self.want(desired.0, seen);
        self.wanted = want.workers;
        let bounded = whole(want.workers).clamp(self.min, self.max);
        self.recent.push_back((now, bounded));
        while self.recent.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > PATIENCE) {
            self.recent.pop_front();
        }
        let decision = self.step(now, desired.0, &want, bounded)?;
        self.changed_at = Some(now);
        Some(decision)
    }

    fn step(&self, now: Instant, desired: u32, want: &Want, bounded: u32) -> Option<Decision> {
        if bounded > desired && (want.workers > f64::from(desired) * (1.0 + LEAST_OUT) || desired < self.min)
        {
            let limit = if whole(want.workers) > self.max {
                format!("; the maximum is {}", self.max)
            } else {
                String::new()
            };
            let because = if whole(want.workers) < self.min {
                format!("the minimum is {}", self.min)
            } else {
                format!("{}{limit}", want.because)
            };
            return Some(Decision { to: Capacity(bounded), because });
        }
        let most = self.recent.iter().map(|(_, wanted)| *wanted).max().unwrap_or(bounded);
        let cooled = self.changed_at.is_none_or(|at| now.saturating_duration_since(at) >= COOLDOWN);
        let patient = self
            .recent
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) + Duration::from_secs(2) >= PATIENCE);
        let worth = f64::from(most) <= f64::from(desired) * (1.0 - LEAST_IN);
        (worth && cooled && patient).then(|| Decision {
            to: Capacity(most),
            because: format!("no more than {most} were needed in the last {} s", PATIENCE.as_secs()),
        })
    }

    fn want(&self, desired: u32, seen: &Observation) -> Want {
        match self.rates.per_worker() {
            Some(rate) if rate > 0.0 => self.want_at(rate, desired, seen),
            _ => self.want_unlearned(desired, seen),
        }
    }

    /// Before any work was seen: one worker to learn from, then doubling while records grow too old.
    fn want_unlearned(&self, desired: u32, seen: &Observation) -> Want {
        if seen.backlog == 0 && seen.in_flight == 0 {
            return Want { workers: 0.0, because: "nothing waits".to_owned() };
        }
        let age = seen.oldest_age.unwrap_or_default();
        if desired > 0 && age > self.goal / 2 {
            let because = format!(
                "the oldest of {} waiting is {:.1} s old and no rate is known yet",
                grouped(seen.backlog),
                age.as_secs_f64()
            );
            return Want { workers: f64::from(desired.saturating_mul(2)), because };
        }
        let because = format!("{} waiting and no worker", grouped(seen.backlog));
        Want { workers: f64::from(desired.max(1)), because }
    }

    fn want_at(&self, rate: f64, desired: u32, seen: &Observation) -> Want {
        let steady = self.arrivals / (UTILISATION * rate);
        let backlog = seen.backlog as f64;
        let half_goal = self.goal.as_secs_f64() / 2.0;
        let ordered = f64::from(desired) * rate;
        let clears_in_time = (ordered - self.arrivals) * half_goal >= backlog;
        if backlog > 0.0 && !clears_in_time {
            let workers = (steady + backlog / half_goal / rate).max(1.0);
            let because = format!(
                "backlog {} at {}/s per worker needs {} to meet {}",
                grouped(seen.backlog),
                per_second(rate),
                whole(workers),
                crate::units::Span(self.goal)
            );
            return Want { workers, because };
        }
        let because = format!(
            "{}/s arriving at {}/s per worker needs {}",
            per_second(self.arrivals),
            per_second(rate),
            whole(steady)
        );
        // A backlog that the ordered workers are clearing is no reason to send them home.
        let is_clearing = backlog > ordered * half_goal / 5.0;
        let held = if is_clearing { f64::from(desired) } else { 0.0 };
        let busy = if seen.backlog > 0 || seen.in_flight > 0 { 1.0 } else { 0.0 };
        Want { workers: steady.max(held).max(busy), because }
    }
}

/// Whole workers for a wanted capacity; a hair above a whole number is not worth one more.
fn whole(workers: f64) -> u32 {
    (workers - 0.01).ceil().max(0.0) as u32
}

fn per_second(rate: f64) -> String {
    if rate < 9.95 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}

/// Digits in groups of three: `12,400`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
