//! Bounds and capacities at set times.

use super::{Decision, opinion::Opinion};
use crate::pipeline::{ScheduledPolicy, Times};
use jiff::Timestamp;

#[derive(Debug)]
struct Entry {
    policy: ScheduledPolicy,
    times: Times,
    next: Option<Timestamp>,
}

/// A bound that a schedule has set.
#[derive(Debug, Clone)]
struct Bound {
    workers: u32,
    since: Timestamp,
    /// The schedule, in words.
    by: String,
}

/// All schedules of one pool, and the bounds that follow from the latest of them.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    entries: Vec<Entry>,
    min: Option<Bound>,
    max: Option<Bound>,
    begun: bool,
}

fn words(policy: &ScheduledPolicy) -> String {
    format!("scheduled at {} ({})", policy.cron, policy.time_zone)
}

impl Schedules {
    /// A schedule that cannot be read is refused by `caudal check` and has no times here.
    pub fn add(&mut self, policy: &ScheduledPolicy) {
        if let Ok(times) = policy.times() {
            self.entries.push(Entry { policy: policy.clone(), times, next: None });
        }
    }

    /// Applies what has become due; answers the capacity that it asks for, if any.
    pub fn watch(&mut self, now: Timestamp) -> Option<Decision> {
        if !self.begun {
            self.begin(now);
            return None;
        }
        let mut due: Vec<(Timestamp, ScheduledPolicy)> = Vec::new();
        for entry in &mut self.entries {
            let Some(time) = entry.next.filter(|time| *time <= now) else { continue };
            due.push((entry.times.last(now).unwrap_or(time), entry.policy.clone()));
            entry.next = entry.times.next(now);
        }
        self.apply(&mut due);
        let (_, policy) = due.into_iter().rev().find(|(_, policy)| policy.desired.is_some())?;
        let opinion = Opinion { to: policy.desired?, because: words(&policy) };
        Some(opinion.by(Decision::SCHEDULE))
    }

    /// What held before `from` holds still; a capacity was for its time only.
    pub fn begin(&mut self, from: Timestamp) {
        self.begun = true;
        let mut past = Vec::new();
        for entry in &mut self.entries {
            entry.next = entry.times.next(from);
            past.extend(entry.times.last(from).map(|time| (time, entry.policy.clone())));
        }
        self.apply(&mut past);
    }

    fn apply(&mut self, due: &mut [(Timestamp, ScheduledPolicy)]) {
        due.sort_by_key(|(time, _)| *time);
        for (time, policy) in due {
            let bound = |workers| Bound { workers, since: *time, by: words(policy) };
            self.min = policy.min.map(bound).or(self.min.take());
            self.max = policy.max.map(bound).or(self.max.take());
        }
    }

    /// The bounds now, in place of those of the topology. Where they would cross, the one set later moves the
    /// other.
    pub fn bounds(&self, min: u32, max: u32) -> (u32, u32) {
        let workers = |bound: &Option<Bound>, otherwise| bound.as_ref().map_or(otherwise, |one| one.workers);
        let (low, high) = (workers(&self.min, min), workers(&self.max, max));
        let since = |bound: &Option<Bound>| bound.as_ref().map(|one| one.since);
        match low > high {
            true if since(&self.max) > since(&self.min) => (high, high),
            true => (low, low),
            false => (low, high),
        }
    }

    /// Who set the minimum in force.
    pub fn min_by(&self) -> &'static str {
        if self.min.is_some() { Decision::SCHEDULE } else { Decision::BOUNDS }
    }

    /// Who set the maximum in force.
    pub fn max_by(&self) -> &'static str {
        if self.max.is_some() { Decision::SCHEDULE } else { Decision::BOUNDS }
    }

    /// What is to be said of the minimum in force.
    pub fn min_words(&self) -> String {
        self.min.as_ref().map_or_else(String::new, |bound| format!(", {}", bound.by))
    }

    /// What is to be said of the maximum in force.
    pub fn max_words(&self) -> String {
        self.max.as_ref().map_or_else(String::new, |bound| format!(", {}", bound.by))
    }
}
