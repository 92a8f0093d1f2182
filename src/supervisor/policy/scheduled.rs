//! Bounds and capacities at set times.

use super::opinion::Opinion;
use crate::pipeline::{ScheduledPolicy, Times};
use jiff::Timestamp;

#[derive(Debug)]
struct Entry {
    policy: ScheduledPolicy,
    times: Times,
    next: Option<Timestamp>,
}

/// All schedules of one pool, and the bounds that follow from the latest of them.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    entries: Vec<Entry>,
    min: Option<u32>,
    max: Option<u32>,
    begun: bool,
}

impl Schedules {
    /// A schedule that cannot be read is refused by `caudal check` and has no times here.
    pub fn add(&mut self, policy: &ScheduledPolicy) {
        if let Ok(times) = policy.times() {
            self.entries.push(Entry { policy: policy.clone(), times, next: None });
        }
    }

    /// Applies what has become due; answers the capacity that it asks for, if any.
    pub fn watch(&mut self, now: Timestamp) -> Option<Opinion> {
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
        let because = format!("scheduled at {} ({})", policy.cron, policy.time_zone);
        Some(Opinion { to: policy.desired?, because })
    }

    /// What held before the pool was watched holds still; a capacity was for its time only.
    fn begin(&mut self, now: Timestamp) {
        self.begun = true;
        let mut past = Vec::new();
        for entry in &mut self.entries {
            entry.next = entry.times.next(now);
            past.extend(entry.times.last(now).map(|time| (time, entry.policy.clone())));
        }
        self.apply(&mut past);
    }

    fn apply(&mut self, due: &mut [(Timestamp, ScheduledPolicy)]) {
        due.sort_by_key(|(time, _)| *time);
        for (_, policy) in due {
            self.min = policy.min.or(self.min);
            self.max = policy.max.or(self.max);
        }
    }

    /// The bounds now, in place of those of the topology.
    pub fn bounds(&self, min: u32, max: u32) -> (u32, u32) {
        let (scheduled_min, scheduled_max) = (self.min.unwrap_or(min), self.max.unwrap_or(max));
        match (self.min, self.max) {
            // One bound alone moves the other where they would cross.
            (None, Some(_)) => (scheduled_min.min(scheduled_max), scheduled_max),
            _ => (scheduled_min, scheduled_max.max(scheduled_min)),
        }
    }
}
